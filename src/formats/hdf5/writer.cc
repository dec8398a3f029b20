#include "formats/hdf5/writer.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "formats/hdf5/checksum.h"

namespace pumice {
namespace {

constexpr uint64_t kUndefined = std::numeric_limits<uint64_t>::max();
constexpr size_t kMostMessage = 65535;  // a message's size has 16 bits
constexpr size_t kSmallData = 4096;     // copied beside the metadata rather than a part of its own
constexpr size_t kHeapCollection = 65536;     // a new heap collection begins above this
constexpr size_t kSmallestCollection = 4096;  // libhdf5 refuses smaller ones
constexpr size_t kMostInCollection = 60000;   // numbers in a collection have 16 bits
constexpr size_t kSuperblockSize = 48;
constexpr uint32_t kMostDepth = 1024;

/// Bytes that grow, little-endian.
class Buffer {
 public:
  template <typename T>
  Buffer& put(T value) {
    for (size_t i = 0; i < sizeof(T); ++i)
      bytes_.push_back(static_cast<std::byte>(static_cast<uint64_t>(value) >> (8 * i)));
    return *this;
  }
  Buffer& u8(uint64_t v) { return put(static_cast<uint8_t>(v)); }
  Buffer& u16(uint64_t v) { return put(static_cast<uint16_t>(v)); }
  Buffer& u32(uint64_t v) { return put(static_cast<uint32_t>(v)); }
  Buffer& u64(uint64_t v) { return put(v); }
  Buffer& text(std::string_view v) {
    return raw(std::as_bytes(std::span<const char>(v.data(), v.size())));
  }
  Buffer& raw(std::span<const std::byte> v) {
    bytes_.insert(bytes_.end(), v.begin(), v.end());
    return *this;
  }
  Buffer& pad(size_t multiple) {
    while (bytes_.size() % multiple) bytes_.push_back(std::byte{});
    return *this;
  }
  Buffer& checksum() { return u32(hdf5_checksum(bytes_)); }
  size_t size() const { return bytes_.size(); }
  const std::vector<std::byte>& bytes() const { return bytes_; }
  std::vector<std::byte> take() { return std::exchange(bytes_, {}); }

 private:
  std::vector<std::byte> bytes_;
};

/// Where a variable-length element lies: a heap collection, and its number there.
struct HeapPlace {
  uint64_t collection = 0;
  uint32_t index = 0;
};

class Writer {
 public:
  Result<std::vector<Bytes>> write(const Hdf5Object& root) {
    now_.raw(std::vector<std::byte>(kSuperblockSize));
    gather(root, 0);
    close_collection();
    PUMICE_TRY(const uint64_t root_header, object(root, "", 0));
    flush();
    if (parts_.empty()) return Error(ErrorCode::kInternal, "an HDF5 file without parts");
    Buffer superblock;
    superblock.text("\x89HDF\r\n\x1a\n").u8(2).u8(8).u8(8).u8(0);
    superblock.u64(0).u64(kUndefined).u64(offset_).u64(root_header).checksum();
    // The first part is metadata of our own: it begins with the superblock's place.
    std::vector<std::byte> first(parts_[0].view().begin(), parts_[0].view().end());
    std::copy(superblock.bytes().begin(), superblock.bytes().end(), first.begin());
    parts_[0] = Bytes::own(std::move(first));
    return std::move(parts_);
  }

 private:
  // Variable-length elements go first: headers need their addresses. Both walks meet them in one
  // order.
  void gather(const Hdf5Object& object, uint32_t depth) {
    if (depth > kMostDepth) return;  // object() refuses it
    for (const Hdf5Attribute& a : object.attributes) gather(a.data);
    if (object.dataset) return gather(object.data);
    for (const Hdf5Link& link : object.links) gather(link.object, depth + 1);
  }

  void gather(const Hdf5Data& data) {
    for (const Hdf5Data::Piece& piece : data.pieces) {
      places_.push_back({});
      if (piece.bytes.size() == 0) continue;  // no elements: no place either
      if (heap_.size() > kHeapCollection || in_heap_ >= kMostInCollection) close_collection();
      if (heap_.size() == 0) heap_.text("GCOL").u32(1).u64(0);
      heap_.u16(++in_heap_).u16(0).u32(0).u64(piece.bytes.size()).raw(piece.bytes.view()).pad(8);
      places_.back() = {offset_ + now_.size(), in_heap_};
    }
  }

  void close_collection() {
    if (heap_.size() == 0) return;
    if (heap_.size() < kSmallestCollection) {
      const size_t free = kSmallestCollection - heap_.size();
      // What is free is an object of number 0, where it has room for its own header.
      if (free >= 16) heap_.u16(0).u16(0).u32(0).u64(free);
      heap_.raw(std::vector<std::byte>(kSmallestCollection - heap_.size()));
    }
    std::vector<std::byte> bytes = heap_.take();
    const uint64_t size = bytes.size();
    for (int i = 0; i < 8; ++i) bytes[8 + i] = static_cast<std::byte>(size >> (8 * i));
    now_.raw(bytes);
    in_heap_ = 0;
  }

  uint64_t here() const { return offset_ + now_.size(); }

  void flush() {
    if (now_.size() == 0) return;
    offset_ += now_.size();
    parts_.push_back(Bytes::own(now_.take()));
  }

  /// Puts data at the next multiple of 8 and gives its address.
  uint64_t place(const Bytes& bytes) {
    now_.pad(8);
    const uint64_t address = here();
    if (bytes.size() <= kSmallData) {
      now_.raw(bytes.view());
      return address;
    }
    flush();
    parts_.push_back(bytes);
    offset_ += bytes.size();
    // What follows is aligned by bytes of its own.
    now_.raw(std::vector<std::byte>((8 - offset_ % 8) % 8));
    return address;
  }

  /// The elements as they lie in the file.
  Result<Bytes> elements(const Hdf5Data& data) {
    if (data.type.kind != Hdf5Type::Kind::kVariable) {
      PUMICE_TRY(Bytes bytes, data.load());
      if (bytes.size() != data.byte_size())
        return Error(ErrorCode::kInternal, "elements and shape disagree")
            .expected(std::to_string(data.byte_size()) + " bytes")
            .found(std::to_string(bytes.size()));
      return bytes;
    }
    if (data.pieces.size() != data.elements())
      return Error(ErrorCode::kInternal, "elements and shape disagree")
          .expected(std::to_string(data.elements()) + " elements")
          .found(std::to_string(data.pieces.size()));
    Buffer out;
    for (const Hdf5Data::Piece& piece : data.pieces) {
      const HeapPlace place = places_[next_place_++];
      out.u32(piece.bytes.size() == 0 ? 0 : piece.length).u64(place.collection).u32(place.index);
    }
    return Bytes::own(out.take());
  }

  static void space(const Hdf5Data& data, Buffer& out) {
    const bool scalar = !data.null && data.dims.empty();
    out.u8(2).u8(data.null ? 0 : data.dims.size()).u8(0).u8(data.null ? 2 : scalar ? 0 : 1);
    if (data.null) return;
    for (const int64_t dim : data.dims) out.u64(static_cast<uint64_t>(dim));
  }

  static Status message(uint8_t type, uint8_t flags, const Buffer& body, const std::string& what,
                        Buffer& out) {
    if (body.size() > kMostMessage)
      return Error(ErrorCode::kTooLarge,
                   "HDF5 stores no more than 64 KiB of it in an object's header")
          .at(what)
          .found(std::to_string(body.size()) + " bytes")
          .hint("As a variable-length string it has no such limit.");
    out.u8(type).u16(body.size()).u8(flags).raw(body.bytes());
    return {};
  }

  Status attribute(const Hdf5Attribute& a, const std::string& path, Buffer& out) {
    auto data = elements(a.data);
    if (!data.ok()) return std::move(data).error().at(path + "@" + a.name);
    Buffer shape, body;
    space(a.data, shape);
    if (a.name.size() >= kMostMessage || a.data.type.message.size() > kMostMessage)
      return Error(ErrorCode::kTooLarge, "the attribute's name or type is above 64 KiB").at(path);
    body.u8(3).u8(0).u16(a.name.size() + 1).u16(a.data.type.message.size()).u16(shape.size()).u8(1);
    body.text(a.name).u8(0).text(a.data.type.message).raw(shape.bytes()).raw(data->view());
    return message(0x0c, 0, body, path + "@" + a.name, out);
  }

  Status dataset(const Hdf5Data& data, const std::string& path, Buffer& out) {
    Buffer shape, layout;
    space(data, shape);
    auto stored = elements(data);
    if (!stored.ok()) return std::move(stored).error().at(path);
    // No bytes: no address.
    const uint64_t address = stored->size() ? place(*stored) : kUndefined;
    layout.u8(3).u8(1).u64(address).u64(stored->size());
    PUMICE_CHECK(message(0x01, 0, shape, path, out));
    PUMICE_CHECK(message(0x03, 1, Buffer().text(data.type.message), path, out));
    // Fill value: none defined; space allocated late, filled if set.
    PUMICE_CHECK(message(0x05, 1, Buffer().u8(3).u8(0x0a), path, out));
    return message(0x08, 0, layout, path, out);
  }

  /// Writes an object after all below it; gives the address of its header.
  Result<uint64_t> object(const Hdf5Object& object, const std::string& path, uint32_t depth) {
    if (depth > kMostDepth)
      return Error(ErrorCode::kTooLarge, "the groups are nested too deeply")
          .expected("at most " + std::to_string(kMostDepth));
    Buffer messages;
    for (const Hdf5Attribute& a : object.attributes) PUMICE_CHECK(attribute(a, path, messages));
    if (object.dataset) {
      PUMICE_CHECK(dataset(object.data, path, messages));
    } else {
      // No creation order, nothing in fractal heaps: the links follow as messages.
      PUMICE_CHECK(
          message(0x02, 0, Buffer().u8(0).u8(0).u64(kUndefined).u64(kUndefined), path, messages));
      PUMICE_CHECK(message(0x0a, 1, Buffer().u8(0).u8(0), path, messages));
      for (const Hdf5Link& link : object.links) {
        const std::string below = path.empty() ? link.name : path + "/" + link.name;
        PUMICE_TRY(const uint64_t address, this->object(link.object, below, depth + 1));
        Buffer body;
        // A hard link; the name in UTF-8, its length in 4 bytes.
        body.u8(1).u8(0x12).u8(1).u32(link.name.size()).text(link.name).u64(address);
        PUMICE_CHECK(message(0x06, 0, body, below, messages));
      }
    }
    Buffer header;
    header.text("OHDR").u8(2).u8(2).u32(messages.size()).raw(messages.bytes()).checksum();
    now_.pad(8);
    const uint64_t address = here();
    now_.raw(header.bytes());
    return address;
  }

  std::vector<Bytes> parts_;
  Buffer now_;           // metadata that is not a part yet
  uint64_t offset_ = 0;  // bytes in parts_
  Buffer heap_;          // the collection that is being filled
  uint32_t in_heap_ = 0;
  std::vector<HeapPlace> places_;
  size_t next_place_ = 0;
};

}  // namespace

Result<std::vector<Bytes>> write_hdf5(const Hdf5Object& root) {
  if (root.dataset) return Error(ErrorCode::kInternal, "an HDF5 file's root is a group");
  return Writer().write(root);
}

}  // namespace pumice
