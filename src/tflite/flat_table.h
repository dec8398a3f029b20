// Walking a flatbuffer that may be hostile: every step is checked against the bytes that are there.
//
// Nothing here fails loudly: the first fault is kept in the FlatBytes, and from then on every table
// is absent, every vector empty, every number its default. A reader checks ok() in its loops and at
// its end. Since a small file can refer to the same bytes again and again, the bytes of all tables,
// vectors and strings that are looked at are counted, and a few times the file's size is the limit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace pumice {

class FlatTable;

class FlatBytes {
 public:
  explicit FlatBytes(std::span<const std::byte> bytes)
      : bytes_(bytes), budget_(bytes.size() * 16 + (1 << 16)) {}

  /// The table that the first four bytes refer to.
  FlatTable root();

  bool ok() const { return problem_.empty(); }
  const std::string& problem() const { return problem_; }
  /// The fault is a reference beyond the last byte, as a file cut short has them.
  bool truncated() const { return truncated_; }
  void fail(std::string problem, bool truncated = false);

  size_t size() const { return bytes_.size(); }
  std::span<const std::byte> view(uint64_t position, uint64_t size) const {
    return bytes_.subspan(static_cast<size_t>(position), static_cast<size_t>(size));
  }
  /// `size` bytes at `position` are there and within the budget; otherwise a fault.
  bool claim(uint64_t position, uint64_t size);
  /// Unchecked, little-endian, any alignment.
  template <typename T>
  T load(uint64_t position) const {
    T value;
    std::memcpy(&value, bytes_.data() + position, sizeof(T));
    return value;
  }
  /// The position that the offset stored at `position` refers to; 0 on a fault.
  uint64_t follow(uint64_t position);

 private:
  std::span<const std::byte> bytes_;
  uint64_t budget_;
  std::string problem_;
  bool truncated_ = false;
};

/// A vector: absent or `count` elements, all within the file.
class FlatVector {
 public:
  FlatVector() = default;
  FlatVector(FlatBytes* file, uint64_t position, uint32_t count)
      : file_(file), position_(position), count_(count) {}

  /// There is a vector, be it empty.
  bool present() const { return file_ != nullptr; }
  uint32_t size() const { return count_; }
  uint64_t position() const { return position_; }  // of the first element
  template <typename T>
  T at(uint32_t i) const {  // i < size(); T as the vector was opened
    return file_->load<T>(position_ + uint64_t{i} * sizeof(T));
  }
  /// Element i of a vector of tables.
  FlatTable table(uint32_t i) const;
  std::string_view chars() const;  // of a vector of bytes
  /// Element i of a vector of strings.
  std::string_view string(uint32_t i) const;

 private:
  FlatBytes* file_ = nullptr;
  uint64_t position_ = 0;
  uint32_t count_ = 0;
};

/// A table, or none. Fields by slot.
class FlatTable {
 public:
  FlatTable() = default;
  /// The table at `position`, its vtable and its size checked; none on a fault.
  FlatTable(FlatBytes* file, uint64_t position);

  bool present() const { return file_ != nullptr; }
  bool has(int slot) const { return field(slot) != 0; }
  template <typename T>
  T number(int slot, T default_value = 0) const {
    const uint64_t at = field(slot, sizeof(T));
    return at ? file_->load<T>(at) : default_value;
  }
  FlatTable table(int slot) const;
  FlatVector vector(int slot, size_t element_size) const;
  FlatVector tables(int slot) const { return vector(slot, 4); }
  std::string_view string(int slot) const;

 private:
  /// Where the field's value stands; 0 when it is absent.
  uint64_t field(int slot, size_t size = 1) const;

  FlatBytes* file_ = nullptr;
  uint64_t position_ = 0, vtable_ = 0;
  uint16_t vtable_size_ = 0, table_size_ = 0;
};

}  // namespace pumice
