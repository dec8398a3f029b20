// Ops that work on each element of one tensor.
#include <cmath>
#include <complex>

#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/lower_math.h"

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
  if constexpr (std::is_unsigned_v<T>)
    return x;
  else if constexpr (std::is_integral_v<T>)
    return x < 0 ? static_cast<T>(0 - static_cast<std::make_unsigned_t<T>>(x)) : x;
  else
    return std::fabs(x);
};
constexpr auto kNeg = [](auto x) {
  using T = decltype(x);
  if constexpr (std::is_floating_point_v<T>)
    return -x;
  else
    return static_cast<T>(0 - static_cast<std::make_unsigned_t<T>>(x));
};
constexpr auto kSign = [](auto x) {
  using T = decltype(x);
  if constexpr (std::is_floating_point_v<T>)
    if (std::isnan(x)) return x;
  if constexpr (std::is_unsigned_v<T>)
    return static_cast<T>(x != T{});
  else
    return static_cast<T>((T{} < x) - (x < T{}));
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
  if constexpr (std::is_integral_v<decltype(x)>)
    return x;
  else
    return std::nearbyint(x);
};
constexpr auto kReciprocal = [](auto x) {
  using T = decltype(x);
  if constexpr (std::is_integral_v<T>)
    return static_cast<T>(x == T{} ? T{} : T(1) / x);
  else
    return T(1) / x;
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
      {"Exp", "EXP"},     {"Log", "LOG"},   {"Sqrt", "SQRT"},   {"Rsqrt", "RSQRT"},
      {"Sin", "SIN"},     {"Cos", "COS"},   {"Tanh", "TANH"},   {"Sigmoid", "LOGISTIC"},
      {"Floor", "FLOOR"}, {"Ceil", "CEIL"}, {"Round", "ROUND"}, {"Rint", "ROUND"},
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
  finish(node, lowering,
         lowering.emit(builtin, {node.operand(0)}, {}, DType::kFloat32, node.operand(0)->shape));
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
    {"Acos", infer_same, evaluate_float<PUMICE_STD(acos)>, lower_by<acos>, "ATAN2", ""},
    {"Acosh", infer_same, evaluate_float<PUMICE_STD(acosh)>, lower_by<acosh>, "LOG and arithmetic",
     ""},
    {"Asin", infer_same, evaluate_float<PUMICE_STD(asin)>, lower_by<asin>, "ATAN2", ""},
    {"Asinh", infer_same, evaluate_float<PUMICE_STD(asinh)>, lower_by<asinh>, "LOG and arithmetic",
     ""},
    {"Atan", infer_same, evaluate_float<PUMICE_STD(atan)>, lower_by<atan>, "ATAN2", ""},
    {"Atanh", infer_same, evaluate_float<PUMICE_STD(atanh)>, lower_by<atanh>, "LOG and arithmetic",
     ""},
    {"Ceil", infer_same, evaluate_float<PUMICE_STD(ceil)>, lower_direct, "CEIL", ""},
    {"ComplexAbs", infer_part, evaluate_part<PUMICE_STD(abs)>, lower_part, "COMPLEX_ABS",
     "complex64 only"},
    {"Cos", infer_same, evaluate_float<PUMICE_STD(cos)>, lower_direct, "COS", ""},
    {"Cosh", infer_same, evaluate_float<PUMICE_STD(cosh)>, lower_by<cosh>, "EXP and arithmetic",
     ""},
    {"Erf", infer_same, evaluate_float<PUMICE_STD(erf)>, lower_by<erf>, "a quotient of polynomials",
     ""},
    {"Erfc", infer_same, evaluate_float<PUMICE_STD(erfc)>, lower_by<erfc>, "EXP and polynomials",
     ""},
    {"Exp", infer_same, evaluate_float<PUMICE_STD(exp)>, lower_direct, "EXP", ""},
    {"Expm1", infer_same, evaluate_float<PUMICE_STD(expm1)>, lower_by<expm1>, "ELU + EXP", ""},
    {"Floor", infer_same, evaluate_float<PUMICE_STD(floor)>, lower_direct, "FLOOR", ""},
    {"Imag", infer_part, evaluate_part<PUMICE_STD(imag)>, lower_part, "IMAG", "complex64 only"},
    {"Inv", infer_same, evaluate_number<kReciprocal>, lower_by<make_reciprocal>, "DIV", ""},
    {"IsFinite", infer_test, evaluate_test<PUMICE_STD(isfinite)>, lower_by<make_is_finite>,
     "ABS + LESS", ""},
    {"IsInf", infer_test, evaluate_test<PUMICE_STD(isinf)>, lower_by<make_is_inf>, "ABS + EQUAL",
     ""},
    {"IsNan", infer_test, evaluate_test<PUMICE_STD(isnan)>, lower_by<make_is_nan>, "NOT_EQUAL", ""},
    {"Log", infer_same, evaluate_float<PUMICE_STD(log)>, lower_direct, "LOG", ""},
    {"Log1p", infer_same, evaluate_float<PUMICE_STD(log1p)>, lower_by<log1p>, "LOG and arithmetic",
     ""},
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
    {"Sinh", infer_same, evaluate_float<PUMICE_STD(sinh)>, lower_by<sinh>, "EXP + ELU", ""},
    {"Sqrt", infer_same, evaluate_float<PUMICE_STD(sqrt)>, lower_direct, "SQRT", ""},
    {"Square", infer_same, evaluate_number<kSquare>, lower_by<make_square>, "SQUARE", ""},
    {"Tan", infer_same, evaluate_float<PUMICE_STD(tan)>, lower_by<tan>, "SIN / COS", ""},
    {"Tanh", infer_same, evaluate_float<PUMICE_STD(tanh)>, lower_direct, "TANH", ""},
};

}  // namespace

std::span<const OpDef> elementwise_unary_ops() { return kOps; }

}  // namespace pumice
