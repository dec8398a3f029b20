// What ops of two operands that broadcast share: their shape rule, and their evaluation from a
// function of two elements.
#pragma once

#include <string>

#include "ops/eval.h"
#include "ops/infer.h"

namespace pumice {

/// Broadcast shape; the operands must be of one dtype, which is the result's.
inline Status infer_broadcast(Node& node) {
  PUMICE_CHECK(expect_operands(node, 2, 2));
  const DType a = node.operand(0)->dtype, b = node.operand(1)->dtype;
  if (a != b && a != DType::kInvalid && b != DType::kInvalid)
    return malformed(node, "the operands' dtypes differ")
        .found(std::string(dtype_name(a)) + " and " + std::string(dtype_name(b)));
  return infer_broadcast_binary(node);
}

inline Error wrong_dtype(const EvalContext& context) {
  return unsupported(context.node, "is not evaluated for this dtype")
      .found(std::string(dtype_name(context.in(0).dtype())));
}

template <typename T, typename F>
void zip(const Tensor& a, const Tensor& b, Tensor& y, F f) {
  Elements<T> left(a), right(b);
  T* out = y.mutable_as<T>();
  if (a.dims() == b.dims()) {
    for (int64_t i = 0, n = y.elements(); i < n; ++i) out[i] = f(left[i], right[i]);
    return;
  }
  for_each_broadcast(y.dims(), a.dims(), b.dims(),
                     [&](int64_t i, int64_t ia, int64_t ib) { out[i] = f(left[ia], right[ib]); });
}

/// Which element types a function takes, and what it asks of the second operand.
enum class Domain { kNumbers, kFloats, kIntegers, kDivisors, kExponents };

template <typename T, auto f, Domain domain>
Status evaluate_typed(EvalContext& context, const Dims& dims) {
  const Tensor &a = context.in(0), &b = context.in(1);
  if constexpr (std::is_same_v<T, bool> ||
                (std::is_floating_point_v<T> && domain == Domain::kIntegers) ||
                (!std::is_floating_point_v<T> && domain == Domain::kFloats)) {
    return wrong_dtype(context);
  } else {
    if constexpr (std::is_integral_v<T> &&
                  (domain == Domain::kDivisors || domain == Domain::kExponents)) {
      Elements<T> right(b);
      for (int64_t i = 0; i < b.elements(); ++i) {
        if (domain == Domain::kDivisors && right[i] == 0)
          return malformed(context.node, "integer division by zero");
        if constexpr (std::is_signed_v<T>)
          if (domain == Domain::kExponents && right[i] < 0)
            return malformed(context.node, "integer to a negative power");
      }
    }
    Tensor y = Tensor::zeros(a.dtype(), dims);
    zip<T>(a, b, y, f);
    context.outputs = {std::move(y)};
    return {};
  }
}

template <auto f, Domain domain = Domain::kNumbers>
Status evaluate_binary(EvalContext& context) {
  const Tensor &a = context.in(0), &b = context.in(1);
  if (a.dtype() != b.dtype()) return malformed(context.node, "the operands' dtypes differ");
  if (is_half(a.dtype()))
    return evaluate_in_float32(context, a.dtype(), evaluate_binary<f, domain>);
  PUMICE_TRY(Dims dims, broadcast_dims(context, a.dims(), b.dims()));
  Status status = wrong_dtype(context);
  visit_number(a.dtype(), [&](auto zero) {
    status = evaluate_typed<decltype(zero), f, domain>(context, dims);
  });
  return status;
}

/// Integer arithmetic that wraps around, as two's complement of 64 bits cut to T.
template <typename T, typename F>
T wrapped(T a, T b, F f) {
  return static_cast<T>(f(static_cast<uint64_t>(a), static_cast<uint64_t>(b)));
}

}  // namespace pumice
