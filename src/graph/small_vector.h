// A vector of trivially copyable elements whose first N live inside it: no allocation where a node
// has few operands and a value few readers, as nearly all have.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <type_traits>

namespace pumice {

template <typename T, uint32_t N>
class SmallVector {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  SmallVector() = default;
  ~SmallVector() {
    if (!is_inline()) ::operator delete(heap_);
  }
  SmallVector(const SmallVector&) = delete;
  SmallVector& operator=(const SmallVector&) = delete;

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* data() { return is_inline() ? reinterpret_cast<T*>(inline_) : heap_; }
  const T* data() const { return is_inline() ? reinterpret_cast<const T*>(inline_) : heap_; }
  T& operator[](size_t i) { return data()[i]; }
  const T& operator[](size_t i) const { return data()[i]; }
  T& back() { return data()[size_ - 1]; }
  T* begin() { return data(); }
  T* end() { return data() + size_; }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size_; }

  void reserve(size_t n) {
    if (n > capacity_) grow(n);
  }
  void push_back(const T& value) {
    const T copy = value;  // `value` may live in here
    if (size_ == capacity_) grow(size_t{capacity_} * 2);
    new (data() + size_) T(copy);
    ++size_;
  }
  void pop_back() { --size_; }
  void erase(size_t i) {
    std::memmove(data() + i, data() + i + 1, (size_ - i - 1) * sizeof(T));
    --size_;
  }
  void clear() { size_ = 0; }

 private:
  bool is_inline() const { return capacity_ == N; }
  void grow(size_t capacity) {
    auto* larger = static_cast<T*>(::operator new(capacity * sizeof(T)));
    std::memcpy(static_cast<void*>(larger), data(), size_ * sizeof(T));
    if (!is_inline()) ::operator delete(heap_);
    heap_ = larger;
    capacity_ = static_cast<uint32_t>(capacity);
  }

  uint32_t size_ = 0;
  uint32_t capacity_ = N;
  union {
    T* heap_;
    alignas(T) std::byte inline_[N * sizeof(T)];
  };
};

}  // namespace pumice
