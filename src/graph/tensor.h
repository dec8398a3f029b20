// Tensors as bytes: views of mapped files or own memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "graph/dtype.h"
#include "graph/shape.h"
#include "pumice/error.h"

namespace pumice {

/// Immutable bytes with a keep-alive: a view into a mapped file, or an allocation.
class Bytes {
 public:
  Bytes() = default;
  Bytes(std::shared_ptr<const void> owner, std::span<const std::byte> view)
      : owner_(std::move(owner)), view_(view) {}
  static Bytes own(std::vector<std::byte> bytes);
  /// A view of a file mapped read-only, whose pages may be dropped at any time (drop_pages()).
  static Bytes mapped(std::shared_ptr<const void> owner, std::span<const std::byte> view);

  std::span<const std::byte> view() const { return view_; }
  const std::byte* data() const { return view_.data(); }
  size_t size() const { return view_.size(); }
  Bytes slice(size_t offset, size_t size) const {
    Bytes part(owner_, view_.subspan(offset, size));
    part.mapped_ = mapped_;
    return part;
  }
  /// Gives back the memory of the whole pages within `part` of these bytes: they are read from the
  /// file again if they are ever looked at. Does nothing where the bytes are no mapping.
  void drop_pages(std::span<const std::byte> part) const;
  void drop_pages() const { drop_pages(view_); }
  const std::shared_ptr<const void>& owner() const { return owner_; }

 private:
  std::shared_ptr<const void> owner_;
  std::span<const std::byte> view_;
  bool mapped_ = false;
};

/// A dense, row-major, little-endian tensor with known sizes. Cheap to copy (bytes are shared).
/// String tensors hold their elements in strings(). Int4 packs two elements a byte, low bits first.
/// The bytes need not be aligned: read scalars with at<T>() or copy with values<T>().
class Tensor {
 public:
  Tensor() = default;
  /// `bytes.size()` must equal byte_size(dtype, dims).
  Tensor(DType dtype, Dims dims, Bytes bytes);
  static Tensor of_strings(Dims dims, std::vector<std::string> strings);
  /// Zero-filled, writable through mutable_data() until it is copied.
  static Tensor zeros(DType dtype, Dims dims);
  template <typename T>
  static Tensor of(DType dtype, Dims dims, const std::vector<T>& values) {
    std::vector<std::byte> bytes(values.size() * sizeof(T));
    if (!bytes.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
    return Tensor(dtype, std::move(dims), Bytes::own(std::move(bytes)));
  }
  static Tensor scalar_i32(int32_t v) { return of<int32_t>(DType::kInt32, {}, {v}); }
  static Tensor scalar_i64(int64_t v) { return of<int64_t>(DType::kInt64, {}, {v}); }
  static Tensor scalar_f32(float v) { return of<float>(DType::kFloat32, {}, {v}); }
  static Tensor vector_i32(const std::vector<int32_t>& v) {
    return of<int32_t>(DType::kInt32, {static_cast<int64_t>(v.size())}, v);
  }
  /// int32 vector from int64 values (which must fit).
  static Tensor vector_i32(const std::vector<int64_t>& v) {
    return vector_i32(std::vector<int32_t>(v.begin(), v.end()));
  }

  DType dtype() const { return dtype_; }
  const Dims& dims() const { return dims_; }
  size_t rank() const { return dims_.size(); }
  int64_t elements() const { return elements_; }
  const Bytes& bytes() const { return bytes_; }
  const std::byte* data() const { return bytes_.data(); }
  /// Only on a tensor just made by zeros().
  std::byte* mutable_data() { return const_cast<std::byte*>(bytes_.data()); }
  template <typename T>
  T* mutable_as() {
    return reinterpret_cast<T*>(mutable_data());
  }
  const std::vector<std::string>& strings() const { return *strings_; }

  /// Element i, unaligned-safe; T must be the storage type of dtype().
  template <typename T>
  T at(int64_t i) const {
    T v;
    std::memcpy(&v, bytes_.data() + i * sizeof(T), sizeof(T));
    return v;
  }
  template <typename T>
  std::vector<T> values() const {
    std::vector<T> v(static_cast<size_t>(elements_));
    if (!v.empty()) std::memcpy(v.data(), bytes_.data(), v.size() * sizeof(T));
    return v;
  }
  /// Element i converted to int64 / double, whatever the (numeric or bool) dtype.
  int64_t integer_at(int64_t i) const;
  double number_at(int64_t i) const;
  /// All elements as int64; for integer and bool tensors.
  std::vector<int64_t> integers() const;

  /// The same bytes under other sizes (equal element count).
  Tensor reshaped(Dims dims) const;

 private:
  DType dtype_ = DType::kInvalid;
  Dims dims_;
  int64_t elements_ = 0;
  Bytes bytes_;
  std::shared_ptr<const std::vector<std::string>> strings_;
};

/// Bytes that `elements` of `dtype` take (int4: rounded up).
size_t byte_size(DType dtype, int64_t elements);

/// IEEE half and bfloat16, round to nearest even.
float half_to_float(uint16_t half);
uint16_t float_to_half(float value);
float bfloat16_to_float(uint16_t bits);
uint16_t float_to_bfloat16(float value);

}  // namespace pumice
