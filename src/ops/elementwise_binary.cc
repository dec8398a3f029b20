// Arithmetic and bits of two tensors that broadcast.
#include <algorithm>
#include <cmath>

#include "ops/lower_math.h"
#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"

namespace pumice {
namespace {

Status infer_broadcast(Node& node) {
  PUMICE_CHECK(expect_operands(node, 2, 2));
  const DType a = node.operand(0)->dtype, b = node.operand(1)->dtype;
  if (a != b && a != DType::kInvalid && b != DType::kInvalid)
    return malformed(node, "the operands' dtypes differ")
        .found(std::string(dtype_name(a)) + " and " + std::string(dtype_name(b)));
  return infer_broadcast_binary(node);
}

// Shape arithmetic: what is known of the elements of small integer results.

/// One element of an operand: its size (of a negative constant: the magnitude).
struct Element {
  Dim size;
  bool negative = false;
};

std::vector<Element> elements_of(const Value* value) {
  std::vector<Element> elements;
  if (auto known = known_elements(value)) {
    for (Dim d : *known) elements.push_back({d});
  } else if (auto integers = constant_integers(value, 1024)) {
    for (int64_t v : *integers) {
      if (v == INT64_MIN) return {};
      elements.push_back({v < 0 ? -v : v, v < 0});
    }
  }
  return elements;
}

using Combine = Dim (*)(Element, Element);

template <Combine combine>
Status infer_arithmetic(Node& node) {
  PUMICE_CHECK(infer_broadcast(node));
  Value* result = node.result();
  if (!is_integer(result->dtype)) return {};
  const std::vector<Element> a = elements_of(node.operand(0)), b = elements_of(node.operand(1));
  const size_t n = std::max(a.size(), b.size());
  if (a.empty() || b.empty() || (a.size() != n && a.size() != 1) ||
      (b.size() != n && b.size() != 1) || result->shape.elements() != static_cast<int64_t>(n))
    return {};
  std::vector<Dim> partial;
  for (size_t i = 0; i < n; ++i)
    partial.push_back(combine(a[a.size() == 1 ? 0 : i], b[b.size() == 1 ? 0 : i]));
  result->partial = std::move(partial);
  return {};
}

Dim combine_add(Element a, Element b) {
  if (a.negative && b.negative) return {};
  if (a.negative) return b.size - a.size;
  return b.negative ? a.size - b.size : a.size + b.size;
}
Dim combine_sub(Element a, Element b) {
  if (a.negative) return {};
  return b.negative ? a.size + b.size : a.size - b.size;
}
Dim combine_mul(Element a, Element b) {
  return a.negative == b.negative ? a.size * b.size : Dim();
}
Dim combine_div(Element a, Element b) {
  if (a.negative || b.negative || !b.size.known() || b.size.size() == 0) return {};
  if (b.size.size() == 1) return a.size;
  return a.size.known() ? Dim(a.size.size() / b.size.size()) : Dim();
}
Dim combine_mod(Element a, Element b) {
  if (a.negative || b.negative || !b.size.known() || b.size.size() == 0) return {};
  if (b.size.size() == 1) return 0;
  return a.size.known() ? Dim(a.size.size() % b.size.size()) : Dim();
}
Dim combine_max(Element a, Element b) {
  if (a.negative && b.negative) return {};
  if (a.negative || b.negative) return a.negative ? b.size : a.size;
  if (a.size.same_as(b.size) || b.size == Dim(0)) return a.size;
  if (a.size == Dim(0)) return b.size;
  if (a.size.known() && b.size.known()) return std::max(a.size.size(), b.size.size());
  return {};
}
Dim combine_min(Element a, Element b) {
  if (a.negative || b.negative) return {};
  if (a.size.same_as(b.size)) return a.size;
  if (a.size == Dim(0) || b.size == Dim(0)) return 0;
  if (a.size.known() && b.size.known()) return std::min(a.size.size(), b.size.size());
  return {};
}

// Evaluation.

Error wrong_dtype(const EvalContext& context) {
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
  if (is_half(a.dtype())) return evaluate_in_float32(context, a.dtype(), evaluate_binary<f, domain>);
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

#define PUMICE_ARITHMETIC(op)                                                        \
  [](auto a, auto b) {                                                               \
    using T = decltype(a);                                                           \
    if constexpr (std::is_integral_v<T>)                                             \
      return wrapped(a, b, [](uint64_t x, uint64_t y) { return x op y; });           \
    else                                                                             \
      return static_cast<T>(a op b);                                                 \
  }

template <typename T>
T truncated_div(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) return a / b;
  else if constexpr (std::is_signed_v<T>)
    return b == -1 ? wrapped(T{}, a, [](uint64_t x, uint64_t y) { return x - y; })
                   : static_cast<T>(a / b);
  else return static_cast<T>(a / b);
}
template <typename T>
T truncated_mod(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) return std::fmod(a, b);
  else if constexpr (std::is_signed_v<T>) return b == -1 ? T{} : static_cast<T>(a % b);
  else return static_cast<T>(a % b);
}

constexpr auto kDiv = [](auto a, auto b) { return truncated_div(a, b); };
constexpr auto kMod = [](auto a, auto b) { return truncated_mod(a, b); };
constexpr auto kFloorDiv = [](auto a, auto b) {
  using T = decltype(a);
  if constexpr (std::is_floating_point_v<T>) {
    return std::floor(a / b);
  } else {
    T quotient = truncated_div(a, b);
    return static_cast<T>(quotient - (truncated_mod(a, b) != 0 && (a < T{}) != (b < T{})));
  }
};
constexpr auto kFloorMod = [](auto a, auto b) {
  using T = decltype(a);
  T rest = truncated_mod(a, b);
  return static_cast<T>(rest != 0 && (rest < T{}) != (b < T{}) ? rest + b : rest);
};
constexpr auto kDivNoNan = [](auto a, auto b) { return b == 0 ? decltype(a){} : a / b; };
constexpr auto kMulNoNan = [](auto a, auto b) { return b == 0 ? decltype(a){} : a * b; };
constexpr auto kXdivy = [](auto a, auto b) { return a == 0 ? decltype(a){} : a / b; };
constexpr auto kXlogy = [](auto a, auto b) { return a == 0 ? decltype(a){} : a * std::log(b); };
constexpr auto kXlog1py = [](auto a, auto b) {
  return a == 0 ? decltype(a){} : a * std::log1p(b);
};
constexpr auto kAtan2 = [](auto a, auto b) { return std::atan2(a, b); };
constexpr auto kMaximum = [](auto a, auto b) { return a < b || b != b ? b : a; };
constexpr auto kMinimum = [](auto a, auto b) { return b < a || b != b ? b : a; };
constexpr auto kSquaredDifference = [](auto a, auto b) {
  using T = decltype(a);
  if constexpr (std::is_integral_v<T>)
    return wrapped(a, b, [](uint64_t x, uint64_t y) { return (x - y) * (x - y); });
  else
    return (a - b) * (a - b);
};
constexpr auto kPow = [](auto a, auto b) {
  using T = decltype(a);
  if constexpr (std::is_floating_point_v<T>) {
    return std::pow(a, b);
  } else {
    uint64_t base = static_cast<uint64_t>(a), power = 1;
    for (auto e = static_cast<uint64_t>(b); e; e >>= 1, base *= base)
      if (e & 1) power *= base;
    return static_cast<T>(power);
  }
};
template <typename T>
int shift_amount(T b) {
  if (b < T{}) return 0;
  return static_cast<int>(std::min<uint64_t>(static_cast<uint64_t>(b), sizeof(T) * 8 - 1));
}
constexpr auto kLeftShift = [](auto a, auto b) {
  return static_cast<decltype(a)>(static_cast<uint64_t>(a) << shift_amount(b));
};
constexpr auto kRightShift = [](auto a, auto b) {
  return static_cast<decltype(a)>(a >> shift_amount(b));
};

Status infer_add_n(Node& node) {
  PUMICE_CHECK(expect_operands(node, 1, SIZE_MAX));
  Shape shape = node.operand(0)->shape;
  for (size_t i = 1; i < node.operand_count(); ++i) {
    auto merged = merge(shape, node.operand(i)->shape);
    if (!merged) return malformed(node, "the operands' shapes differ");
    shape = *merged;
  }
  set_result(node, 0, node.operand(0)->dtype, shape);
  return {};
}

Status evaluate_add_n(EvalContext& context) {
  Tensor sum = context.in(0);
  for (size_t i = 1; i < context.inputs.size(); ++i) {
    EvalContext pair{context.node, {sum, context.in(i)}, {}, nullptr};
    PUMICE_CHECK(evaluate_binary<PUMICE_ARITHMETIC(+)>(pair));
    sum = pair.outputs[0];
  }
  context.outputs = {std::move(sum)};
  return {};
}

// Lowering.

/// A lowering by one of the functions below, in the dtype to compute in.
template <Value* (*make)(Lowering&, Value*, Value*)>
Status lower_by(Node& node, Lowering& lowering) {
  PUMICE_CHECK(check_computable(node));
  finish(node, lowering, make(lowering, computed(node, 0, lowering), computed(node, 1, lowering)));
  return {};
}

Value* make_add(Lowering& l, Value* a, Value* b) { return l.binary("ADD", a, b); }
Value* make_sub(Lowering& l, Value* a, Value* b) { return l.binary("SUB", a, b); }
Value* make_mul(Lowering& l, Value* a, Value* b) { return l.binary("MUL", a, b); }
Value* make_maximum(Lowering& l, Value* a, Value* b) { return l.binary("MAXIMUM", a, b); }
Value* make_minimum(Lowering& l, Value* a, Value* b) { return l.binary("MINIMUM", a, b); }
Value* make_floor_mod(Lowering& l, Value* a, Value* b) { return l.binary("FLOOR_MOD", a, b); }

Value* make_div(Lowering& lowering, Value* a, Value* b) {
  if (a->dtype == DType::kFloat32) return lowering.binary("DIV", a, b);
  return truncated_quotient(lowering, a, b);
}

// FLOOR_DIV of floats refuses to divide by zero, where TensorFlow gives infinity.
Value* make_floor_div(Lowering& lowering, Value* a, Value* b) {
  if (a->dtype != DType::kFloat32) return floor_quotient(lowering, a, b);
  return lowering.unary("FLOOR", lowering.binary("DIV", a, b));
}

Value* make_squared_difference(Lowering& lowering, Value* a, Value* b) {
  if (a->dtype != DType::kInt64) return lowering.binary("SQUARED_DIFFERENCE", a, b);
  Value* difference = lowering.binary("SUB", a, b);
  return lowering.binary("MUL", difference, difference);
}

Value* make_atan2(Lowering& lowering, Value* a, Value* b) {
  auto [y, x] = broadcast_both(lowering, a, b);
  return lowering.binary("ATAN2", y, x);
}

/// `value` where x is not zero, zero where it is.
Value* unless_zero(Lowering& lowering, Value* x, Value* value) {
  Value* zero = lowering.scalar(DType::kFloat32, 0);
  return select(lowering, lowering.compare("EQUAL", x, zero), zero, value);
}

Value* make_div_no_nan(Lowering& lowering, Value* a, Value* b) {
  return unless_zero(lowering, b, lowering.binary("DIV", a, b));
}
Value* make_mul_no_nan(Lowering& lowering, Value* a, Value* b) {
  return unless_zero(lowering, b, lowering.binary("MUL", a, b));
}
Value* make_xdivy(Lowering& lowering, Value* a, Value* b) {
  return unless_zero(lowering, a, lowering.binary("DIV", a, b));
}
Value* make_xlogy(Lowering& lowering, Value* a, Value* b) {
  return unless_zero(lowering, a, lowering.binary("MUL", a, lowering.unary("LOG", b)));
}
Value* make_xlog1py(Lowering& lowering, Value* a, Value* b) {
  return unless_zero(lowering, a, lowering.binary("MUL", a, log1p(lowering, b)));
}

/// x to a known power by squaring: exact, and wraps around as TensorFlow's does.
Value* integer_power(Lowering& lowering, Value* x, int64_t exponent) {
  Value* power = nullptr;
  for (Value* square = x;; square = lowering.binary("MUL", square, square)) {
    if (exponent & 1) power = power ? lowering.binary("MUL", power, square) : square;
    exponent >>= 1;
    if (exponent == 0) break;
  }
  return power;
}

Status lower_pow(Node& node, Lowering& lowering) {
  PUMICE_CHECK(check_computable(node));
  const DType dtype = compute_dtype(node.operand(0)->dtype);
  if (dtype != DType::kFloat32) {
    auto exponent = constant_integer(node.operand(1));
    if (exponent && *exponent > 0 && node.operand(1)->shape.is_rank(0)) {
      finish(node, lowering, integer_power(lowering, computed(node, 0, lowering), *exponent));
      return {};
    }
    if (dtype == DType::kInt64)
      return unsupported(node, "there is no kernel for powers of this dtype")
          .expected("a constant scalar exponent, or a narrower dtype")
          .found(std::string(dtype_name(node.operand(0)->dtype)));
  }
  Value *x = computed(node, 0, lowering), *y = computed(node, 1, lowering);
  finish(node, lowering, lowering.binary("POW", x, y));
  return {};
}

Status lower_add_n(Node& node, Lowering& lowering) {
  PUMICE_CHECK(check_computable(node));
  Value* sum = computed(node, 0, lowering);
  for (size_t i = 1; i < node.operand_count(); ++i)
    sum = lowering.binary("ADD", sum, computed(node, i, lowering));
  finish(node, lowering, sum);
  return {};
}

int bits_of(DType dtype) { return static_cast<int>(element_size(dtype)) * 8; }

/// Shifts beyond the width are TensorFlow's: the amount is clamped to 0..width-1.
Value* clamped_amount(Node& node, Lowering& lowering, int most) {
  Value* amount = computed(node, 1, lowering);
  amount = lowering.binary("MAXIMUM", amount, lowering.scalar(amount->dtype, 0));
  return lowering.binary("MINIMUM", amount, lowering.scalar(amount->dtype, most));
}

/// 2 to the power of `amount` (in range) in its dtype, from a table.
Value* power_of_two(Lowering& lowering, Value* amount) {
  const DType dtype = amount->dtype;
  const int bits = bits_of(dtype);
  std::vector<int64_t> powers;
  for (int i = 0; i < bits; ++i) powers.push_back(static_cast<int64_t>(uint64_t{1} << i));
  Tensor table = cast_tensor(Tensor::of<int64_t>(DType::kInt64, {bits}, powers), dtype);
  return lowering.emit("GATHER", {lowering.constant(table), lowering.as_i32(amount)}, {}, dtype,
                       amount->shape);
}

Status lower_left_shift(Node& node, Lowering& lowering) {
  PUMICE_CHECK(check_computable(node));
  Value* amount = clamped_amount(node, lowering, bits_of(node.operand(0)->dtype) - 1);
  finish(node, lowering,
         lowering.binary("MUL", computed(node, 0, lowering), power_of_two(lowering, amount)));
  return {};
}

Status lower_right_shift(Node& node, Lowering& lowering) {
  PUMICE_CHECK(check_computable(node));
  Value* x = computed(node, 0, lowering);
  const int most = bits_of(node.operand(0)->dtype) - 1;
  Value* amount = clamped_amount(node, lowering, most);
  if (x->dtype == DType::kInt32) {
    finish(node, lowering, lowering.binary("RIGHT_SHIFT", x, amount));
    return {};
  }
  // 2^63 is not an int64: shifting by 62 and then by 1 is shifting by 63.
  Value* first = lowering.binary("MINIMUM", amount, lowering.scalar(DType::kInt64, 62));
  Value* second = lowering.binary("SUB", amount, first);
  Value* shifted = floor_quotient(lowering, x, power_of_two(lowering, first));
  if (most == 63) shifted = floor_quotient(lowering, shifted, power_of_two(lowering, second));
  finish(node, lowering, shifted);
  return {};
}

/// The bits that both int32 operands have. There is no such kernel: the `bits` lowest bits go apart
/// along a new last dimension, are multiplied, and weighed together again.
Value* bits_of_both(Lowering& lowering, Value* a, Value* b, int bits) {
  std::vector<int32_t> shifts, weights;
  for (int i = 0; i < bits; ++i) {
    shifts.push_back(i);
    weights.push_back(static_cast<int32_t>(uint32_t{1} << i));
  }
  Value* shift = lowering.constant(Tensor::vector_i32(shifts));
  Value* two = lowering.scalar(DType::kInt32, 2);
  auto apart = [&](Value* x) {
    Shape shape = x->shape;
    if (shape.known_rank()) shape.dims().push_back(1);
    Value* column = lowering.emit("EXPAND_DIMS", {x, lowering.scalar(DType::kInt32, -1)}, {},
                                  DType::kInt32, shape);
    return lowering.binary("FLOOR_MOD", lowering.binary("RIGHT_SHIFT", column, shift), two);
  };
  Value* both = lowering.binary("MUL", apart(a), apart(b));
  Value* weighed = lowering.binary("MUL", both, lowering.constant(Tensor::vector_i32(weights)));
  Shape shape = weighed->shape;
  if (shape.known_rank()) shape.dims().pop_back();
  return lowering.emit("SUM", {weighed, lowering.constant_i32({-1})}, {{"keep_dims", false}},
                       DType::kInt32, shape);
}

/// x, an integer of any width, as int32: 64 bits become a last dimension of 2.
Value* bits_as_i32(Lowering& lowering, Value* x) {
  if (element_size(x->dtype) < 4 || x->dtype == DType::kInt32) return lowering.as_i32(x);
  Shape shape = x->shape;
  if (element_size(x->dtype) == 8 && shape.known_rank()) shape.dims().push_back(2);
  return lowering.emit("BITCAST", {x}, {}, DType::kInt32, shape);
}

Status lower_bitwise(Node& node, Lowering& lowering) {
  const DType dtype = node.operand(0)->dtype;
  if (!is_integer(dtype) || dtype == DType::kInt4)
    return unsupported(node, "is no integer type").found(std::string(dtype_name(dtype)));
  // x & (2^k - 1) is a remainder.
  auto mask = constant_integer(node.operand(1));
  if (node.is("BitwiseAnd") && mask && *mask >= 0 && (*mask & (*mask + 1)) == 0 &&
      *mask < INT32_MAX && compute_dtype(dtype) != DType::kInvalid &&
      node.operand(1)->shape.is_rank(0)) {
    Value* x = computed(node, 0, lowering);
    Value* modulus = lowering.scalar(x->dtype, static_cast<double>(*mask + 1));
    finish(node, lowering, lowering.binary("FLOOR_MOD", x, modulus));
    return {};
  }
  Value *a = bits_as_i32(lowering, node.operand(0)), *b = bits_as_i32(lowering, node.operand(1));
  Value* result;
  if (node.is("BitwiseXor")) {
    result = lowering.binary("BITWISE_XOR", a, b);
  } else {
    result = bits_of_both(lowering, a, b, std::min(32, bits_of(dtype)));
    if (node.is("BitwiseOr"))
      result = lowering.binary("SUB", lowering.binary("ADD", a, b), result);
  }
  if (element_size(dtype) < 4 || dtype == DType::kInt32) {
    finish(node, lowering, result);
  } else {
    lowering.replace(node, 0,
                     lowering.emit("BITCAST", {result}, {}, dtype, node.result()->shape));
  }
  return {};
}

constexpr auto kFloats = Domain::kFloats;
constexpr auto kIntegers = Domain::kIntegers;
constexpr auto kDivisors = Domain::kDivisors;

constexpr OpDef kOps[] = {
    {"Add", infer_arithmetic<combine_add>, evaluate_binary<PUMICE_ARITHMETIC(+)>,
     lower_by<make_add>, "ADD", ""},
    {"AddN", infer_add_n, evaluate_add_n, lower_add_n, "ADD", ""},
    {"AddV2", infer_arithmetic<combine_add>, evaluate_binary<PUMICE_ARITHMETIC(+)>,
     lower_by<make_add>, "ADD", ""},
    {"Atan2", infer_broadcast, evaluate_binary<kAtan2, kFloats>, lower_by<make_atan2>, "ATAN2", ""},
    {"BitwiseAnd", infer_broadcast,
     evaluate_binary<[](auto a, auto b) { return static_cast<decltype(a)>(a & b); }, kIntegers>,
     lower_bitwise, "RIGHT_SHIFT + FLOOR_MOD + MUL + SUM", ""},
    {"BitwiseOr", infer_broadcast,
     evaluate_binary<[](auto a, auto b) { return static_cast<decltype(a)>(a | b); }, kIntegers>,
     lower_bitwise, "RIGHT_SHIFT + FLOOR_MOD + MUL + SUM", ""},
    {"BitwiseXor", infer_broadcast,
     evaluate_binary<[](auto a, auto b) { return static_cast<decltype(a)>(a ^ b); }, kIntegers>,
     lower_bitwise, "BITWISE_XOR", ""},
    {"Div", infer_arithmetic<combine_div>, evaluate_binary<kDiv, kDivisors>, lower_by<make_div>,
     "DIV", ""},
    {"DivNoNan", infer_broadcast, evaluate_binary<kDivNoNan, kFloats>, lower_by<make_div_no_nan>,
     "DIV + SELECT_V2", ""},
    {"FloorDiv", infer_arithmetic<combine_div>, evaluate_binary<kFloorDiv, kDivisors>,
     lower_by<make_floor_div>, "FLOOR_DIV", ""},
    {"FloorMod", infer_arithmetic<combine_mod>, evaluate_binary<kFloorMod, kDivisors>,
     lower_by<make_floor_mod>, "FLOOR_MOD", ""},
    {"LeftShift", infer_broadcast, evaluate_binary<kLeftShift, kIntegers>, lower_left_shift,
     "GATHER + MUL", ""},
    {"Maximum", infer_arithmetic<combine_max>, evaluate_binary<kMaximum>, lower_by<make_maximum>,
     "MAXIMUM", ""},
    {"Minimum", infer_arithmetic<combine_min>, evaluate_binary<kMinimum>, lower_by<make_minimum>,
     "MINIMUM", ""},
    {"Mod", infer_arithmetic<combine_mod>, evaluate_binary<kMod, kDivisors>,
     lower_by<truncated_remainder>, "FLOOR_MOD + SELECT_V2", ""},
    {"Mul", infer_arithmetic<combine_mul>, evaluate_binary<PUMICE_ARITHMETIC(*)>,
     lower_by<make_mul>, "MUL", ""},
    {"MulNoNan", infer_broadcast, evaluate_binary<kMulNoNan, kFloats>, lower_by<make_mul_no_nan>,
     "MUL + SELECT_V2", ""},
    {"Pow", infer_broadcast, evaluate_binary<kPow, Domain::kExponents>, lower_pow, "POW",
     "int64 and uint32: constant scalar exponents only; results of integers must fit"},
    {"RealDiv", infer_arithmetic<combine_div>, evaluate_binary<kDiv, kDivisors>,
     lower_by<make_div>, "DIV", ""},
    {"RightShift", infer_broadcast, evaluate_binary<kRightShift, kIntegers>, lower_right_shift,
     "RIGHT_SHIFT", ""},
    {"SquaredDifference", infer_broadcast, evaluate_binary<kSquaredDifference>,
     lower_by<make_squared_difference>, "SQUARED_DIFFERENCE", ""},
    {"Sub", infer_arithmetic<combine_sub>, evaluate_binary<PUMICE_ARITHMETIC(-)>,
     lower_by<make_sub>, "SUB", ""},
    {"TruncateDiv", infer_arithmetic<combine_div>, evaluate_binary<kDiv, kDivisors>,
     lower_by<make_div>, "DIV", ""},
    {"TruncateMod", infer_arithmetic<combine_mod>, evaluate_binary<kMod, kDivisors>,
     lower_by<truncated_remainder>, "FLOOR_MOD + SELECT_V2", ""},
    {"Xdivy", infer_broadcast, evaluate_binary<kXdivy, kFloats>, lower_by<make_xdivy>,
     "DIV + SELECT_V2", ""},
    {"Xlog1py", infer_broadcast, evaluate_binary<kXlog1py, kFloats>, lower_by<make_xlog1py>,
     "LOG + MUL + SELECT_V2", ""},
    {"Xlogy", infer_broadcast, evaluate_binary<kXlogy, kFloats>, lower_by<make_xlogy>,
     "LOG + MUL + SELECT_V2", ""},
};

}  // namespace

std::span<const OpDef> elementwise_binary_ops() { return kOps; }

}  // namespace pumice
