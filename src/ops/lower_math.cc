#include "ops/lower_math.h"

#include <cmath>
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
  Value* is_near =
      lowering.compare("LESS", lowering.unary("ABS", x), lowering.scalar(DType::kFloat32, 0.03));
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

Value* scalar(Lowering& lowering, double v) { return lowering.scalar(DType::kFloat32, v); }
Value* scaled(Lowering& lowering, Value* x, double by) {
  return lowering.binary("MUL", x, scalar(lowering, by));
}

/// sqrt(1 - x * x) without cancellation: the other side of the triangle.
Value* other_side(Lowering& lowering, Value* x) {
  Value* one = scalar(lowering, 1);
  return lowering.unary("SQRT", lowering.binary("MUL", lowering.binary("SUB", one, x),
                                                lowering.binary("ADD", x, one)));
}

/// `near` where x is at most 1e4, else log(2x), which is the same there to within 1e-8.
Value* or_log_of_twice(Lowering& lowering, Value* x, Value* near) {
  Value* far = lowering.binary("ADD", lowering.unary("LOG", x), scalar(lowering, std::log(2.0)));
  return select(lowering, lowering.compare("GREATER", x, scalar(lowering, 1e4)), far, near);
}

}  // namespace

Value* tan(Lowering& lowering, Value* x) {
  return lowering.binary("DIV", lowering.unary("SIN", x), lowering.unary("COS", x));
}

Value* asin(Lowering& lowering, Value* x) {
  return lowering.binary("ATAN2", x, other_side(lowering, x));
}
Value* acos(Lowering& lowering, Value* x) {
  return lowering.binary("ATAN2", other_side(lowering, x), x);
}
Value* atan(Lowering& lowering, Value* x) {
  return lowering.binary("ATAN2", x, ones_like(lowering, x));
}

// sinh(|x|) = exp(|x|) * -expm1(-2|x|) / 2; exp(|x|) as a square, so that it overflows no sooner
// than the result.
Value* sinh(Lowering& lowering, Value* x) {
  Value* size = lowering.unary("ABS", x);
  Value* root = lowering.unary("EXP", scaled(lowering, size, 0.5));
  Value* part = scaled(lowering, lowering.unary("ELU", scaled(lowering, size, -2)), -0.5);
  Value* sinh = lowering.binary("MUL", lowering.binary("MUL", root, part), root);
  Value* negative = lowering.compare("LESS", x, scalar(lowering, 0));
  return select(lowering, negative, lowering.unary("NEG", sinh), sinh);
}

Value* cosh(Lowering& lowering, Value* x) {
  Value* size = lowering.unary("ABS", x);
  Value* root = lowering.unary("EXP", scaled(lowering, size, 0.5));
  Value* large = lowering.binary("MUL", scaled(lowering, root, 0.5), root);
  Value* small = scaled(lowering, lowering.unary("EXP", lowering.unary("NEG", size)), 0.5);
  return lowering.binary("ADD", large, small);
}

// asinh(a) = log1p(a + a^2 / (1 + sqrt(1 + a^2))) for a = |x|.
Value* asinh(Lowering& lowering, Value* x) {
  Value* size = lowering.unary("ABS", x);
  Value* a = lowering.binary("MINIMUM", size, scalar(lowering, 1e4));
  Value* square = lowering.unary("SQUARE", a);
  Value* one = scalar(lowering, 1);
  Value* root = lowering.unary("SQRT", lowering.binary("ADD", square, one));
  Value* more = lowering.binary("DIV", square, lowering.binary("ADD", root, one));
  Value* near = log1p(lowering, lowering.binary("ADD", a, more));
  Value* asinh = or_log_of_twice(lowering, size, near);
  Value* negative = lowering.compare("LESS", x, scalar(lowering, 0));
  return select(lowering, negative, lowering.unary("NEG", asinh), asinh);
}

// acosh(x) = log1p(t + sqrt(t) * sqrt(t + 2)) for t = x - 1; below 1 both roots make it NaN.
Value* acosh(Lowering& lowering, Value* x) {
  Value* bounded = lowering.binary("MINIMUM", x, scalar(lowering, 1e4));
  Value* t = lowering.binary("SUB", bounded, scalar(lowering, 1));
  Value* root = lowering.unary("SQRT", lowering.binary("ADD", t, scalar(lowering, 2)));
  Value* product = lowering.binary("MUL", lowering.unary("SQRT", t), root);
  return or_log_of_twice(lowering, x, log1p(lowering, lowering.binary("ADD", t, product)));
}

Value* atanh(Lowering& lowering, Value* x) {
  Value* difference =
      lowering.binary("SUB", log1p(lowering, x), log1p(lowering, lowering.unary("NEG", x)));
  return scaled(lowering, difference, 0.5);
}

// x * P(x^2) / Q(x^2) on [-4, 4], outside of which erf is 1 in float32: within 2 units in the last
// place.
Value* erf(Lowering& lowering, Value* x) {
  static constexpr double kP[] = {
      -2.72614225801306e-10, 2.77068142495902e-08,  -2.10102402082508e-06, -5.69250639462346e-05,
      -7.34990630326855e-04, -2.95459980854025e-03, -1.60960333262415e-02};
  static constexpr double kQ[] = {-1.45660718464996e-05, -2.13374055278905e-04,
                                  -1.68282697438203e-03, -7.37332916720468e-03,
                                  -1.42647390514189e-02};
  Value* high = lowering.binary("MINIMUM", x, scalar(lowering, 4));
  Value* bounded = lowering.binary("MAXIMUM", high, scalar(lowering, -4));
  Value* square = lowering.unary("SQUARE", bounded);
  Value* p = lowering.binary("MUL", bounded, polynomial(lowering, square, kP));
  return lowering.binary("DIV", p, polynomial(lowering, square, kQ));
}

// Above 1 in size, exp(-x^2) / |x| times a polynomial of 1 / x^2 (one below 2, one above): 1 - erf
// would have no correct digit left.
Value* erfc(Lowering& lowering, Value* x) {
  static constexpr double kNear[] = {
      2.326819970068386e-2,  -1.387039388740657e-1, 3.687424674597105e-1,
      -5.824733027278666e-1, 6.210004621745983e-1,  -4.944515323274145e-1,
      3.404879937665872e-1,  -2.741127028184656e-1, 5.638259427386472e-1};
  static constexpr double kFar[] = {
      -1.047766399936249e+1, 1.297719955372516e+1, -7.495518717768503e+0, 2.921019019210786e+0,
      -1.015265279202700e+0, 4.218463358204948e-1, -2.820767439740514e-1, 5.641895067754075e-1};
  Value *one = scalar(lowering, 1), *two = scalar(lowering, 2);
  Value* size = lowering.binary("MAXIMUM", lowering.unary("ABS", x), one);
  Value* inverse = lowering.binary("DIV", one, size);
  Value* square = lowering.unary("SQUARE", inverse);
  Value* decay = lowering.unary("EXP", lowering.unary("NEG", lowering.unary("SQUARE", size)));
  Value* factor = select(lowering, lowering.compare("LESS", size, two),
                         polynomial(lowering, square, kNear), polynomial(lowering, square, kFar));
  Value* tail = lowering.binary("MUL", lowering.binary("MUL", decay, inverse), factor);
  Value* outside = select(lowering, lowering.compare("LESS", x, scalar(lowering, 0)),
                          lowering.binary("SUB", two, tail), tail);
  Value* inside = lowering.binary("SUB", one, erf(lowering, x));
  Value* is_outside = lowering.compare("GREATER", lowering.unary("ABS", x), one);
  return select(lowering, is_outside, outside, inside);
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
