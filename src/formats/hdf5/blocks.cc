#include "formats/hdf5/blocks.h"

#include <cstring>

namespace pumice {

uint64_t Hdf5Cursor::integer(size_t size) {
  const auto bytes = take(size);
  uint64_t value = 0;
  for (size_t i = 0; i < bytes.size(); ++i) value |= std::to_integer<uint64_t>(bytes[i]) << (8 * i);
  return value;
}

std::span<const std::byte> Hdf5Cursor::take(uint64_t size) {
  if (!ok_ || size > left()) {
    ok_ = false;
    return {};
  }
  const auto part = bytes_.subspan(at_, size);
  at_ += size;
  return part;
}

bool Hdf5Cursor::mark(std::string_view text) {
  const auto bytes = take(text.size());
  return bytes.size() == text.size() && std::memcmp(bytes.data(), text.data(), text.size()) == 0;
}

Result<std::span<const std::byte>> Hdf5Blocks::look(uint64_t address, uint64_t size) const {
  if (address > file_.size() || size > file_.size() - address)
    return Error(ErrorCode::kTruncated, "HDF5: something lies beyond the end of the file")
        .expected(std::to_string(size) + " bytes at " + std::to_string(address))
        .found("a file of " + std::to_string(file_.size()) + " bytes");
  return file_.view().subspan(address, size);
}

Status Hdf5Blocks::spend(uint64_t size) {
  if (size > left_) {
    exhausted_ = true;
    return Error(ErrorCode::kMalformed, "HDF5: its parts overlap, or lead in a circle")
        .expected("parts that together are no larger than the file");
  }
  left_ -= size;
  return {};
}

Result<std::span<const std::byte>> Hdf5Blocks::take(uint64_t address, uint64_t size) {
  PUMICE_TRY(const auto bytes, look(address, size));
  PUMICE_CHECK(spend(size));
  return bytes;
}

Status Hdf5Blocks::once(uint64_t address, const char* what) {
  if (seen_.insert(address).second) return {};
  return Error(ErrorCode::kMalformed,
               std::string("HDF5: ") + what + " is reached twice: a circle, or a second hard link")
      .found("address " + std::to_string(address));
}

Result<Bytes> Hdf5Blocks::heap_object(uint64_t collection, uint32_t index) {
  auto known = collections_.find(collection);
  if (known == collections_.end()) {
    PUMICE_TRY(const auto head, look(collection, 16));
    Hdf5Cursor h(head);
    if (!h.mark("GCOL") || h.u8() != 1)
      return Error(ErrorCode::kMalformed, "HDF5: a global heap does not begin as one")
          .found("address " + std::to_string(collection));
    h.skip(3);
    const uint64_t size = h.u64();
    PUMICE_TRY(const auto bytes, take(collection, size));
    std::unordered_map<uint32_t, Place> objects;
    Hdf5Cursor c(bytes);
    c.skip(16);
    while (c.left() >= 16) {
      const uint32_t number = c.u16();
      c.skip(6);
      const uint64_t length = c.u64();
      if (number == 0) break;  // the rest is free
      const uint64_t at = collection + c.at();
      c.skip(length);
      if (!c.ok())
        return Error(ErrorCode::kMalformed,
                     "HDF5: an object of a global heap is larger than the heap")
            .found(std::to_string(length) + " bytes");
      objects.emplace(number, Place{at, length});
      if (const size_t odd = length % 8; odd && c.left() >= 8 - odd) c.skip(8 - odd);
    }
    known = collections_.emplace(collection, std::move(objects)).first;
  }
  const auto object = known->second.find(index);
  if (object == known->second.end())
    return Error(ErrorCode::kMalformed, "HDF5: a global heap lacks an object that is referred to")
        .found("number " + std::to_string(index));
  return file_.slice(object->second.offset, object->second.size);
}

}  // namespace pumice
