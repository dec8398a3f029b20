#include "formats/hdf5/dense.h"

#include <algorithm>
#include <bit>
#include <unordered_map>

#include "formats/hdf5/checksum.h"

namespace pumice {
namespace {

// Types of version 2 B-trees.
constexpr uint8_t kHugeObjects = 1, kLinksByName = 5, kAttributesByName = 8;

Error malformed(const char* what) {
  return Error(ErrorCode::kMalformed, std::string("HDF5: ") + what);
}

/// Bytes that a number up to `most` takes where its size is not written down.
size_t bytes_for(uint64_t most) { return most == 0 ? 1 : (std::bit_width(most) + 7) / 8; }

Status check_sum(const Hdf5Blocks& blocks, std::span<const std::byte> block) {
  Hdf5Cursor sum(block.last(4));
  if (blocks.checksums() && sum.u32() != hdf5_checksum(block.first(block.size() - 4)))
    return malformed("the checksum of an index or a heap does not match")
        .hint("The file is damaged.");
  return {};
}

/// A version 2 B-tree: records of one size, in nodes of one size.
class Index {
 public:
  using Each = std::function<Status(std::span<const std::byte>)>;
  explicit Index(Hdf5Blocks& blocks) : blocks_(blocks) {}

  Status read(uint64_t address, const Each& each, uint8_t* type) {
    PUMICE_CHECK(blocks_.once(address, "an index"));
    PUMICE_TRY(const auto head, blocks_.take(address, 38));
    Hdf5Cursor h(head);
    if (!h.mark("BTHD") || h.u8() != 0) return malformed("an index does not begin as one");
    type_ = h.u8();
    node_size_ = h.u32();
    record_size_ = h.u16();
    const uint16_t depth = h.u16();
    h.skip(2);
    const uint64_t root = h.u64();
    const uint64_t records = h.u16();
    PUMICE_CHECK(check_sum(blocks_, head));
    *type = type_;
    if (record_size_ == 0 || node_size_ < kOverhead + record_size_ || depth > 32)
      return malformed("an index has absurd sizes");
    // How large the counts in pointers are follows from the most that a node can have.
    uint64_t most = (node_size_ - kOverhead) / record_size_, all = most;
    count_size_ = bytes_for(most);
    total_size_ = {0};
    for (int level = 1; level <= depth; ++level) {
      const uint64_t pointer = 8 + count_size_ + total_size_.back();
      if (node_size_ < kOverhead + pointer) return malformed("an index has absurd sizes");
      most = (node_size_ - kOverhead - pointer) / (record_size_ + pointer);
      if (__builtin_mul_overflow(most + 1, all, &all) || __builtin_add_overflow(all, most, &all))
        return malformed("an index has absurd sizes");
      total_size_.push_back(bytes_for(all));
    }
    if (root == kHdf5Undefined || records == 0) return {};
    return node(root, records, depth, each);
  }

 private:
  static constexpr uint32_t kOverhead = 10;  // mark, version, type, checksum

  Status node(uint64_t address, uint64_t records, int level, const Each& each) {
    PUMICE_CHECK(blocks_.once(address, "a node of an index"));
    const uint64_t pointer = level == 0 ? 0 : 8 + count_size_ + total_size_[level - 1];
    // Numbers below 2^24 of parts below 2^16: no overflow.
    if (records > node_size_) return malformed("a node of an index has too many records");
    const uint64_t size =
        kOverhead + records * record_size_ + (level == 0 ? 0 : (records + 1) * pointer);
    if (size > node_size_) return malformed("a node of an index has too many records");
    PUMICE_TRY(const auto block, blocks_.take(address, size));
    PUMICE_CHECK(check_sum(blocks_, block));
    Hdf5Cursor c(block);
    if (!c.mark(level == 0 ? "BTLF" : "BTIN") || c.u8() != 0 || c.u8() != type_)
      return malformed("a node of an index does not begin as one");
    const auto own = c.take(records * record_size_);
    for (uint64_t i = 0; i < records; ++i)
      PUMICE_CHECK(each(own.subspan(i * record_size_, record_size_)));
    for (uint64_t i = 0; level > 0 && i <= records; ++i) {
      const uint64_t child = c.u64(), count = c.integer(count_size_);
      c.skip(total_size_[level - 1]);
      PUMICE_CHECK(node(child, count, level - 1, each));
    }
    return {};
  }

  Hdf5Blocks& blocks_;
  uint8_t type_ = 0;
  uint32_t node_size_ = 0, record_size_ = 0;
  size_t count_size_ = 0;
  std::vector<size_t> total_size_;  // by level
};

/// A fractal heap: objects by their place in one address space, which blocks of growing sizes make
/// up.
class Heap {
 public:
  explicit Heap(Hdf5Blocks& blocks) : blocks_(blocks) {}

  Status open(uint64_t address) {
    address_ = address;
    PUMICE_CHECK(blocks_.once(address, "a heap"));
    PUMICE_TRY(const auto head, blocks_.take(address, 146));
    Hdf5Cursor h(head);
    if (!h.mark("FRHP") || h.u8() != 0) return malformed("a heap does not begin as one");
    h.skip(2);
    if (h.u16() != 0)
      return Error(ErrorCode::kUnsupported, "HDF5: pumice does not read filtered heaps");
    h.skip(1);
    const uint32_t most_managed = h.u32();
    h.skip(8);
    huge_index_ = h.u64();
    h.skip(8 + 8 + 8 + 8 + 8 + 8 + 8 + 8 + 8 + 8);
    width_ = h.u16();
    start_ = h.u64();
    most_direct_ = h.u64();
    const uint16_t bits = h.u16();
    h.skip(2);
    root_ = h.u64();
    root_rows_ = h.u16();
    PUMICE_CHECK(check_sum(blocks_, head));
    if (width_ == 0 || !std::has_single_bit(start_) || !std::has_single_bit(most_direct_) ||
        most_direct_ < start_ || most_direct_ > (uint64_t{1} << 32) || bits == 0 || bits > 64 ||
        root_rows_ > 64)
      return malformed("a heap has absurd sizes");
    offset_size_ = (bits + 7) / 8;
    const size_t in_block = (std::bit_width(most_direct_) - 1 + 7) / 8;
    length_size_ = std::min(in_block, bytes_for(most_managed));
    return {};
  }

  Result<std::span<const std::byte>> object(std::span<const std::byte> id) {
    Hdf5Cursor c(id);
    const uint8_t first = c.u8();
    if (first >> 6 != 0) return malformed("an object of a heap has an unknown version");
    switch (first >> 4 & 3) {
      case 0: {
        const uint64_t offset = c.integer(offset_size_), length = c.integer(length_size_);
        if (!c.ok()) return malformed("an object's number in a heap is too short");
        return managed(offset, length);
      }
      case 1: return huge(c.integer(std::min<size_t>(8, c.left())));
      default: {
        // Within the number itself.
        const uint64_t length = (first & 15) + 1;
        const auto bytes = c.take(length);
        if (!c.ok()) return malformed("an object's number in a heap is too short");
        return bytes;
      }
    }
  }

 private:
  /// Blocks of row r: the first two rows have the smallest, then each row doubles.
  uint64_t block_size(unsigned row) const { return row < 2 ? start_ : start_ << (row - 1); }

  Result<std::span<const std::byte>> managed(uint64_t offset, uint64_t length) {
    uint64_t address = root_, within = offset, size = start_;
    unsigned rows = root_rows_;
    const unsigned direct_rows = std::bit_width(most_direct_) - std::bit_width(start_) + 2;
    // Each indirect block covers fewer rows than the one around it.
    for (int level = 0; rows > 0; ++level) {
      if (level > 16) return malformed("a heap's blocks are nested too deeply");
      unsigned row = 0;
      uint64_t begin = 0;
      while (row < rows && row < 48 && (within - begin) / width_ >= block_size(row)) {
        begin += block_size(row) * width_;
        ++row;
      }
      if (row >= rows || row >= 48) return malformed("an object lies outside its heap");
      const uint64_t entry = (within - begin) / block_size(row);
      if (entry >= width_) return malformed("an object lies outside its heap");
      const uint64_t head = 13 + offset_size_;
      PUMICE_TRY(const auto mark, blocks_.look(address, head));
      PUMICE_CHECK(begins(mark, "FHIB"));
      // Addresses are 8 bytes each, of direct blocks first.
      const uint64_t slot = head + (uint64_t{row} * width_ + entry) * 8;
      if (address > blocks_.file().size()) return malformed("a heap's block lies outside the file");
      PUMICE_TRY(const auto pointer, blocks_.look(address + slot, 8));
      address = Hdf5Cursor(pointer).u64();
      within -= begin + entry * block_size(row);
      size = block_size(row);
      if (row < direct_rows) break;
      rows = std::bit_width(size) - std::bit_width(start_ * std::bit_ceil(uint64_t{width_})) + 1;
      if (size < start_ * width_) return malformed("a heap has absurd sizes");
    }
    if (within > size || length > size - within)
      return malformed("an object lies outside its heap");
    PUMICE_TRY(const auto block, blocks_.look(address, size));
    PUMICE_CHECK(begins(block, "FHDB"));
    PUMICE_CHECK(blocks_.spend(length));
    return block.subspan(within, length);
  }

  Status begins(std::span<const std::byte> block, const char* name) const {
    Hdf5Cursor c(block);
    if (!c.mark(name) || c.u8() != 0 || c.u64() != address_)
      return malformed("a heap's block does not begin as one");
    return {};
  }

  /// Large objects lie for themselves; an index of their own knows where.
  Result<std::span<const std::byte>> huge(uint64_t number) {
    if (!huge_read_) {
      huge_read_ = true;
      if (huge_index_ == kHdf5Undefined) return malformed("a heap has no large objects");
      uint8_t type = 0;
      PUMICE_CHECK(Index(blocks_).read(
          huge_index_,
          [&](std::span<const std::byte> record) -> Status {
            Hdf5Cursor c(record);
            const uint64_t address = c.u64(), length = c.u64();
            huge_.emplace(c.u64(), std::pair(address, length));
            return {};
          },
          &type));
      if (type != kHugeObjects)
        return Error(ErrorCode::kUnsupported, "HDF5: pumice does not read such large objects");
    }
    const auto found = huge_.find(number);
    if (found == huge_.end()) return malformed("a heap lacks an object that is referred to");
    return blocks_.take(found->second.first, found->second.second);
  }

  Hdf5Blocks& blocks_;
  uint64_t address_ = 0, huge_index_ = kHdf5Undefined, start_ = 0, most_direct_ = 0, root_ = 0;
  uint16_t width_ = 0, root_rows_ = 0;
  size_t offset_size_ = 0, length_size_ = 0;
  bool huge_read_ = false;
  std::unordered_map<uint64_t, std::pair<uint64_t, uint64_t>> huge_;
};

}  // namespace

Status read_dense_messages(Hdf5Blocks& blocks, uint64_t heap_address, uint64_t index_address,
                           const std::function<void(Result<std::span<const std::byte>>)>& each) {
  Heap heap(blocks);
  PUMICE_CHECK(heap.open(heap_address));
  uint8_t type = 0;
  return Index(blocks).read(
      index_address,
      [&](std::span<const std::byte> record) -> Status {
        // The heap's number stands after the name's hash, or before all else.
        if (type == kLinksByName && record.size() > 4) {
          each(heap.object(record.subspan(4)));
        } else if (type == kAttributesByName && record.size() > 9) {
          if (std::to_integer<int>(record[record.size() - 9]) & 2)
            each(Error(ErrorCode::kUnsupported, "HDF5: pumice does not read shared attributes"));
          else
            each(heap.object(record.first(record.size() - 9)));
        } else {
          return malformed("an index of another kind stands where names should be listed");
        }
        return {};
      },
      &type);
}

}  // namespace pumice
