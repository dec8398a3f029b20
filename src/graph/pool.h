// Where a graph's nodes live: in blocks, each node in a slot that the next one made takes over.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace pumice {

/// Memory for objects of one type. It constructs and destroys nothing, and gives all back at its end.
template <typename T>
class Pool {
 public:
  Pool() = default;
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  void* allocate() {
    if (free_) {
      Slot* slot = free_;
      free_ = slot->next;
      return slot;
    }
    if (used_ == capacity_) {
      // Small graphs (a branch of an IF) stay small.
      capacity_ = blocks_.empty() ? 8 : capacity_ < kLargestBlock ? capacity_ * 2 : kLargestBlock;
      blocks_.push_back(std::unique_ptr<Slot[]>(new Slot[capacity_]));
      used_ = 0;
    }
    return &blocks_.back()[used_++];
  }
  void release(void* memory) {
    auto* slot = static_cast<Slot*>(memory);
    slot->next = free_;
    free_ = slot;
  }

 private:
  static constexpr size_t kLargestBlock = 256;
  union Slot {
    Slot() {}  // NOLINT: left as it is
    Slot* next;
    alignas(T) std::byte object[sizeof(T)];
  };

  std::vector<std::unique_ptr<Slot[]>> blocks_;
  size_t capacity_ = 0;  // of the last block
  size_t used_ = 0;      // of the last block
  Slot* free_ = nullptr;
};

}  // namespace pumice
