#include "ops/lower_math.h"

#include <string>

#include "ops/infer.h"

namespace pumice {

DType compute_dtype(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
    case DType::kFloat16:
    case DType::kBFloat16: return DType::kFloat32;
    case DType::kInt8:
    case DType::kInt16:
    case DType::kInt32:
    case DType::kUInt8:
    case DType::kUInt16:
    case DType::kBool: return DType::kInt32;
    case DType::kInt64:
    case DType::kUInt32: return DType::kInt64;
    default: return DType::kInvalid;
  }
}

Status check_computable(const Node& node) {
  for (size_t i = 0; i < node.operand_count(); ++i) {
    const DType dtype = node.operand(i)->dtype;
    if (compute_dtype(dtype) == DType::kInvalid)
      return unsupported(node, "TensorFlow Lite has no kernels for its dtype")
          .found(std::string(dtype_name(dtype)));
  }
  return {};
}

Value* computed(Node& node, size_t i, Lowering& lowering) {
  Value* x = node.operand(i);
  return lowering.cast(x, compute_dtype(x->dtype));
}

void finish(Node& node, Lowering& lowering, Value* value) {
  lowering.replace(node, 0, lowering.cast(value, node.result()->dtype));
}

Value* select(Lowering& lowering, Value* condition, Value* then, Value* otherwise) {
  auto branches = broadcast(then->shape, otherwise->shape);
  auto shape = branches ? broadcast(condition->shape, *branches) : std::nullopt;
  return lowering.emit("SELECT_V2", {condition, then, otherwise}, {}, then->dtype,
                       shape.value_or(Shape()));
}

Value* ones_like(Lowering& lowering, Value* x) {
  return lowering.binary("ADD", lowering.unary("ZEROS_LIKE", x), lowering.scalar(x->dtype, 1));
}

Value* polynomial(Lowering& lowering, Value* x, std::span<const double> coefficients) {
  Value* sum = lowering.binary("MUL", x, lowering.scalar(x->dtype, coefficients[0]));
  for (size_t i = 1; i < coefficients.size(); ++i) {
    sum = lowering.binary("ADD", sum, lowering.scalar(x->dtype, coefficients[i]));
    if (i + 1 < coefficients.size()) sum = lowering.binary("MUL", sum, x);
  }
  return sum;
}

// Near zero by its series, to within 1e-8: the sum 1 + x keeps too few bits of x there, and the
// runtimes' LOG is not exact enough beside 1 for the usual corrections of that.
Value* log1p(Lowering& lowering, Value* x) {
  static constexpr double kSeries[] = {1.0 / 5, -1.0 / 4, 1.0 / 3, -1.0 / 2, 1};
  Value* near = lowering.binary("MUL", x, polynomial(lowering, x, kSeries));
  Value* sum = lowering.binary("ADD", x, lowering.scalar(DType::kFloat32, 1));
  Value* is_near = lowering.compare("LESS", lowering.unary("ABS", x),
                                    lowering.scalar(DType::kFloat32, 0.03));
  return select(lowering, is_near, near, lowering.unary("LOG", sum));
}

// ELU is expm1 where its operand is not positive: expm1(x) = -exp(x) * expm1(-x) does the rest.
Value* expm1(Lowering& lowering, Value* x) {
  Value* negative = lowering.unary("NEG", lowering.unary("ABS", x));
  Value* below = lowering.unary("ELU", negative);
  Value* above = lowering.unary("NEG", lowering.binary("MUL", below, lowering.unary("EXP", x)));
  Value* is_negative = lowering.compare("LESS", x, lowering.scalar(DType::kFloat32, 0));
  return select(lowering, is_negative, below, above);
}

Value* softplus(Lowering& lowering, Value* x) {
  Value* negative = lowering.unary("NEG", lowering.unary("ABS", x));
  return lowering.binary("ADD", lowering.unary("RELU", x),
                         log1p(lowering, lowering.unary("EXP", negative)));
}

Value* absolute(Lowering& lowering, Value* x) {
  if (x->dtype != DType::kInt64) return lowering.unary("ABS", x);
  return lowering.binary("MAXIMUM", x, lowering.unary("NEG", x));
}

std::pair<Value*, Value*> broadcast_both(Lowering& lowering, Value* a, Value* b) {
  if (a->shape.known_rank() && b->shape.is_rank(a->shape.rank())) {
    bool same = true;
    for (size_t i = 0; i < a->shape.rank(); ++i) same &= a->shape[i].same_as(b->shape[i]);
    if (same) return {a, b};
  }
  // Multiplication by one keeps every value: the sign of zero, infinities, NaN.
  return {lowering.binary("MUL", a, ones_like(lowering, b)),
          lowering.binary("MUL", b, ones_like(lowering, a))};
}

namespace {

/// a / b of int64, where b divides a. Float32 quotients of what is left have a relative error below
/// 2^-22, so that each step leaves at most a 2^21st part: three steps leave nothing of 64 bits.
Value* exact_quotient(Lowering& lowering, Value* a, Value* b) {
  Value* divisor = lowering.cast(b, DType::kFloat32);
  Value* quotient = nullptr;
  Value* left = a;
  for (int step = 0; step < 3; ++step) {
    Value* ratio = lowering.binary("DIV", lowering.cast(left, DType::kFloat32), divisor);
    Value* part = lowering.cast(lowering.unary("ROUND", ratio), DType::kInt64);
    quotient = quotient ? lowering.binary("ADD", quotient, part) : part;
    if (step < 2) left = lowering.binary("SUB", left, lowering.binary("MUL", part, b));
  }
  return quotient;
}

Value* is_negative(Lowering& lowering, Value* x) {
  return lowering.compare("LESS", x, lowering.scalar(x->dtype, 0));
}

}  // namespace

Value* floor_quotient(Lowering& lowering, Value* a, Value* b) {
  if (a->dtype != DType::kInt64) return lowering.binary("FLOOR_DIV", a, b);
  Value* remainder = lowering.binary("FLOOR_MOD", a, b);
  return exact_quotient(lowering, lowering.binary("SUB", a, remainder), b);
}

Value* truncated_quotient(Lowering& lowering, Value* a, Value* b) {
  if (a->dtype != DType::kInt64) return lowering.binary("DIV", a, b);
  Value* remainder = truncated_remainder(lowering, a, b);
  return exact_quotient(lowering, lowering.binary("SUB", a, remainder), b);
}

Value* truncated_remainder(Lowering& lowering, Value* a, Value* b) {
  if (a->dtype == DType::kFloat32) {
    // Of two positive numbers both remainders are the same.
    Value* size = lowering.binary("FLOOR_MOD", lowering.unary("ABS", a), lowering.unary("ABS", b));
    return select(lowering, is_negative(lowering, a), lowering.unary("NEG", size), size);
  }
  Value* floored = lowering.binary("FLOOR_MOD", a, b);
  Value* other_sign =
      lowering.compare("NOT_EQUAL", is_negative(lowering, a), is_negative(lowering, b));
  Value* inexact = lowering.compare("NOT_EQUAL", floored, lowering.scalar(a->dtype, 0));
  return select(lowering, lowering.compare("LOGICAL_AND", other_sign, inexact),
                lowering.binary("SUB", floored, b), floored);
}

}  // namespace pumice
