// Arithmetic of two tensors that broadcast.
#include <algorithm>
#include <cmath>

#include "ops/binary_evaluation.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/lower_math.h"

namespace pumice {
namespace {

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
Dim combine_mul(Element a, Element b) { return a.negative == b.negative ? a.size * b.size : Dim(); }
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

#define PUMICE_ARITHMETIC(op)                                              \
  [](auto a, auto b) {                                                     \
    using T = decltype(a);                                                 \
    if constexpr (std::is_integral_v<T>)                                   \
      return wrapped(a, b, [](uint64_t x, uint64_t y) { return x op y; }); \
    else                                                                   \
      return static_cast<T>(a op b);                                       \
  }

template <typename T>
T truncated_div(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    return a / b;
  else if constexpr (std::is_signed_v<T>)
    return b == -1 ? wrapped(T{}, a, [](uint64_t x, uint64_t y) { return x - y; })
                   : static_cast<T>(a / b);
  else
    return static_cast<T>(a / b);
}
template <typename T>
T truncated_mod(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    return std::fmod(a, b);
  else if constexpr (std::is_signed_v<T>)
    return b == -1 ? T{} : static_cast<T>(a % b);
  else
    return static_cast<T>(a % b);
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
constexpr auto kXlog1py = [](auto a, auto b) { return a == 0 ? decltype(a){} : a * std::log1p(b); };
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

constexpr auto kFloats = Domain::kFloats;
constexpr auto kDivisors = Domain::kDivisors;

constexpr OpDef kOps[] = {
    {"Add", infer_arithmetic<combine_add>, evaluate_binary<PUMICE_ARITHMETIC(+)>,
     lower_by<make_add>, "ADD", ""},
    {"AddN", infer_add_n, evaluate_add_n, lower_add_n, "ADD", ""},
    {"AddV2", infer_arithmetic<combine_add>, evaluate_binary<PUMICE_ARITHMETIC(+)>,
     lower_by<make_add>, "ADD", ""},
    {"Atan2", infer_broadcast, evaluate_binary<kAtan2, kFloats>, lower_by<make_atan2>, "ATAN2", ""},
    {"Div", infer_arithmetic<combine_div>, evaluate_binary<kDiv, kDivisors>, lower_by<make_div>,
     "DIV", ""},
    {"DivNoNan", infer_broadcast, evaluate_binary<kDivNoNan, kFloats>, lower_by<make_div_no_nan>,
     "DIV + SELECT_V2", ""},
    {"FloorDiv", infer_arithmetic<combine_div>, evaluate_binary<kFloorDiv, kDivisors>,
     lower_by<make_floor_div>, "FLOOR_DIV", ""},
    {"FloorMod", infer_arithmetic<combine_mod>, evaluate_binary<kFloorMod, kDivisors>,
     lower_by<make_floor_mod>, "FLOOR_MOD", ""},
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
    {"RealDiv", infer_arithmetic<combine_div>, evaluate_binary<kDiv, kDivisors>, lower_by<make_div>,
     "DIV", ""},
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
