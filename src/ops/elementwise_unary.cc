// Ops that work on each element of one tensor.
#include <cmath>
#include <complex>

#include "ops/lower_math.h"
#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"

namespace pumice {
namespace {

Status infer_same(Node& node) {
  PUMICE_CHECK(expect_operands(node, 1, 1));
  return infer_same_as_first(node);
}

Status infer_test(Node& node) {
  PUMICE_CHECK(expect_operands(node, 1, 1));
  set_result(node, 0, DType::kBool, node.operand(0)->shape);
  return {};
}

Status infer_part(Node& node) {
  PUMICE_CHECK(expect_operands(node, 1, 1));
  DType part = node.operand(0)->dtype == DType::kComplex128 ? DType::kFloat64 : DType::kFloat32;
  set_result(node, 0, part, node.operand(0)->shape);
  return {};
}

// Evaluation.

template <typename From, typename To, typename F>
void map(const Tensor& x, Tensor& y, F f) {
  Elements<From> in(x);
  To* out = y.mutable_as<To>();
  for (int64_t i = 0, n = x.elements(); i < n; ++i) out[i] = static_cast<To>(f(in[i]));
}

/// f on float32, float64, and half precision by way of float32.
template <auto f>
Status evaluate_float(EvalContext& context) {
  const Tensor& x = context.in(0);
  if (is_half(x.dtype())) return evaluate_in_float32(context, x.dtype(), evaluate_float<f>);
  Tensor y = Tensor::zeros(x.dtype(), x.dims());
  if (x.dtype() == DType::kFloat32) {
    map<float, float>(x, y, f);
  } else if (x.dtype() == DType::kFloat64) {
    map<double, double>(x, y, f);
  } else {
    return unsupported(context.node, "is not evaluated for this dtype")
        .found(std::string(dtype_name(x.dtype())));
  }
  context.outputs = {std::move(y)};
  return {};
}

/// f on every number.
template <auto f>
Status evaluate_number(EvalContext& context) {
  const Tensor& x = context.in(0);
  if (is_half(x.dtype())) return evaluate_in_float32(context, x.dtype(), evaluate_number<f>);
  Tensor y = Tensor::zeros(x.dtype(), x.dims());
  bool known = visit_number(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    if constexpr (!std::is_same_v<T, bool>) map<T, T>(x, y, f);
  });
  if (!known || x.dtype() == DType::kBool)
    return unsupported(context.node, "is not evaluated for this dtype")
        .found(std::string(dtype_name(x.dtype())));
  context.outputs = {std::move(y)};
  return {};
}

template <auto f>
Status evaluate_test(EvalContext& context) {
  Tensor x = context.in(0);
  if (is_half(x.dtype())) x = cast_tensor(x, DType::kFloat32);
  Tensor y = Tensor::zeros(DType::kBool, x.dims());
  if (x.dtype() == DType::kFloat32) {
    map<float, bool>(x, y, f);
  } else if (x.dtype() == DType::kFloat64) {
    map<double, bool>(x, y, f);
  } else {
    return unsupported(context.node, "is not evaluated for this dtype")
        .found(std::string(dtype_name(x.dtype())));
  }
  context.outputs = {std::move(y)};
  return {};
}

Status evaluate_not(EvalContext& context) {
  const Tensor& x = context.in(0);
  if (x.dtype() != DType::kBool) return malformed(context.node, "takes a bool tensor");
  Tensor y = Tensor::zeros(DType::kBool, x.dims());
  map<uint8_t, bool>(x, y, [](uint8_t v) { return v == 0; });
  context.outputs = {std::move(y)};
  return {};
}

template <auto f>
Status evaluate_part(EvalContext& context) {
  const Tensor& x = context.in(0);
  bool wide = x.dtype() == DType::kComplex128;
  if (!is_complex(x.dtype())) {
    context.outputs = {x};  // Real and Imag of real numbers do not occur
    return {};
  }
  Tensor y = Tensor::zeros(wide ? DType::kFloat64 : DType::kFloat32, x.dims());
  if (wide) {
    map<std::complex<double>, double>(x, y, f);
  } else {
    map<std::complex<float>, float>(x, y, f);
  }
  context.outputs = {std::move(y)};
  return {};
}

constexpr auto kAbs = [](auto x) {
  using T = decltype(x);
  if constexpr (std::is_unsigned_v<T>) return x;
  else if constexpr (std::is_integral_v<T>)
    return x < 0 ? static_cast<T>(0 - static_cast<std::make_unsigned_t<T>>(x)) : x;
  else return std::fabs(x);
};
constexpr auto kNeg = [](auto x) {
  using T = decltype(x);
  if constexpr (std::is_floating_point_v<T>) return -x;
  else return static_cast<T>(0 - static_cast<std::make_unsigned_t<T>>(x));
};
constexpr auto kSign = [](auto x) {
  using T = decltype(x);
  if constexpr (std::is_floating_point_v<T>) if (std::isnan(x)) return x;
  if constexpr (std::is_unsigned_v<T>) return static_cast<T>(x != T{});
  else return static_cast<T>((T{} < x) - (x < T{}));
};
constexpr auto kSquare = [](auto x) {
  using T = decltype(x);
  if constexpr (std::is_integral_v<T>) {
    auto u = static_cast<uint64_t>(x);
    return static_cast<T>(u * u);
  } else {
    return x * x;
  }
};
constexpr auto kRound = [](auto x) {
  if constexpr (std::is_integral_v<decltype(x)>) return x;
  else return std::nearbyint(x);
};
constexpr auto kReciprocal = [](auto x) {
  using T = decltype(x);
  if constexpr (std::is_integral_v<T>) return static_cast<T>(x == T{} ? T{} : T(1) / x);
  else return T(1) / x;
};
constexpr auto kInvert = [](auto x) {
  using T = decltype(x);
  if constexpr (std::is_floating_point_v<T>) return x;
  else return static_cast<T>(~x);
};
constexpr auto kSigmoid = [](auto x) {
  using T = decltype(x);
  if (x >= 0) return T(1) / (T(1) + std::exp(-x));
  T e = std::exp(x);
  return e / (T(1) + e);
};
#define PUMICE_STD(name) [](auto x) { return std::name(x); }

// Lowering.

Status lower_direct(Node& node, Lowering& lowering) {
  PUMICE_CHECK(check_computable(node));
  static constexpr std::pair<std::string_view, const char*> kNames[] = {
      {"Exp", "EXP"},     {"Log", "LOG"},     {"Sqrt", "SQRT"},        {"Rsqrt", "RSQRT"},
      {"Sin", "SIN"},     {"Cos", "COS"},     {"Tanh", "TANH"},        {"Sigmoid", "LOGISTIC"},
      {"Floor", "FLOOR"}, {"Ceil", "CEIL"},   {"Round", "ROUND"},      {"Rint", "ROUND"},
      {"Neg", "NEG"},
  };
  Value* x = computed(node, 0, lowering);
  // Integers are round, floor and ceiling of themselves.
  if (x->dtype != DType::kFloat32 && !node.is("Neg")) {
    lowering.replace(node, 0, node.operand(0));
    return {};
  }
  for (const auto& [name, builtin] : kNames)
    if (node.is(name)) finish(node, lowering, lowering.unary(builtin, x));
  return {};
}

Status lower_part(Node& node, Lowering& lowering) {
  if (node.operand(0)->dtype != DType::kComplex64)
    return unsupported(node, "only complex64 has kernels")
        .found(std::string(dtype_name(node.operand(0)->dtype)));
  const char* builtin = node.is("Real") ? "REAL" : node.is("Imag") ? "IMAG" : "COMPLEX_ABS";
  finish(node, lowering, lowering.emit(builtin, {node.operand(0)}, {}, DType::kFloat32,
                                       node.operand(0)->shape));
  return {};
}

/// A lowering by one of the functions below, in the dtype to compute in.
template <Value* (*make)(Lowering&, Value*)>
Status lower_by(Node& node, Lowering& lowering) {
  PUMICE_CHECK(check_computable(node));
  finish(node, lowering, make(lowering, computed(node, 0, lowering)));
  return {};
}

Value* scalar(Lowering& lowering, double v) { return lowering.scalar(DType::kFloat32, v); }
Value* scaled(Lowering& lowering, Value* x, double by) {
  return lowering.binary("MUL", x, scalar(lowering, by));
}

Value* make_sign(Lowering& lowering, Value* x) {
  if (x->dtype != DType::kInt64) return lowering.unary("SIGN", x);
  Value* low = lowering.binary("MAXIMUM", x, lowering.scalar(x->dtype, -1));
  return lowering.binary("MINIMUM", low, lowering.scalar(x->dtype, 1));
}

Value* make_square(Lowering& lowering, Value* x) {
  return x->dtype == DType::kFloat32 ? lowering.unary("SQUARE", x) : lowering.binary("MUL", x, x);
}

Value* make_reciprocal(Lowering& lowering, Value* x) {
  Value* one = lowering.scalar(x->dtype, 1);
  return x->dtype == DType::kFloat32 ? lowering.binary("DIV", one, x)
                                     : truncated_quotient(lowering, one, x);
}

Value* make_invert(Lowering& lowering, Value* x) {
  return lowering.binary("SUB", lowering.scalar(x->dtype, -1), x);
}

Value* make_tan(Lowering& lowering, Value* x) {
  return lowering.binary("DIV", lowering.unary("SIN", x), lowering.unary("COS", x));
}

/// sqrt(1 - x * x) without cancellation: the other side of the triangle.
Value* other_side(Lowering& lowering, Value* x) {
  Value* one = scalar(lowering, 1);
  return lowering.unary("SQRT", lowering.binary("MUL", lowering.binary("SUB", one, x),
                                                lowering.binary("ADD", x, one)));
}

Value* make_asin(Lowering& lowering, Value* x) {
  return lowering.binary("ATAN2", x, other_side(lowering, x));
}
Value* make_acos(Lowering& lowering, Value* x) {
  return lowering.binary("ATAN2", other_side(lowering, x), x);
}
Value* make_atan(Lowering& lowering, Value* x) {
  return lowering.binary("ATAN2", x, ones_like(lowering, x));
}

// sinh(|x|) = exp(|x|) * -expm1(-2|x|) / 2; exp(|x|) as a square, so that it overflows no sooner
// than the result.
Value* make_sinh(Lowering& lowering, Value* x) {
  Value* size = lowering.unary("ABS", x);
  Value* root = lowering.unary("EXP", scaled(lowering, size, 0.5));
  Value* part = scaled(lowering, lowering.unary("ELU", scaled(lowering, size, -2)), -0.5);
  Value* sinh = lowering.binary("MUL", lowering.binary("MUL", root, part), root);
  Value* negative = lowering.compare("LESS", x, scalar(lowering, 0));
  return select(lowering, negative, lowering.unary("NEG", sinh), sinh);
}

Value* make_cosh(Lowering& lowering, Value* x) {
  Value* size = lowering.unary("ABS", x);
  Value* root = lowering.unary("EXP", scaled(lowering, size, 0.5));
  Value* large = lowering.binary("MUL", scaled(lowering, root, 0.5), root);
  Value* small = scaled(lowering, lowering.unary("EXP", lowering.unary("NEG", size)), 0.5);
  return lowering.binary("ADD", large, small);
}

/// `near` where x is at most 1e4, else log(2x), which is the same there to within 1e-8.
Value* or_log_of_twice(Lowering& lowering, Value* x, Value* near) {
  Value* far = lowering.binary("ADD", lowering.unary("LOG", x), scalar(lowering, std::log(2.0)));
  return select(lowering, lowering.compare("GREATER", x, scalar(lowering, 1e4)), far, near);
}

// asinh(a) = log1p(a + a^2 / (1 + sqrt(1 + a^2))) for a = |x|.
Value* make_asinh(Lowering& lowering, Value* x) {
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
Value* make_acosh(Lowering& lowering, Value* x) {
  Value* bounded = lowering.binary("MINIMUM", x, scalar(lowering, 1e4));
  Value* t = lowering.binary("SUB", bounded, scalar(lowering, 1));
  Value* root = lowering.unary("SQRT", lowering.binary("ADD", t, scalar(lowering, 2)));
  Value* product = lowering.binary("MUL", lowering.unary("SQRT", t), root);
  return or_log_of_twice(lowering, x, log1p(lowering, lowering.binary("ADD", t, product)));
}

Value* make_atanh(Lowering& lowering, Value* x) {
  Value* difference =
      lowering.binary("SUB", log1p(lowering, x), log1p(lowering, lowering.unary("NEG", x)));
  return scaled(lowering, difference, 0.5);
}

// x * P(x^2) / Q(x^2) on [-4, 4], outside of which erf is 1 in float32: within 2 units in the last
// place.
Value* make_erf(Lowering& lowering, Value* x) {
  static constexpr double kP[] = {-2.72614225801306e-10, 2.77068142495902e-08,
                                  -2.10102402082508e-06, -5.69250639462346e-05,
                                  -7.34990630326855e-04, -2.95459980854025e-03,
                                  -1.60960333262415e-02};
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
Value* make_erfc(Lowering& lowering, Value* x) {
  static constexpr double kNear[] = {
      2.326819970068386e-2, -1.387039388740657e-1, 3.687424674597105e-1,
      -5.824733027278666e-1, 6.210004621745983e-1, -4.944515323274145e-1,
      3.404879937665872e-1, -2.741127028184656e-1, 5.638259427386472e-1};
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
  Value* inside = lowering.binary("SUB", one, make_erf(lowering, x));
  Value* is_outside = lowering.compare("GREATER", lowering.unary("ABS", x), one);
  return select(lowering, is_outside, outside, inside);
}

Value* make_is_nan(Lowering& lowering, Value* x) { return lowering.compare("NOT_EQUAL", x, x); }
Value* make_is_inf(Lowering& lowering, Value* x) {
  return lowering.compare("EQUAL", lowering.unary("ABS", x), scalar(lowering, INFINITY));
}
Value* make_is_finite(Lowering& lowering, Value* x) {
  return lowering.compare("LESS", lowering.unary("ABS", x), scalar(lowering, INFINITY));
}

Status lower_not(Node& node, Lowering& lowering) {
  lowering.replace(node, 0, lowering.unary("LOGICAL_NOT", node.operand(0)));
  return {};
}

constexpr OpDef kOps[] = {
    {"Abs", infer_same, evaluate_number<kAbs>, lower_by<absolute>, "ABS", ""},
    {"Acos", infer_same, evaluate_float<PUMICE_STD(acos)>, lower_by<make_acos>, "ATAN2", ""},
    {"Acosh", infer_same, evaluate_float<PUMICE_STD(acosh)>, lower_by<make_acosh>,
     "LOG and arithmetic", ""},
    {"Asin", infer_same, evaluate_float<PUMICE_STD(asin)>, lower_by<make_asin>, "ATAN2", ""},
    {"Asinh", infer_same, evaluate_float<PUMICE_STD(asinh)>, lower_by<make_asinh>,
     "LOG and arithmetic", ""},
    {"Atan", infer_same, evaluate_float<PUMICE_STD(atan)>, lower_by<make_atan>, "ATAN2", ""},
    {"Atanh", infer_same, evaluate_float<PUMICE_STD(atanh)>, lower_by<make_atanh>,
     "LOG and arithmetic", ""},
    {"Ceil", infer_same, evaluate_float<PUMICE_STD(ceil)>, lower_direct, "CEIL", ""},
    {"ComplexAbs", infer_part, evaluate_part<PUMICE_STD(abs)>, lower_part, "COMPLEX_ABS",
     "complex64 only"},
    {"Cos", infer_same, evaluate_float<PUMICE_STD(cos)>, lower_direct, "COS", ""},
    {"Cosh", infer_same, evaluate_float<PUMICE_STD(cosh)>, lower_by<make_cosh>,
     "EXP and arithmetic", ""},
    {"Erf", infer_same, evaluate_float<PUMICE_STD(erf)>, lower_by<make_erf>,
     "a quotient of polynomials", ""},
    {"Erfc", infer_same, evaluate_float<PUMICE_STD(erfc)>, lower_by<make_erfc>,
     "EXP and polynomials", ""},
    {"Exp", infer_same, evaluate_float<PUMICE_STD(exp)>, lower_direct, "EXP", ""},
    {"Expm1", infer_same, evaluate_float<PUMICE_STD(expm1)>, lower_by<expm1>, "ELU + EXP", ""},
    {"Floor", infer_same, evaluate_float<PUMICE_STD(floor)>, lower_direct, "FLOOR", ""},
    {"Imag", infer_part, evaluate_part<PUMICE_STD(imag)>, lower_part, "IMAG", "complex64 only"},
    {"Inv", infer_same, evaluate_number<kReciprocal>, lower_by<make_reciprocal>, "DIV", ""},
    {"Invert", infer_same, evaluate_number<kInvert>, lower_by<make_invert>, "SUB", ""},
    {"IsFinite", infer_test, evaluate_test<PUMICE_STD(isfinite)>, lower_by<make_is_finite>,
     "ABS + LESS", ""},
    {"IsInf", infer_test, evaluate_test<PUMICE_STD(isinf)>, lower_by<make_is_inf>, "ABS + EQUAL",
     ""},
    {"IsNan", infer_test, evaluate_test<PUMICE_STD(isnan)>, lower_by<make_is_nan>, "NOT_EQUAL",
     ""},
    {"Log", infer_same, evaluate_float<PUMICE_STD(log)>, lower_direct, "LOG", ""},
    {"Log1p", infer_same, evaluate_float<PUMICE_STD(log1p)>, lower_by<log1p>,
     "LOG and arithmetic", ""},
    {"LogicalNot", infer_test, evaluate_not, lower_not, "LOGICAL_NOT", ""},
    {"Neg", infer_same, evaluate_number<kNeg>, lower_direct, "NEG", ""},
    {"Real", infer_part, evaluate_part<PUMICE_STD(real)>, lower_part, "REAL", "complex64 only"},
    {"Reciprocal", infer_same, evaluate_number<kReciprocal>, lower_by<make_reciprocal>, "DIV", ""},
    {"Rint", infer_same, evaluate_float<PUMICE_STD(nearbyint)>, lower_direct, "ROUND", ""},
    {"Round", infer_same, evaluate_number<kRound>, lower_direct, "ROUND", ""},
    {"Rsqrt", infer_same, evaluate_float<[](auto x) { return decltype(x)(1) / std::sqrt(x); }>,
     lower_direct, "RSQRT", ""},
    {"Sigmoid", infer_same, evaluate_float<kSigmoid>, lower_direct, "LOGISTIC", ""},
    {"Sign", infer_same, evaluate_number<kSign>, lower_by<make_sign>, "SIGN", ""},
    {"Sin", infer_same, evaluate_float<PUMICE_STD(sin)>, lower_direct, "SIN", ""},
    {"Sinh", infer_same, evaluate_float<PUMICE_STD(sinh)>, lower_by<make_sinh>, "EXP + ELU", ""},
    {"Sqrt", infer_same, evaluate_float<PUMICE_STD(sqrt)>, lower_direct, "SQRT", ""},
    {"Square", infer_same, evaluate_number<kSquare>, lower_by<make_square>, "SQUARE", ""},
    {"Tan", infer_same, evaluate_float<PUMICE_STD(tan)>, lower_by<make_tan>, "SIN / COS", ""},
    {"Tanh", infer_same, evaluate_float<PUMICE_STD(tanh)>, lower_direct, "TANH", ""},
};

}  // namespace

std::span<const OpDef> elementwise_unary_ops() { return kOps; }

}  // namespace pumice
