// Ops that grappler and TensorFlow.js fuse: a convolution or a product, then what `fused_ops`
// lists.
//
// They are expanded into the plain ops again; the passes fuse what the runtime's kernels can.
#include <cmath>

#include "ops/batch_norm.h"
#include "ops/bias.h"
#include "ops/conv.h"
#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/matmul.h"

namespace pumice {
namespace {

enum class Base { kConv, kDepthwise, kMatMul };

/// One entry of fused_ops, with the operands that belong to it.
struct Step {
  std::string op;
  size_t first_operand = 0;
};

struct Activation {
  std::string_view op, lowered;
  float (*f)(float x, float alpha);
};

constexpr Activation kActivations[] = {
    {"Elu", "ELU", [](float x, float) { return x < 0 ? std::expm1(x) : x; }},
    {"LeakyRelu", "LEAKY_RELU", [](float x, float a) { return x < 0 ? x * a : x; }},
    {"Relu", "RELU", [](float x, float) { return x < 0 ? 0.0f : x; }},
    {"Relu6", "RELU6", [](float x, float) { return x < 0   ? 0.0f
                                                   : x > 6 ? 6.0f
                                                           : x; }},
    {"Sigmoid", "LOGISTIC", [](float x, float) { return 1 / (1 + std::exp(-x)); }},
    {"Tanh", "TANH", [](float x, float) { return std::tanh(x); }},
};

const Activation* find_activation(std::string_view op) {
  for (const Activation& a : kActivations)
    if (a.op == op) return &a;
  return nullptr;
}

float alpha_of(const Node& node) { return node.attributes.real("leakyrelu_alpha", 0.2f); }

/// fused_ops with the operand numbers of each; refuses what it does not know.
Result<std::vector<Step>> steps_of(const Node& node, size_t operands) {
  std::vector<Step> steps;
  size_t at = 2;
  for (const std::string& op : node.attributes.get<std::vector<std::string>>("fused_ops")) {
    Step step{op, at};
    if (op == "BiasAdd" || op == "Prelu" || op == "PRelu" || op == "Add") {
      at += 1;
    } else if (op == "FusedBatchNorm") {
      at += 4;
    } else if (op == "Identity" || op == "LinearActivation" || op == "Linear") {
      continue;
    } else if (!find_activation(op)) {
      return unsupported(node, "the fused op " + op + " is not supported");
    }
    steps.push_back(std::move(step));
  }
  if (at > operands)
    return malformed(node, "too few inputs for the fused ops")
        .expected(std::to_string(at))
        .found(std::to_string(operands));
  return steps;
}

template <Base kBase>
Status infer_fused(Node& node) {
  switch (kBase) {
    case Base::kConv: return infer_conv2d(node);
    case Base::kDepthwise: return infer_depthwise_conv2d(node);
    case Base::kMatMul: return infer_matmul(node);
  }
  return {};
}

/// Channel `c` of each element, channels last.
Status evaluate_step(EvalContext& context, const Windows& layout, const Step& step, Tensor& y) {
  const Node& node = context.node;
  std::vector<Tensor> args;
  if (step.op == "BiasAdd") {
    EvalContext bias{node, {y, context.in(step.first_operand)}, {}, context.model};
    PUMICE_CHECK(evaluate_bias_add(bias));
    y = std::move(bias.outputs[0]);
    return {};
  }
  Tensor out = Tensor::zeros(DType::kFloat32, y.dims());
  float* to = out.mutable_as<float>();
  if (const Activation* activation = find_activation(step.op)) {
    Elements<float> in(y);
    for (int64_t i = 0; i < y.elements(); ++i) to[i] = activation->f(in[i], alpha_of(node));
    y = std::move(out);
    return {};
  }
  if (step.op == "FusedBatchNorm") {
    Tensor x = to_channels_last(layout, y);
    int64_t channels = x.dims().back();
    for (size_t i = 0; i < 4; ++i)
      if (context.in(step.first_operand + i).dims() != Dims{channels} ||
          context.in(step.first_operand + i).dtype() != DType::kFloat32)
        return malformed(node, "a parameter does not fit the channels");
    Elements<float> in(x), scale(context.in(step.first_operand)),
        offset(context.in(step.first_operand + 1)), mean(context.in(step.first_operand + 2)),
        variance(context.in(step.first_operand + 3));
    double epsilon = node.attributes.real("epsilon", 1e-4f);
    for (int64_t i = 0; i < x.elements(); ++i) {
      int64_t c = i % channels;
      to[i] = static_cast<float>((in[i] - mean[c]) * (scale[c] / std::sqrt(variance[c] + epsilon)) +
                                 offset[c]);
    }
    y = from_channels_last(layout, Tensor(DType::kFloat32, x.dims(), out.bytes()));
    return {};
  }
  // Add and Prelu: broadcast operands.
  const Tensor& arg = context.in(step.first_operand);
  PUMICE_TRY(Dims dims, broadcast_dims(context, y.dims(), arg.dims()));
  if (dims != y.dims() || arg.dtype() != DType::kFloat32)
    return malformed(node, "an operand of " + step.op + " does not fit")
        .found(to_string(arg.dims()));
  Elements<float> in(y), other(arg);
  for_each_broadcast(dims, y.dims(), arg.dims(), [&](int64_t i, int64_t a, int64_t b) {
    to[i] = step.op == "Add" ? in[a] + other[b] : in[a] < 0 ? in[a] * other[b] : in[a];
  });
  y = std::move(out);
  return {};
}

template <Base kBase>
Status evaluate_float(EvalContext& context) {
  const Node& node = context.node;
  if (context.inputs.size() < 2) return malformed(node, "too few inputs");
  PUMICE_TRY(auto steps, steps_of(node, context.inputs.size()));
  EvalContext base{node, {context.in(0), context.in(1)}, {}, context.model};
  Windows layout;
  if (kBase == Base::kMatMul) {
    PUMICE_CHECK(evaluate_matmul(base));
  } else {
    PUMICE_TRY(layout, read_windows(node, 2));
    PUMICE_CHECK(kBase == Base::kConv ? evaluate_conv2d(base) : evaluate_depthwise_conv2d(base));
  }
  Tensor y = std::move(base.outputs[0]);
  if (y.dtype() != DType::kFloat32)
    return unsupported(node, "a fused op of " + std::string(dtype_name(y.dtype())));
  for (const Step& step : steps) PUMICE_CHECK(evaluate_step(context, layout, step, y));
  context.outputs = {std::move(y)};
  return {};
}

template <Base kBase>
Status evaluate_fused(EvalContext& context) {
  if (!context.inputs.empty() && is_half(context.in(0).dtype()))
    return evaluate_in_float32(context, context.in(0).dtype(), evaluate_float<kBase>);
  return evaluate_float<kBase>(context);
}

Result<Value*> lower_step(const Node& node, const Windows& layout, const Step& step, Value* y,
                          Lowering& lowering) {
  std::vector<Value*> args;
  size_t count = step.op == "FusedBatchNorm" ? 4 : find_activation(step.op) ? 0 : 1;
  for (size_t i = 0; i < count; ++i) {
    PUMICE_TRY(Value * arg, as_float32(node, node.operand(step.first_operand + i), lowering));
    args.push_back(arg);
  }
  if (step.op == "BiasAdd")
    return lower_to_bias_add(node, y, args[0], layout.channels_first, lowering);
  if (step.op == "Add") return lowering.binary("ADD", y, args[0]);
  if (step.op == "FusedBatchNorm") {
    Value* x = to_channels_last(layout, y, lowering);
    x = lower_to_normalization(x, args[0], args[1], args[2], args[3],
                               node.attributes.real("epsilon", 1e-4f), lowering);
    return from_channels_last(layout, x, lowering);
  }
  if (step.op == "Prelu" || step.op == "PRelu")
    return lowering.emit("PRELU", {y, args[0]}, {}, y->dtype, y->shape);
  const Activation* activation = find_activation(step.op);
  Attributes attributes;
  if (step.op == "LeakyRelu") attributes.set("alpha", alpha_of(node));
  return lowering.emit(std::string(activation->lowered), {y}, std::move(attributes), y->dtype,
                       y->shape);
}

template <Base kBase>
Status lower_fused(Node& node, Lowering& lowering) {
  PUMICE_TRY(auto steps, steps_of(node, node.operand_count()));
  Windows layout;
  Value* y = nullptr;
  if (kBase == Base::kMatMul) {
    PUMICE_TRY(Value * a, as_float32(node, node.operand(0), lowering));
    PUMICE_TRY(Value * b, as_float32(node, node.operand(1), lowering));
    PUMICE_TRY(y, lower_to_matmul(node, a, b, node.attributes.boolean("transpose_a"),
                                  node.attributes.boolean("transpose_b"), lowering));
  } else {
    PUMICE_TRY(layout, read_windows(node, 2));
    PUMICE_TRY(y, kBase == Base::kConv ? lower_to_conv2d(node, lowering)
                                       : lower_to_depthwise_conv2d(node, lowering));
  }
  for (const Step& step : steps) {
    PUMICE_TRY(y, lower_step(node, layout, step, y, lowering));
  }
  lowering.replace(node, 0, lowering.cast(y, node.result()->dtype));
  return {};
}

template <Base kBase>
constexpr OpDef row(std::string_view name, std::string_view to) {
  return {name, infer_fused<kBase>,   evaluate_fused<kBase>, lower_fused<kBase>,
          to,   "float32 and float16"};
}

constexpr OpDef kOps[] = {
    row<Base::kDepthwise>("FusedDepthwiseConv2dNative", "DEPTHWISE_CONV_2D and its fused_ops"),
    row<Base::kConv>("_FusedConv2D", "CONV_2D and its fused_ops"),
    row<Base::kDepthwise>("_FusedDepthwiseConv2dNative", "DEPTHWISE_CONV_2D and its fused_ops"),
    row<Base::kMatMul>("_FusedMatMul", "FULLY_CONNECTED or BATCH_MATMUL and its fused_ops"),
};

}  // namespace

std::span<const OpDef> fused_ops() { return kOps; }

}  // namespace pumice
