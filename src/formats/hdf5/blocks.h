// The bytes of an HDF5 file as blocks, each taken once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "graph/tensor.h"
#include "pumice/error.h"

namespace pumice {

/// An address that leads nowhere.
constexpr uint64_t kHdf5Undefined = ~uint64_t{0};

/// A cursor over a block, little-endian. Past the end it gives zeros and is no longer ok().
class Hdf5Cursor {
 public:
  explicit Hdf5Cursor(std::span<const std::byte> bytes) : bytes_(bytes) {}

  uint64_t integer(size_t bytes);
  uint8_t u8() { return static_cast<uint8_t>(integer(1)); }
  uint16_t u16() { return static_cast<uint16_t>(integer(2)); }
  uint32_t u32() { return static_cast<uint32_t>(integer(4)); }
  uint64_t u64() { return integer(8); }
  std::span<const std::byte> take(uint64_t size);
  void skip(uint64_t size) { (void)take(size); }
  bool mark(std::string_view text);  // whether these bytes stand here; moves on

  bool ok() const { return ok_; }
  size_t at() const { return at_; }
  size_t left() const { return bytes_.size() - at_; }

 private:
  std::span<const std::byte> bytes_;
  size_t at_ = 0;
  bool ok_ = true;
};

/// A file's blocks. In an honest file no two overlap, so all that is ever taken together is no more
/// than the file (and elements of global heaps once more); what goes beyond is a circle or a bomb.
/// That bounds time and memory.
class Hdf5Blocks {
 public:
  explicit Hdf5Blocks(Bytes file, bool checksums = true)
      : file_(std::move(file)), left_(2 * file_.size()), checksums_(checksums) {}

  const Bytes& file() const { return file_; }
  /// Whether checksums are to be compared.
  bool checksums() const { return checksums_; }
  /// Bytes that lie in the file; nothing is spent.
  Result<std::span<const std::byte>> look(uint64_t address, uint64_t size) const;
  /// The same, spent. kTruncated beyond the end, kMalformed when more is taken than there is.
  Result<std::span<const std::byte>> take(uint64_t address, uint64_t size);
  /// Only accounts for bytes that were looked at.
  Status spend(uint64_t size);
  bool exhausted() const { return exhausted_; }
  /// Remembers a structure's address; kMalformed the second time.
  Status once(uint64_t address, const char* what);

  /// An element of variable length in the global heap.
  Result<Bytes> heap_object(uint64_t collection, uint32_t index);

 private:
  struct Place {
    uint64_t offset, size;
  };
  Bytes file_;
  uint64_t left_;
  bool checksums_, exhausted_ = false;
  std::unordered_set<uint64_t> seen_;
  std::unordered_map<uint64_t, std::unordered_map<uint32_t, Place>> collections_;
};

}  // namespace pumice
