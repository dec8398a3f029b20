// Helpers for evaluations: element dispatch and broadcasting.
#pragma once

#include <cstdint>
#include <type_traits>
#include <vector>

#include "graph/cast.h"
#include "ops/op.h"

namespace pumice {

/// Calls f with a value of the C++ type that stores `dtype` (float, double, int8_t…uint64_t; bool as
/// bool). False, and no call, for other dtypes. Half precision goes through evaluate_in_float32.
template <typename F>
bool visit_number(DType dtype, F&& f) {
  switch (dtype) {
    case DType::kFloat32: f(float{}); return true;
    case DType::kFloat64: f(double{}); return true;
    case DType::kInt8: f(int8_t{}); return true;
    case DType::kInt16: f(int16_t{}); return true;
    case DType::kInt32: f(int32_t{}); return true;
    case DType::kInt64: f(int64_t{}); return true;
    case DType::kUInt8: f(uint8_t{}); return true;
    case DType::kUInt16: f(uint16_t{}); return true;
    case DType::kUInt32: f(uint32_t{}); return true;
    case DType::kUInt64: f(uint64_t{}); return true;
    case DType::kBool: f(bool{}); return true;
    default: return false;
  }
}

/// Calls f with an integer of the width of `dtype`'s elements (for ops that only move elements:
/// any dtype of 1, 2, 4 or 8 bytes). False, and no call, otherwise.
template <typename F>
bool visit_width(DType dtype, F&& f) {
  switch (element_size(dtype)) {
    case 1: f(uint8_t{}); return true;
    case 2: f(uint16_t{}); return true;
    case 4: f(uint32_t{}); return true;
    case 8: f(uint64_t{}); return true;
    default: return false;
  }
}

/// Elements as an aligned array: the tensor's own bytes where they are aligned, a copy otherwise.
template <typename T>
class Elements {
 public:
  explicit Elements(const Tensor& t) : tensor_(t) {
    if (reinterpret_cast<uintptr_t>(t.data()) % alignof(T) != 0)
      tensor_ = Tensor(t.dtype(), t.dims(), Bytes::own({t.data(), t.data() + t.bytes().size()}));
    data_ = reinterpret_cast<const T*>(tensor_.data());
  }
  T operator[](int64_t i) const { return data_[i]; }
  const T* data() const { return data_; }

 private:
  Tensor tensor_;
  const T* data_;
};

inline bool is_half(DType t) { return t == DType::kFloat16 || t == DType::kBFloat16; }

/// Runs `f` with half-precision inputs widened to float32, and rounds float32 results to `result`
/// (TensorFlow computes each half op so, to within its own rounding).
Status evaluate_in_float32(EvalContext& context, DType result, Status (*f)(EvalContext&));

/// Calls f(i, a, b) for each result element i in row-major order, with the element numbers of the
/// broadcast operands. `out` must be the broadcast of `a` and `b`.
template <typename F>
void for_each_broadcast(const Dims& out, const Dims& a, const Dims& b, F&& f) {
  size_t rank = out.size();
  std::vector<int64_t> step_a(rank, 0), step_b(rank, 0), index(rank, 0);
  auto steps = [&](const Dims& dims, std::vector<int64_t>& step) {
    auto strides = strides_of(dims);
    for (size_t i = 0; i < dims.size(); ++i)
      if (dims[i] != 1) step[rank - dims.size() + i] = strides[i];
  };
  steps(a, step_a);
  steps(b, step_b);
  int64_t n = element_count(out).value_or(0), ia = 0, ib = 0;
  for (int64_t i = 0; i < n; ++i) {
    f(i, ia, ib);
    for (size_t d = rank; d-- > 0;) {
      ia += step_a[d];
      ib += step_b[d];
      if (++index[d] < out[d]) break;
      ia -= step_a[d] * out[d];
      ib -= step_b[d] * out[d];
      index[d] = 0;
    }
  }
}

/// The broadcast of known sizes, or an error at the node.
Result<Dims> broadcast_dims(const EvalContext& context, const Dims& a, const Dims& b);

/// A result too large to evaluate (more than 2^31 elements) is refused before it is allocated.
Status check_allocatable(const EvalContext& context, const Dims& dims);

}  // namespace pumice
