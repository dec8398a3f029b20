// Arithmetic out of TensorFlow Lite's builtins: in which dtype to compute, and the functions that
// have no builtin of their own.
#pragma once

#include <span>
#include <utility>

#include "graph/graph.h"
#include "ops/lowering.h"
#include "pumice/error.h"

namespace pumice {

/// The dtype in which the runtimes' kernels compute what is of `dtype`: float32, int32 or int64.
/// Narrow integers are widened, and the cast back wraps around as TensorFlow's arithmetic does;
/// float16 is computed in float32, as TensorFlow does. kInvalid: there are no kernels for it
/// (float64, uint64, complex, string).
DType compute_dtype(DType dtype);
/// kUnsupported at the node when an operand cannot be computed with; names the dtype.
Status check_computable(const Node& node);
/// Operand i in its compute_dtype().
Value* computed(Node& node, size_t i, Lowering& lowering);
/// Replaces result 0 by `value`, cast to the dtype of the result.
void finish(Node& node, Lowering& lowering, Value* value);

// All of these take float32 operands unless they say otherwise.
Value* select(Lowering& lowering, Value* condition, Value* then, Value* otherwise);  // any dtype
Value* ones_like(Lowering& lowering, Value* x);
/// Horner's scheme: the highest power's coefficient first.
Value* polynomial(Lowering& lowering, Value* x, std::span<const double> coefficients);
Value* log1p(Lowering& lowering, Value* x);
Value* expm1(Lowering& lowering, Value* x);
Value* tan(Lowering& lowering, Value* x);
Value* asin(Lowering& lowering, Value* x);
Value* acos(Lowering& lowering, Value* x);
Value* atan(Lowering& lowering, Value* x);
Value* sinh(Lowering& lowering, Value* x);
Value* cosh(Lowering& lowering, Value* x);
Value* asinh(Lowering& lowering, Value* x);
Value* acosh(Lowering& lowering, Value* x);
Value* atanh(Lowering& lowering, Value* x);
Value* erf(Lowering& lowering, Value* x);
Value* erfc(Lowering& lowering, Value* x);
/// log(1 + exp(x)), without overflow.
Value* softplus(Lowering& lowering, Value* x);
/// Any dtype that compute_dtype() returns; int64 has no ABS kernel.
Value* absolute(Lowering& lowering, Value* x);
/// Both operands in the broadcast shape, for kernels that do not broadcast.
std::pair<Value*, Value*> broadcast_both(Lowering& lowering, Value* a, Value* b);

/// Integer division of int32 or int64, exact for every pair (there is no int64 division kernel).
Value* floor_quotient(Lowering& lowering, Value* a, Value* b);
Value* truncated_quotient(Lowering& lowering, Value* a, Value* b);
/// The remainder with the sign of the dividend; int32, int64 or float32.
Value* truncated_remainder(Lowering& lowering, Value* a, Value* b);

}  // namespace pumice
