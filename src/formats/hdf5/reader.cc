#include "formats/hdf5/reader.h"

#include <algorithm>
#include <cstring>

#include "formats/file.h"
#include "formats/hdf5/blocks.h"
#include "formats/hdf5/checksum.h"
#include "formats/hdf5/chunks.h"
#include "formats/hdf5/dense.h"
#include "formats/hdf5/messages.h"
#include "formats/hdf5/object_header.h"

namespace pumice {
namespace {

constexpr std::string_view kSignature("\x89HDF\r\n\x1a\n", 8);
constexpr size_t kMostFaults = 64;
constexpr size_t kLongestPath = 300;  // of one that is shown
// Keras's paths together are a fraction of its files; with names of 1,000 bytes three times as
// much.
constexpr uint64_t kPathsPerByte = 16, kFreePathBytes = 1 << 20;

Error malformed(const char* what) {
  return Error(ErrorCode::kMalformed, std::string("HDF5: ") + what);
}
Error unsupported(const std::string& what) {
  return Error(ErrorCode::kUnsupported, "HDF5: pumice does not read " + what);
}

/// The address of the root's object header, from the superblock.
Result<uint64_t> read_superblock(const Hdf5Blocks& blocks) {
  PUMICE_TRY(const auto head, blocks.look(0, std::min<uint64_t>(96, blocks.file().size())));
  Hdf5Cursor c(head);
  if (!c.mark(kSignature))
    return Error(ErrorCode::kUnknownFormat, "does not begin as an HDF5 file");
  const uint8_t version = c.u8();
  uint64_t base = 0, end = 0, root = 0;
  uint8_t offsets = 0, lengths = 0;
  if (version <= 1) {
    c.skip(4);
    offsets = c.u8(), lengths = c.u8();
    c.skip(version == 0 ? 9 : 13);
    base = c.u64();
    c.skip(8);
    end = c.u64();
    c.skip(16);
    root = c.u64();
  } else if (version <= 3) {
    offsets = c.u8(), lengths = c.u8();
    c.skip(1);
    base = c.u64();
    c.skip(8);
    end = c.u64();
    root = c.u64();
    const size_t size = c.at();
    const uint32_t sum = c.u32();
    if (c.ok() && blocks.checksums() && sum != hdf5_checksum(head.first(size)))
      return malformed("the superblock's checksum does not match").hint("The file is damaged.");
  } else {
    return unsupported("superblocks of version " + std::to_string(version));
  }
  if (!c.ok()) return Error(ErrorCode::kTruncated, "HDF5: the file ends within its first block");
  if (offsets != 8 || lengths != 8)
    return unsupported("files whose addresses have " + std::to_string(offsets) + " bytes");
  if (base != 0) return unsupported("files with a user block");
  if (end > blocks.file().size())
    return Error(ErrorCode::kTruncated, "HDF5: the file ends too early")
        .expected(std::to_string(end) + " bytes")
        .found(std::to_string(blocks.file().size()))
        .hint("The file is cut short: copy or download it again.");
  return root;
}

class TreeReader {
 public:
  TreeReader(const Bytes& file, const Hdf5Limits& limits)
      : blocks_(file, limits.checksums),
        limits_(limits),
        most_path_bytes_(kPathsPerByte * file.size() + kFreePathBytes) {}

  Result<Hdf5File> read() {
    PUMICE_TRY(const uint64_t root, read_superblock(blocks_));
    Hdf5File out;
    PUMICE_TRY(out.root, object(root, "", 0));
    if (out.root.dataset) return malformed("the root is no group");
    out.faults = std::move(faults_);
    return out;
  }

 private:
  void fault(std::string path, Error error) {
    if (path.size() > kLongestPath) path.replace(kLongestPath / 2, path.size() - kLongestPath, "…");
    if (faults_.size() < kMostFaults) {
      faults_.push_back({std::move(path), std::move(error)});
    } else if (faults_.size() == kMostFaults) {
      faults_.push_back({"", Error(ErrorCode::kMalformed, "HDF5: more of it cannot be read")});
    }
  }

  // ---- objects

  Result<Hdf5Object> object(uint64_t address, const std::string& path, uint32_t depth) {
    if (depth > limits_.max_depth)
      return Error(ErrorCode::kTooLarge, "HDF5: the groups are nested too deeply")
          .expected("at most " + std::to_string(limits_.max_depth));
    PUMICE_TRY(const auto all, read_hdf5_header(blocks_, address));
    Hdf5Object out;
    const auto find = [&](uint8_t type) -> const Hdf5Message* {
      for (const Hdf5Message& m : all)
        if (m.type == type) return &m;
      return nullptr;
    };
    out.dataset = find(0x08) != nullptr;
    const bool group = find(0x11) || find(0x02) || find(0x06);
    if (!out.dataset && !group)
      return find(0x03) ? unsupported("committed datatypes")
                        : malformed("an object is neither group nor dataset");
    for (const Hdf5Message& m : all) {
      if (m.type == 0x0c) add_attribute(m, path, out);
      if (m.type == 0x15) {
        Hdf5Cursor c(m.body);
        c.skip(1);
        c.skip(c.u8() & 1 ? 2 : 0);
        dense(c, path + "@", [&](std::span<const std::byte> body) {
          add_attribute({0x0c, 0, body}, path, out);
        });
      }
      if (m.type > 0x18 && m.flags & 0x80)
        return unsupported("an object with messages of a newer format");
    }
    if (out.dataset) {
      if (find(0x07)) return unsupported("data in external files");
      PUMICE_TRY(out.data,
                 dataset(find(0x01), find(0x03), *find(0x08), find(0x0b), find(0x05), find(0x04)));
      return out;
    }
    if (const Hdf5Message* table = find(0x11)) PUMICE_CHECK(old_links(*table, path, depth, out));
    if (const Hdf5Message* info = find(0x02)) {
      Hdf5Cursor c(info->body);
      c.skip(1);
      c.skip(c.u8() & 1 ? 8 : 0);
      dense(c, path, [&](std::span<const std::byte> body) { new_link(body, path, depth, out); });
    }
    for (const Hdf5Message& m : all)
      if (m.type == 0x06) new_link(m.body, path, depth, out);
    std::sort(out.links.begin(), out.links.end(),
              [](const Hdf5Link& a, const Hdf5Link& b) { return a.name < b.name; });
    for (size_t i = 1; i < out.links.size(); ++i)
      if (out.links[i].name == out.links[i - 1].name)
        return malformed("two objects of one group have the same name");
    return out;
  }

  /// Messages that are too many for the header: the addresses of their heap and its index follow.
  template <typename F>
  void dense(Hdf5Cursor c, const std::string& path, F each) {
    const uint64_t heap = c.u64(), index = c.u64();
    if (!c.ok()) return fault(path, malformed("a message ends too early"));
    if (heap == kHdf5Undefined) return;
    auto read = read_dense_messages(blocks_, heap, index, [&](auto body) {
      if (body.ok()) {
        each(*body);
      } else {
        fault(path, std::move(body).error());
      }
    });
    if (!read.ok()) fault(path, std::move(read).error());
  }

  void add_attribute(const Hdf5Message& m, const std::string& path, Hdf5Object& out) {
    std::string name;
    auto attribute = read_attribute(m, &name);
    if (attribute.ok()) {
      out.attributes.push_back(std::move(attribute).value());
    } else {
      fault(path + "@" + name, std::move(attribute).error());
    }
  }

  void new_link(std::span<const std::byte> body, const std::string& path, uint32_t depth,
                Hdf5Object& out) {
    auto link = parse_hdf5_link(body);
    if (!link.ok()) {
      fault(path, std::move(link).error());
    } else if (!link->hard) {
      fault(below(path, link->name), unsupported("soft and external links"));
    } else {
      add_link(link->name, link->address, path, depth, out);
    }
  }

  static std::string below(const std::string& path, const std::string& name) {
    return path.empty() ? name : path + "/" + name;
  }

  void add_link(const std::string& name, uint64_t address, const std::string& path, uint32_t depth,
                Hdf5Object& out) {
    if (blocks_.exhausted() || path_bytes_ > most_path_bytes_) return;
    const std::string here = below(path, name);
    path_bytes_ += here.size();
    if (path_bytes_ > most_path_bytes_)
      return fault(here, Error(ErrorCode::kTooLarge,
                               "HDF5: long names deep inside give paths of too many bytes"));
    if (name.empty() || name.find('/') != std::string::npos || name == ".")
      return fault(here, malformed("an object's name is empty, a dot, or has a slash"));
    auto child = object(address, here, depth + 1);
    if (!child.ok()) return fault(here, std::move(child).error());
    out.links.push_back({name, std::move(child).value()});
  }

  // ---- groups as symbol tables

  Status old_links(const Hdf5Message& table, const std::string& path, uint32_t depth,
                   Hdf5Object& out) {
    Hdf5Cursor c(table.body);
    const uint64_t tree = c.u64(), heap = c.u64();
    if (!c.ok()) return malformed("a symbol table ends too early");
    PUMICE_CHECK(blocks_.once(heap, "a heap of names"));
    PUMICE_TRY(const auto head, blocks_.take(heap, 32));
    Hdf5Cursor h(head);
    if (!h.mark("HEAP") || h.u8() != 0) return malformed("a heap of names does not begin as one");
    h.skip(3);
    const uint64_t size = h.u64();
    h.skip(8);
    PUMICE_TRY(const auto names, blocks_.take(h.u64(), size));
    return tree_node(tree, -1, names, path, depth, out);
  }

  Status tree_node(uint64_t address, int level, std::span<const std::byte> names,
                   const std::string& path, uint32_t depth, Hdf5Object& out) {
    PUMICE_CHECK(blocks_.once(address, "a node of a group"));
    PUMICE_TRY(const auto head, blocks_.take(address, 24));
    Hdf5Cursor h(head);
    if (!h.mark("TREE") || h.u8() != 0) return malformed("a group's index does not begin as one");
    const int here = h.u8();
    if (level >= 0 && here != level)
      return malformed("a group's index has levels that do not descend");
    const uint16_t entries = h.u16();
    PUMICE_TRY(const auto body, blocks_.take(address + 24, entries * uint64_t{16} + 8));
    Hdf5Cursor c(body);
    for (int i = 0; i < entries && !blocks_.exhausted(); ++i) {
      c.skip(8);
      const uint64_t child = c.u64();
      // One damaged node does not hide the others.
      Status read = here > 0 ? tree_node(child, here - 1, names, path, depth, out)
                             : symbols(child, names, path, depth, out);
      if (!read.ok()) fault(path, std::move(read).error());
    }
    return {};
  }

  Status symbols(uint64_t address, std::span<const std::byte> names, const std::string& path,
                 uint32_t depth, Hdf5Object& out) {
    PUMICE_CHECK(blocks_.once(address, "a node of a group"));
    PUMICE_TRY(const auto head, blocks_.take(address, 8));
    Hdf5Cursor h(head);
    if (!h.mark("SNOD") || h.u8() != 1) return malformed("a node of a group does not begin as one");
    h.skip(1);
    const uint16_t count = h.u16();
    PUMICE_TRY(const auto body, blocks_.take(address + 8, count * uint64_t{40}));
    Hdf5Cursor c(body);
    for (int i = 0; i < count && !blocks_.exhausted(); ++i) {
      const uint64_t name_at = c.u64(), header = c.u64();
      const uint32_t cache = c.u32();
      c.skip(20);
      if (name_at >= names.size()) {
        fault(path, malformed("a name lies outside its heap"));
        continue;
      }
      std::string_view name = as_text(names.subspan(name_at));
      const size_t end = name.find('\0');
      if (end == std::string_view::npos) {
        fault(path, malformed("a name does not end"));
        continue;
      }
      name = name.substr(0, end);
      // Names lie apart from each other, too.
      PUMICE_CHECK(blocks_.spend(name.size()));
      if (cache == 2) {
        fault(below(path, std::string(name)), unsupported("soft and external links"));
      } else {
        add_link(std::string(name), header, path, depth, out);
      }
    }
    return {};
  }

  // ---- values

  Result<Hdf5Attribute> read_attribute(const Hdf5Message& m, std::string* name) {
    if (m.flags & 2) return unsupported("attributes that objects share");
    PUMICE_TRY(Hdf5AttributeMessage parsed, parse_hdf5_attribute(m.body, name));
    Hdf5Data& data = parsed.attribute.data;
    if (data.type.kind == Hdf5Type::Kind::kVariable) {
      PUMICE_CHECK(read_pieces(parsed.elements, data));
    } else if (!parsed.elements.empty()) {
      data.bytes = blocks_.file().slice(parsed.elements.data() - blocks_.file().data(),
                                        parsed.elements.size());
    }
    return std::move(parsed.attribute);
  }

  /// Elements of variable length: a length, and where they lie in a global heap.
  Status read_pieces(std::span<const std::byte> elements, Hdf5Data& data) {
    Hdf5Cursor base(std::as_bytes(std::span<const char>(data.type.message)));
    base.skip(12);
    const uint64_t size = base.u32();
    Hdf5Cursor c(elements);
    while (c.left() >= 16) {
      Hdf5Data::Piece piece;
      piece.length = c.u32();
      const uint64_t collection = c.u64();
      const uint32_t index = c.u32();
      if (piece.length > 0) {
        PUMICE_TRY(const Bytes object, blocks_.heap_object(collection, index));
        if (object.size() / size < piece.length)
          return malformed("an element of variable length is longer than its place in the heap");
        PUMICE_CHECK(blocks_.spend(piece.length * size));
        piece.bytes = object.slice(0, piece.length * size);
      }
      data.pieces.push_back(std::move(piece));
    }
    return {};
  }

  Result<Hdf5Data> dataset(const Hdf5Message* space, const Hdf5Message* type,
                           const Hdf5Message& layout_message, const Hdf5Message* filters,
                           const Hdf5Message* fill, const Hdf5Message* old_fill) {
    if (!space || !type) return malformed("a dataset has no shape or no type");
    if (type->flags & 2) return unsupported("committed datatypes");
    if (space->flags & 2 || layout_message.flags & 2)
      return unsupported("messages that objects share");
    Hdf5Data data;
    PUMICE_TRY(data.type, parse_hdf5_type(type->body));
    PUMICE_CHECK(parse_hdf5_space(space->body, data));
    uint64_t bytes = 0;
    if (__builtin_mul_overflow(data.elements(), uint64_t{data.type.size}, &bytes))
      return Error(ErrorCode::kTooLarge, "HDF5: a dataset has more bytes than can be counted");
    PUMICE_TRY(const Hdf5Layout layout, parse_hdf5_layout(layout_message.body));
    std::span<const std::byte> fill_value;
    if (fill || old_fill) {
      const Hdf5Message* m = fill ? fill : old_fill;
      if (m->flags & 2) return unsupported("messages that objects share");
      PUMICE_TRY(fill_value, parse_hdf5_fill(m->body, !fill));
      if (!fill_value.empty() && fill_value.size() != data.type.size)
        return malformed("a fill value is no element of its dataset");
    }
    const bool variable = data.type.kind == Hdf5Type::Kind::kVariable;
    std::span<const std::byte> stored;
    if (bytes == 0) {
      // Nothing is stored, wherever the file says that it is.
    } else if (layout.storage == Hdf5Layout::Class::kCompact) {
      if (layout.compact.size() < bytes)
        return malformed("a dataset has fewer bytes than its shape needs");
      stored = layout.compact.first(bytes);
    } else if (layout.storage == Hdf5Layout::Class::kContiguous &&
               layout.address != kHdf5Undefined) {
      if (layout.size && *layout.size < bytes)
        return malformed("a dataset has fewer bytes than its shape needs")
            .expected(std::to_string(bytes))
            .found(std::to_string(*layout.size));
      PUMICE_TRY(stored, blocks_.take(layout.address, bytes));
    } else if (variable) {
      return unsupported("variable-length data in chunks, or never written");
    } else if (layout.storage == Hdf5Layout::Class::kContiguous) {
      PUMICE_TRY(data.chunks, unwritten_hdf5_data(data, fill_value, limits_));
    } else {
      std::vector<Hdf5Filter> pipeline;
      if (filters) {
        PUMICE_TRY(pipeline, parse_hdf5_filters(filters->body));
      }
      PUMICE_TRY(data.chunks,
                 read_hdf5_chunks(blocks_, data, layout, std::move(pipeline), fill_value, limits_));
    }
    if (variable) {
      PUMICE_CHECK(read_pieces(stored, data));
    } else if (!stored.empty()) {
      data.bytes = blocks_.file().slice(stored.data() - blocks_.file().data(), stored.size());
    }
    return data;
  }

  Hdf5Blocks blocks_;
  const Hdf5Limits& limits_;
  // Whoever keeps objects by their paths needs memory for all of them together.
  uint64_t path_bytes_ = 0, most_path_bytes_;
  std::vector<Hdf5File::Fault> faults_;
};

}  // namespace

bool looks_like_hdf5(std::span<const std::byte> file) {
  return as_text(file).starts_with(kSignature);
}

Result<Hdf5File> read_hdf5(const Bytes& file, const Hdf5Limits& limits) {
  return TreeReader(file, limits).read();
}

Result<Hdf5Object> read_whole_hdf5(const Bytes& file, const Hdf5Limits& limits) {
  PUMICE_TRY(Hdf5File read, read_hdf5(file, limits));
  if (!read.faults.empty()) {
    Hdf5File::Fault& first = read.faults.front();
    return std::move(first.error).at(first.path);
  }
  return std::move(read.root);
}

}  // namespace pumice
