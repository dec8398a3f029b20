// Activation functions and their gradients.
#include <algorithm>
#include <cmath>

#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/lower_math.h"

namespace pumice {
namespace {

constexpr double kSeluScale = 1.0507009873554804934193349852946;
constexpr double kSeluScaleAlpha = 1.7580993408473768599402175208123;

Status infer_activation(Node& node) {
  PUMICE_CHECK(expect_operands(node, 1, 1));
  return infer_same_as_first(node);
}

Status infer_gradient(Node& node) {
  PUMICE_CHECK(expect_operands(node, 2, 2));
  auto shape = merge(node.operand(0)->shape, node.operand(1)->shape);
  if (!shape)
    return malformed(node, "the operands' shapes differ")
        .found(to_string(node.operand(0)->shape) + " and " + to_string(node.operand(1)->shape));
  set_result(node, 0, node.operand(0)->dtype, *shape);
  return {};
}

// Evaluation: f(x, alpha), and f(first operand, second operand, alpha) of gradients.

float alpha_of(const Node& node) { return node.attributes.real("alpha", 0.2f); }

Error wrong_dtype(const EvalContext& context) {
  return unsupported(context.node, "is not evaluated for this dtype")
      .found(std::string(dtype_name(context.in(0).dtype())));
}

template <auto f, bool integers = false>
Status evaluate_activation(EvalContext& context) {
  const Tensor& x = context.in(0);
  if (is_half(x.dtype()))
    return evaluate_in_float32(context, x.dtype(), evaluate_activation<f, integers>);
  Tensor y = Tensor::zeros(x.dtype(), x.dims());
  const float alpha = alpha_of(context.node);
  bool known = visit_number(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    if constexpr (std::is_floating_point_v<T> || (integers && !std::is_same_v<T, bool>)) {
      Elements<T> in(x);
      T* out = y.mutable_as<T>();
      for (int64_t i = 0; i < x.elements(); ++i) out[i] = static_cast<T>(f(in[i], alpha));
    }
  });
  if (!known || (!integers && !is_float(x.dtype()))) return wrong_dtype(context);
  context.outputs = {std::move(y)};
  return {};
}

template <auto f, bool integers = false>
Status evaluate_gradient(EvalContext& context) {
  const Tensor &a = context.in(0), &b = context.in(1);
  if (a.dtype() != b.dtype() || a.dims() != b.dims())
    return malformed(context.node, "the operands' types differ");
  if (is_half(a.dtype()))
    return evaluate_in_float32(context, a.dtype(), evaluate_gradient<f, integers>);
  Tensor y = Tensor::zeros(a.dtype(), a.dims());
  const float alpha = alpha_of(context.node);
  bool known = visit_number(a.dtype(), [&](auto zero) {
    using T = decltype(zero);
    if constexpr (std::is_floating_point_v<T> || (integers && !std::is_same_v<T, bool>)) {
      Elements<T> first(a), second(b);
      T* out = y.mutable_as<T>();
      for (int64_t i = 0; i < a.elements(); ++i)
        out[i] = static_cast<T>(f(first[i], second[i], static_cast<T>(alpha)));
    }
  });
  if (!known || (!integers && !is_float(a.dtype()))) return wrong_dtype(context);
  context.outputs = {std::move(y)};
  return {};
}

constexpr auto kRelu = [](auto x, float) { return x < 0 ? decltype(x){} : x; };
constexpr auto kRelu6 = [](auto x, float) {
  using T = decltype(x);
  return x < 0 ? T{} : x > T(6) ? T(6) : x;
};
constexpr auto kElu = [](auto x, float) { return x < 0 ? std::expm1(x) : x; };
constexpr auto kSelu = [](auto x, float) {
  return x < 0 ? kSeluScaleAlpha * std::expm1(x) : kSeluScale * x;
};
constexpr auto kLeakyRelu = [](auto x, float alpha) {
  return x > 0 ? x : static_cast<decltype(x)>(x * alpha);
};
constexpr auto kSoftplus = [](auto x, float) {
  return std::max<double>(x, 0) + std::log1p(std::exp(-std::fabs(static_cast<double>(x))));
};
constexpr auto kSoftsign = [](auto x, float) { return x / (1 + std::fabs(x)); };

constexpr auto kReluGrad = [](auto g, auto x, auto) { return x > 0 ? g : decltype(g){}; };
constexpr auto kRelu6Grad = [](auto g, auto x, auto) {
  using T = decltype(g);
  return x > 0 && x < T(6) ? g : T{};
};
constexpr auto kLeakyReluGrad = [](auto g, auto x, auto alpha) {
  return x > 0 ? g : static_cast<decltype(g)>(g * alpha);
};
constexpr auto kEluGrad = [](auto g, auto y, auto) {
  return y < 0 ? static_cast<decltype(g)>((y + 1) * g) : g;
};
constexpr auto kSeluGrad = [](auto g, auto y, auto) {
  return y < 0 ? g * (y + kSeluScaleAlpha) : g * kSeluScale;
};
constexpr auto kSoftplusGrad = [](auto g, auto x, auto) {
  return static_cast<double>(g) / (std::exp(-static_cast<double>(x)) + 1);
};
constexpr auto kSoftsignGrad = [](auto g, auto x, auto) {
  return g / std::pow(1 + std::fabs(static_cast<double>(x)), 2);
};
constexpr auto kSigmoidGrad = [](auto y, auto g, auto) { return g * y * (1 - y); };
constexpr auto kTanhGrad = [](auto y, auto g, auto) { return g * (1 - y * y); };
constexpr auto kSqrtGrad = [](auto y, auto g, auto) { return g * 0.5 / y; };
constexpr auto kRsqrtGrad = [](auto y, auto g, auto) { return -0.5 * g * y * y * y; };
constexpr auto kReciprocalGrad = [](auto y, auto g, auto) { return -g * y * y; };

// Lowering: functions of the operands in float32 (integers only where they say so).

template <Value* (*make)(Lowering&, Value*), bool integers = false>
Status lower_activation(Node& node, Lowering& lowering) {
  PUMICE_CHECK(check_computable(node));
  if (!integers && compute_dtype(node.operand(0)->dtype) != DType::kFloat32)
    return unsupported(node, "takes floats").found(std::string(dtype_name(node.operand(0)->dtype)));
  finish(node, lowering, make(lowering, computed(node, 0, lowering)));
  return {};
}

template <Value* (*make)(Lowering&, Value*, Value*)>
Status lower_gradient(Node& node, Lowering& lowering) {
  PUMICE_CHECK(check_computable(node));
  finish(node, lowering, make(lowering, computed(node, 0, lowering), computed(node, 1, lowering)));
  return {};
}

Value* scalar(Lowering& lowering, Value* like, double v) { return lowering.scalar(like->dtype, v); }
Value* scaled(Lowering& lowering, Value* x, double by) {
  return lowering.binary("MUL", x, scalar(lowering, x, by));
}
Value* one_more(Lowering& lowering, Value* x) {
  return lowering.binary("ADD", x, scalar(lowering, x, 1));
}
Value* one_minus(Lowering& lowering, Value* x) {
  return lowering.binary("SUB", scalar(lowering, x, 1), x);
}

Value* make_relu(Lowering& lowering, Value* x) {
  if (x->dtype == DType::kFloat32) return lowering.unary("RELU", x);
  return lowering.binary("MAXIMUM", x, scalar(lowering, x, 0));
}
Value* make_relu6(Lowering& lowering, Value* x) {
  if (x->dtype == DType::kFloat32) return lowering.unary("RELU6", x);
  return lowering.binary("MINIMUM", make_relu(lowering, x), scalar(lowering, x, 6));
}
Value* make_elu(Lowering& lowering, Value* x) { return lowering.unary("ELU", x); }
Value* make_selu(Lowering& lowering, Value* x) {
  Value* above = scaled(lowering, lowering.unary("RELU", x), kSeluScale);
  Value* low = lowering.binary("MINIMUM", x, scalar(lowering, x, 0));
  return lowering.binary("ADD", above,
                         scaled(lowering, lowering.unary("ELU", low), kSeluScaleAlpha));
}
Value* make_softsign(Lowering& lowering, Value* x) {
  return lowering.binary("DIV", x, one_more(lowering, lowering.unary("ABS", x)));
}

// What passes recognize (recognize_gelu.cc); no op of TensorFlow's.
Status lower_gelu(Node& node, Lowering& lowering) {
  Value* x = node.operand(0);
  bool approximate = node.attributes.boolean("approximate");
  lowering.replace(node, 0,
                   lowering.emit("GELU", {x}, {{"approximate", approximate}}, x->dtype, x->shape));
  return {};
}

Status lower_leaky_relu(Node& node, Lowering& lowering) {
  PUMICE_CHECK(check_computable(node));
  Value* x = computed(node, 0, lowering);
  finish(node, lowering,
         lowering.emit("LEAKY_RELU", {x}, {{"alpha", alpha_of(node)}}, x->dtype, x->shape));
  return {};
}

/// `then` where x > 0, else `otherwise`.
Value* where_positive(Lowering& lowering, Value* x, Value* then, Value* otherwise) {
  return select(lowering, lowering.compare("GREATER", x, scalar(lowering, x, 0)), then, otherwise);
}

Value* make_relu_grad(Lowering& lowering, Value* g, Value* x) {
  return where_positive(lowering, x, g, scalar(lowering, g, 0));
}
Value* make_relu6_grad(Lowering& lowering, Value* g, Value* x) {
  Value* below = lowering.compare("LESS", x, scalar(lowering, x, 6));
  Value* zero = scalar(lowering, g, 0);
  return select(lowering, below, where_positive(lowering, x, g, zero), zero);
}
Status lower_leaky_relu_grad(Node& node, Lowering& lowering) {
  PUMICE_CHECK(check_computable(node));
  Value* g = computed(node, 0, lowering);
  Value* leaked = scaled(lowering, g, alpha_of(node));
  finish(node, lowering, where_positive(lowering, computed(node, 1, lowering), g, leaked));
  return {};
}
Value* make_elu_grad(Lowering& lowering, Value* g, Value* y) {
  Value* below = lowering.binary("MUL", one_more(lowering, y), g);
  return select(lowering, lowering.compare("LESS", y, scalar(lowering, y, 0)), below, g);
}
Value* make_selu_grad(Lowering& lowering, Value* g, Value* y) {
  Value* slope = lowering.binary("ADD", y, scalar(lowering, y, kSeluScaleAlpha));
  return select(lowering, lowering.compare("LESS", y, scalar(lowering, y, 0)),
                lowering.binary("MUL", g, slope), scaled(lowering, g, kSeluScale));
}
Value* make_softplus_grad(Lowering& lowering, Value* g, Value* x) {
  return lowering.binary("MUL", g, lowering.unary("LOGISTIC", x));
}
Value* make_softsign_grad(Lowering& lowering, Value* g, Value* x) {
  Value* root = one_more(lowering, lowering.unary("ABS", x));
  return lowering.binary("DIV", g, lowering.unary("SQUARE", root));
}
Value* make_sigmoid_grad(Lowering& lowering, Value* y, Value* g) {
  return lowering.binary("MUL", lowering.binary("MUL", g, y), one_minus(lowering, y));
}
Value* make_tanh_grad(Lowering& lowering, Value* y, Value* g) {
  return lowering.binary("MUL", g, one_minus(lowering, lowering.unary("SQUARE", y)));
}
Value* make_sqrt_grad(Lowering& lowering, Value* y, Value* g) {
  return lowering.binary("DIV", scaled(lowering, g, 0.5), y);
}
Value* make_rsqrt_grad(Lowering& lowering, Value* y, Value* g) {
  Value* cube = lowering.binary("MUL", lowering.unary("SQUARE", y), y);
  return lowering.binary("MUL", scaled(lowering, g, -0.5), cube);
}
Value* make_reciprocal_grad(Lowering& lowering, Value* y, Value* g) {
  return lowering.binary("MUL", lowering.unary("NEG", g), lowering.unary("SQUARE", y));
}

constexpr OpDef kOps[] = {
    {"Elu", infer_activation, evaluate_activation<kElu>, lower_activation<make_elu>, "ELU", ""},
    {"EluGrad", infer_gradient, evaluate_gradient<kEluGrad>, lower_gradient<make_elu_grad>,
     "ADD + MUL + SELECT_V2", ""},
    {"Gelu", infer_activation, nullptr, lower_gelu, "GELU", "made by a rewrite"},
    {"InvGrad", infer_gradient, evaluate_gradient<kReciprocalGrad>,
     lower_gradient<make_reciprocal_grad>, "SQUARE + MUL", ""},
    {"LeakyRelu", infer_activation, evaluate_activation<kLeakyRelu>, lower_leaky_relu, "LEAKY_RELU",
     ""},
    {"LeakyReluGrad", infer_gradient, evaluate_gradient<kLeakyReluGrad>, lower_leaky_relu_grad,
     "MUL + SELECT_V2", ""},
    {"ReciprocalGrad", infer_gradient, evaluate_gradient<kReciprocalGrad>,
     lower_gradient<make_reciprocal_grad>, "SQUARE + MUL", ""},
    {"Relu", infer_activation, evaluate_activation<kRelu, true>, lower_activation<make_relu, true>,
     "RELU", ""},
    {"Relu6", infer_activation, evaluate_activation<kRelu6, true>,
     lower_activation<make_relu6, true>, "RELU6", ""},
    {"Relu6Grad", infer_gradient, evaluate_gradient<kRelu6Grad, true>,
     lower_gradient<make_relu6_grad>, "SELECT_V2", ""},
    {"ReluGrad", infer_gradient, evaluate_gradient<kReluGrad, true>, lower_gradient<make_relu_grad>,
     "SELECT_V2", ""},
    {"RsqrtGrad", infer_gradient, evaluate_gradient<kRsqrtGrad>, lower_gradient<make_rsqrt_grad>,
     "SQUARE + MUL", ""},
    {"Selu", infer_activation, evaluate_activation<kSelu>, lower_activation<make_selu>,
     "RELU + ELU", ""},
    {"SeluGrad", infer_gradient, evaluate_gradient<kSeluGrad>, lower_gradient<make_selu_grad>,
     "ADD + MUL + SELECT_V2", ""},
    {"SigmoidGrad", infer_gradient, evaluate_gradient<kSigmoidGrad>,
     lower_gradient<make_sigmoid_grad>, "SUB + MUL", ""},
    {"Softplus", infer_activation, evaluate_activation<kSoftplus>, lower_activation<softplus>,
     "EXP + LOG and arithmetic", ""},
    {"SoftplusGrad", infer_gradient, evaluate_gradient<kSoftplusGrad>,
     lower_gradient<make_softplus_grad>, "LOGISTIC + MUL", ""},
    {"Softsign", infer_activation, evaluate_activation<kSoftsign>, lower_activation<make_softsign>,
     "ABS + DIV", ""},
    {"SoftsignGrad", infer_gradient, evaluate_gradient<kSoftsignGrad>,
     lower_gradient<make_softsign_grad>, "SQUARE + DIV", ""},
    {"SqrtGrad", infer_gradient, evaluate_gradient<kSqrtGrad>, lower_gradient<make_sqrt_grad>,
     "MUL + DIV", ""},
    {"TanhGrad", infer_gradient, evaluate_gradient<kTanhGrad>, lower_gradient<make_tanh_grad>,
     "SQUARE + SUB + MUL", ""},
};

}  // namespace

std::span<const OpDef> activation_ops() { return kOps; }

}  // namespace pumice
