#include "formats/hdf5/object_header.h"

#include <algorithm>

#include "formats/file.h"
#include "formats/hdf5/checksum.h"

namespace pumice {
namespace {

Error malformed(const char* what) {
  return Error(ErrorCode::kMalformed, std::string("HDF5: ") + what);
}

class HeaderReader {
 public:
  explicit HeaderReader(Hdf5Blocks& blocks) : blocks_(blocks) {}

  Result<std::vector<Hdf5Message>> read(uint64_t address) {
    PUMICE_CHECK(blocks_.once(address, "an object"));
    PUMICE_TRY(const auto start, blocks_.look(address, 4));
    std::vector<Hdf5Message> out;
    if (as_text(start) == "OHDR") {
      PUMICE_CHECK(new_header(address, out));
    } else {
      PUMICE_CHECK(old_header(address, out));
    }
    return out;
  }

 private:
  Status old_header(uint64_t address, std::vector<Hdf5Message>& out) {
    PUMICE_TRY(const auto head, blocks_.take(address, 16));
    Hdf5Cursor h(head);
    if (h.u8() != 1) return malformed("an object's header does not begin as one");
    h.skip(7);
    const uint32_t size = h.u32();
    std::vector<std::pair<uint64_t, uint64_t>> todo{{address + 16, size}};
    for (size_t i = 0; i < todo.size(); ++i) {
      PUMICE_TRY(const auto block, blocks_.take(todo[i].first, todo[i].second));
      Hdf5Cursor c(block);
      while (c.left() >= 8) {
        const uint16_t type = c.u16(), length = c.u16();
        const uint8_t flags = c.u8();
        c.skip(3);
        const auto body = c.take(length);
        if (!c.ok()) return malformed("a message reaches beyond its object's header");
        PUMICE_CHECK(add(type > 255 ? 255 : static_cast<uint8_t>(type), flags, body, todo, out));
      }
    }
    return {};
  }

  Status new_header(uint64_t address, std::vector<Hdf5Message>& out) {
    // What stands before the messages has 7 to 31 bytes.
    const uint64_t most = blocks_.file().size() - address;
    PUMICE_TRY(const auto head, blocks_.look(address, std::min<uint64_t>(31, most)));
    Hdf5Cursor h(head);
    h.skip(4);
    if (h.u8() != 2)
      return Error(ErrorCode::kUnsupported,
                   "HDF5: pumice does not read object headers of this version");
    const uint8_t flags = h.u8();
    if (flags & 0x20) h.skip(16);
    if (flags & 0x10) h.skip(4);
    const uint64_t size = h.integer(size_t{1} << (flags & 3));
    if (!h.ok()) return malformed("an object's header ends too early");
    std::vector<std::pair<uint64_t, uint64_t>> todo;
    if (size > most)
      return Error(ErrorCode::kTruncated,
                   "HDF5: an object's header lies beyond the end of the file");
    PUMICE_CHECK(new_block(address, h.at() + size + 4, h.at(), flags, todo, out));
    for (size_t i = 0; i < todo.size(); ++i)
      PUMICE_CHECK(new_block(todo[i].first, todo[i].second, 4, flags, todo, out));
    return {};
  }

  /// A block of messages that begin at `begin`, with a checksum after them.
  Status new_block(uint64_t address, uint64_t size, size_t begin, uint8_t flags,
                   std::vector<std::pair<uint64_t, uint64_t>>& todo,
                   std::vector<Hdf5Message>& out) {
    if (size < begin + 4) return malformed("an object's header ends too early");
    PUMICE_TRY(const auto block, blocks_.take(address, size));
    Hdf5Cursor sum(block.last(4));
    if (blocks_.checksums() && sum.u32() != hdf5_checksum(block.first(size - 4)))
      return malformed("the checksum of an object's header does not match")
          .hint("The file is damaged.");
    if (begin == 4 && as_text(block.first(4)) != "OCHK")
      return malformed("the continuation of an object's header does not begin as one");
    Hdf5Cursor c(block.subspan(begin, size - begin - 4));
    const size_t header = flags & 4 ? 6 : 4;
    while (c.left() >= header) {
      const uint8_t type = c.u8();
      const uint16_t length = c.u16();
      const uint8_t message_flags = c.u8();
      if (flags & 4) c.skip(2);
      const auto body = c.take(length);
      if (!c.ok()) return malformed("a message reaches beyond its object's header");
      PUMICE_CHECK(add(type, message_flags, body, todo, out));
    }
    return {};
  }

  Status add(uint8_t type, uint8_t flags, std::span<const std::byte> body,
             std::vector<std::pair<uint64_t, uint64_t>>& todo, std::vector<Hdf5Message>& out) {
    if (type == 0x10) {
      Hdf5Cursor c(body);
      const uint64_t address = c.u64(), size = c.u64();
      if (!c.ok()) return malformed("a continuation ends too early");
      PUMICE_CHECK(blocks_.once(address, "a part of an object's header"));
      todo.push_back({address, size});
    } else if (type != 0) {
      out.push_back({type, flags, body});
    }
    return {};
  }

  Hdf5Blocks& blocks_;
};

}  // namespace

Result<std::vector<Hdf5Message>> read_hdf5_header(Hdf5Blocks& blocks, uint64_t address) {
  return HeaderReader(blocks).read(address);
}

}  // namespace pumice
