// A vector of trivially copyable elements whose first N live inside it: no allocation where a node
// has few operands and a value few readers, as nearly all have.
#pragma once

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <iterator>
#include <new>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace pumice {

template <typename T, uint32_t N>
class SmallVector {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  using value_type = T;
  using iterator = T*;
  using const_iterator = const T*;

  SmallVector() = default;
  explicit SmallVector(size_t n, const T& value = T()) { assign(n, value); }
  SmallVector(std::initializer_list<T> values) { append(values.begin(), values.size()); }
  template <typename Range>
  requires std::convertible_to<const Range&, std::span<const T>> &&
      (!std::derived_from<Range, SmallVector>)
          SmallVector(const Range& values) {  // NOLINT: converts, as vectors of T do
    const std::span<const T> span(values);
    append(span.data(), span.size());
  }
  template <std::input_iterator Iterator>
  SmallVector(Iterator first, Iterator last) {
    insert(end(), first, last);
  }
  SmallVector(const SmallVector& other) { append(other.data(), other.size_); }
  SmallVector(SmallVector&& other) noexcept { take(other); }
  SmallVector& operator=(const SmallVector& other) {
    if (this != &other) {
      size_ = 0;
      append(other.data(), other.size_);
    }
    return *this;
  }
  SmallVector& operator=(SmallVector&& other) noexcept {
    if (this != &other) {
      release();
      take(other);
    }
    return *this;
  }
  ~SmallVector() { release(); }
  operator std::vector<T>() const { return {begin(), end()}; }  // NOLINT: converts

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* data() { return is_inline() ? reinterpret_cast<T*>(inline_) : heap_; }
  const T* data() const { return is_inline() ? reinterpret_cast<const T*>(inline_) : heap_; }
  T& operator[](size_t i) { return data()[i]; }
  const T& operator[](size_t i) const { return data()[i]; }
  T& front() { return data()[0]; }
  const T& front() const { return data()[0]; }
  T& back() { return data()[size_ - 1]; }
  const T& back() const { return data()[size_ - 1]; }
  T* begin() { return data(); }
  T* end() { return data() + size_; }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size_; }

  void reserve(size_t n) {
    if (n > capacity()) grow(n);
  }
  void push_back(const T& value) {
    const T copy = value;  // `value` may live in here
    reserve(size_t{size_} + 1);
    new (data() + size_) T(copy);
    ++size_;
  }
  template <typename... Args>
  void emplace_back(Args&&... args) {
    push_back(T(std::forward<Args>(args)...));
  }
  void pop_back() { --size_; }
  void insert(const T* before, const T& value) {
    const T copy = value;
    insert(before, &copy, &copy + 1);
  }
  /// The range lies elsewhere.
  template <std::input_iterator Iterator>
  void insert(const T* before, Iterator first, Iterator last) {
    const auto i = static_cast<size_t>(before - data());
    const auto n = static_cast<size_t>(std::distance(first, last));
    reserve(size_ + n);
    std::memmove(static_cast<void*>(data() + i + n), data() + i, (size_ - i) * sizeof(T));
    for (T* to = data() + i; first != last; ++first, ++to) new (to) T(*first);
    size_ += static_cast<uint32_t>(n);
  }
  void erase(size_t i) {
    std::memmove(static_cast<void*>(data() + i), data() + i + 1, (size_ - i - 1) * sizeof(T));
    --size_;
  }
  void assign(size_t n, const T& value) {
    const T copy = value;
    clear();
    reserve(n);
    for (size_t i = 0; i < n; ++i) new (data() + i) T(copy);
    size_ = static_cast<uint32_t>(n);
  }
  /// The range lies elsewhere.
  template <std::input_iterator Iterator>
  void assign(Iterator first, Iterator last) {
    clear();
    insert(end(), first, last);
  }
  void clear() { size_ = 0; }

  friend bool operator==(const SmallVector& a, const SmallVector& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  size_t capacity() const { return size_t{1} << capacity_log2_; }
  bool is_inline() const { return capacity() == N; }
  void release() {
    if (!is_inline()) ::operator delete(heap_);
  }
  /// `values` lie elsewhere.
  void append(const T* values, size_t n) {
    reserve(size_ + n);
    if (n > 0) std::memcpy(static_cast<void*>(data() + size_), values, n * sizeof(T));
    size_ += static_cast<uint32_t>(n);
  }
  /// This one's own memory has been given back.
  void take(SmallVector& other) {
    std::memcpy(static_cast<void*>(inline_), other.inline_, sizeof(inline_));
    size_ = other.size_;
    capacity_log2_ = other.capacity_log2_;
    other.size_ = 0;
    other.capacity_log2_ = kInlineLog2;
  }
  void grow(size_t n) {
    const auto log2 = static_cast<uint8_t>(std::bit_width(n - 1));
    auto* larger = static_cast<T*>(::operator new(sizeof(T) << log2));
    std::memcpy(static_cast<void*>(larger), data(), size_ * sizeof(T));
    release();
    heap_ = larger;
    capacity_log2_ = log2;
  }

  static constexpr uint8_t kInlineLog2 = std::bit_width(N) - 1;
  static_assert(std::has_single_bit(N) && N * sizeof(T) >= sizeof(T*));

  union {
    T* heap_;
    alignas(T) std::byte inline_[N * sizeof(T)];
  };
  uint32_t size_ = 0;
  uint8_t capacity_log2_ = kInlineLog2;  // last, so that what follows may use the padding
};

}  // namespace pumice
