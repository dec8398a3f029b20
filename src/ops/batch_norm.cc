// Batch normalization, with given or with the batch's own statistics.
#include "ops/batch_norm.h"

#include <cmath>

#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/window.h"

namespace pumice {
namespace {

bool is_training(const Node& node) { return node.attributes.boolean("is_training", true); }
float epsilon_of(const Node& node) { return node.attributes.real("epsilon", 1e-4f); }
float average_factor(const Node& node) {
  return node.attributes.real("exponential_avg_factor", 1.0f);
}

Result<Windows> layout_of(const Node& node) {
  std::string format = node.attributes.string("data_format", "NHWC");
  return read_windows(node, format == "NDHWC" || format == "NCDHW" ? 3 : 2);
}

Status infer_fused(Node& node) {
  PUMICE_CHECK(expect_operands(node, 5, 6));
  PUMICE_TRY(Windows layout, layout_of(node));
  Shape x = node.operand(0)->shape;
  if (x.known_rank() && x.rank() != layout.rank())
    return malformed(node, "the input has the wrong rank")
        .expected(std::to_string(layout.rank()))
        .found(to_string(x));
  if (!x.known_rank()) x = Shape::of_rank(layout.rank());
  Dim channels = x[layout.channel_axis()];
  for (size_t i = 1; i < 3; ++i) {
    const Shape& parameter = node.operand(i)->shape;
    if (!parameter.known_rank()) continue;
    auto merged = parameter.is_rank(1) ? merge(channels, parameter[0]) : std::nullopt;
    if (!merged)
      return malformed(node, "a parameter does not fit the input's channels")
          .expected(to_string(x))
          .found(to_string(parameter));
    channels = *merged;
  }
  x[layout.channel_axis()] = channels;
  set_result(node, 0, node.operand(0)->dtype, x);
  for (size_t i = 1; i < node.result_count(); ++i)
    set_result(node, i, node.operand(1)->dtype, i < 5 ? Shape{channels} : Shape::scalar());
  return {};
}

struct Statistics {
  std::vector<double> mean, variance;
};

Statistics batch_statistics(const Elements<float>& x, int64_t rows, int64_t channels) {
  auto n = static_cast<size_t>(channels);
  Statistics s{std::vector<double>(n), std::vector<double>(n)};
  for (int64_t r = 0, i = 0; r < rows; ++r)
    for (size_t c = 0; c < n; ++c, ++i) s.mean[c] += x[i];
  for (double& mean : s.mean) mean /= static_cast<double>(rows);
  for (int64_t r = 0, i = 0; r < rows; ++r)
    for (size_t c = 0; c < n; ++c, ++i) s.variance[c] += (x[i] - s.mean[c]) * (x[i] - s.mean[c]);
  for (double& variance : s.variance) variance /= static_cast<double>(rows);
  return s;
}

Tensor vector_of(const std::vector<double>& values) {
  return Tensor::of<float>(DType::kFloat32, {static_cast<int64_t>(values.size())},
                           std::vector<float>(values.begin(), values.end()));
}

Status evaluate_fused_float(EvalContext& context) {
  const Node& node = context.node;
  if (context.inputs.size() < 5) return malformed(node, "a batch normalization takes five inputs");
  PUMICE_TRY(Windows layout, layout_of(node));
  if (context.in(0).rank() != layout.rank())
    return malformed(node, "the input has the wrong rank").found(to_string(context.in(0).dims()));
  Tensor x = to_channels_last(layout, context.in(0));
  int64_t channels = x.dims().back(), rows = channels ? x.elements() / channels : 0;
  bool training = is_training(node);
  for (size_t i = 0; i < 5; ++i) {
    bool running = i >= 3 && training && context.in(i).elements() == 0;
    if (context.in(i).dtype() != DType::kFloat32)
      return unsupported(
          node, "a batch normalization of " + std::string(dtype_name(context.in(i).dtype())));
    if (i > 0 && !running && context.in(i).dims() != Dims{channels})
      return malformed(node, "a parameter does not fit the input's channels")
          .expected(std::to_string(channels))
          .found(to_string(context.in(i).dims()));
  }
  Elements<float> in(x), scale(context.in(1)), offset(context.in(2)), old_mean(context.in(3)),
      old_variance(context.in(4));
  Statistics s;
  if (training) {
    s = batch_statistics(in, rows, channels);
  } else {
    for (int64_t c = 0; c < channels; ++c) {
      s.mean.push_back(old_mean[c]);
      s.variance.push_back(old_variance[c]);
    }
  }
  Tensor y = Tensor::zeros(DType::kFloat32, x.dims());
  std::vector<float> factor, mean(s.mean.begin(), s.mean.end());
  for (int64_t c = 0; c < channels; ++c)
    factor.push_back(static_cast<float>(
        scale[c] / std::sqrt(s.variance[static_cast<size_t>(c)] + epsilon_of(node))));
  float* to = y.mutable_as<float>();
  for (int64_t r = 0, i = 0; r < rows; ++r)
    for (int64_t c = 0; c < channels; ++c, ++i)
      to[i] = (in[i] - mean[static_cast<size_t>(c)]) * factor[static_cast<size_t>(c)] + offset[c];
  Statistics running = s;
  if (training) {
    double f = average_factor(node);
    for (size_t c = 0; c < running.mean.size(); ++c) {
      auto i = static_cast<int64_t>(c);
      running.variance[c] *=
          static_cast<double>(rows) / static_cast<double>(std::max<int64_t>(rows - 1, 1));
      if (f == 1.0 || context.in(3).elements() == 0) continue;
      running.mean[c] = (1 - f) * old_mean[i] + f * running.mean[c];
      running.variance[c] = (1 - f) * old_variance[i] + f * running.variance[c];
    }
  }
  context.outputs = {from_channels_last(layout, y), vector_of(running.mean),
                     vector_of(running.variance),   vector_of(s.mean),
                     vector_of(s.variance),         Tensor::scalar_f32(0)};
  context.outputs.resize(std::min(context.outputs.size(), node.result_count()));
  return {};
}

Status evaluate_fused(EvalContext& context) {
  if (context.inputs.empty() || !is_half(context.in(0).dtype()))
    return evaluate_fused_float(context);
  DType half = context.in(0).dtype();
  context.inputs[0] = cast_tensor(context.in(0), DType::kFloat32);
  PUMICE_CHECK(evaluate_fused_float(context));
  context.outputs[0] = cast_tensor(context.outputs[0], half);
  return {};
}

/// _FusedBatchNormEx: a side input and an activation after the normalization.
Status evaluate_fused_ex(EvalContext& context) {
  if (!context.inputs.empty() && is_half(context.in(0).dtype()))
    return unsupported(context.node, "only float32 is supported");
  PUMICE_CHECK(evaluate_fused_float(context));
  Tensor& y = context.outputs[0];
  Tensor out = Tensor::zeros(y.dtype(), y.dims());
  bool side = context.inputs.size() > 5;
  if (side && (context.in(5).dims() != y.dims() || context.in(5).dtype() != y.dtype()))
    return malformed(context.node, "the side input does not fit");
  bool relu = context.node.attributes.string("activation_mode", "Identity") == "Relu";
  for (int64_t i = 0; i < y.elements(); ++i) {
    float v = y.at<float>(i) + (side ? context.in(5).at<float>(i) : 0.0f);
    out.mutable_as<float>()[i] = relu && v < 0 ? 0.0f : v;
  }
  y = std::move(out);
  return {};
}

Value* add_constant(Value* x, float value, Lowering& lowering) {
  return lowering.binary("ADD", x, lowering.scalar(DType::kFloat32, value));
}

/// MEAN over every axis but the last.
Value* mean_over_rows(Value* x, Lowering& lowering) {
  std::vector<int64_t> axes;
  for (size_t i = 0; i + 1 < x->shape.rank(); ++i) axes.push_back(static_cast<int64_t>(i));
  return lowering.emit("MEAN", {x, lowering.constant_i32(axes)}, {{"keep_dims", false}}, x->dtype,
                       Shape{x->shape[x->shape.rank() - 1]});
}

/// rows / max(rows - 1, 1), which makes the batch's variance an unbiased one.
Value* unbiased_factor(Value* x, Lowering& lowering) {
  Dim rows = 1;
  for (size_t i = 0; i + 1 < x->shape.rank(); ++i) rows = rows * x->shape[i];
  if (rows.known()) {
    double n = static_cast<double>(rows.size());
    return lowering.scalar(DType::kFloat32, n / std::max(n - 1, 1.0));
  }
  Value* sizes =
      lowering.slice(lowering.shape_of(x), {0}, {static_cast<int64_t>(x->shape.rank()) - 1});
  Value* n = lowering.emit("REDUCE_PROD", {sizes, lowering.constant_i32({0})},
                           {{"keep_dims", false}}, DType::kInt32, Shape::scalar());
  n = lowering.cast(n, DType::kFloat32);
  Value* less = lowering.binary("MAXIMUM", add_constant(n, -1, lowering),
                                lowering.scalar(DType::kFloat32, 1));
  return lowering.binary("DIV", n, less);
}

/// (1 - factor) · old + factor · batch.
Value* moving_average(Value* old, Value* batch, float factor, Lowering& lowering) {
  if (factor == 1.0f || old->shape == Shape{0}) return batch;
  Value* kept = lowering.binary("MUL", old, lowering.scalar(DType::kFloat32, 1 - factor));
  return lowering.binary("ADD", kept,
                         lowering.binary("MUL", batch, lowering.scalar(DType::kFloat32, factor)));
}

Status lower_fused(Node& node, Lowering& lowering) {
  PUMICE_TRY(Windows layout, layout_of(node));
  PUMICE_TRY(Value * x, as_float32(node, node.operand(0), lowering));
  std::string activation = node.attributes.string("activation_mode", "Identity");
  if (activation != "Identity" && activation != "Relu")
    return unsupported(node, "the activation " + activation + " is not supported");
  std::vector<Value*> parameters;
  for (size_t i = 1; i < 5; ++i) {
    PUMICE_TRY(Value * parameter, as_float32(node, node.operand(i), lowering));
    parameters.push_back(parameter);
  }
  Value *scale = parameters[0], *offset = parameters[1];
  x = to_channels_last(layout, x, lowering);
  if (!x->shape.known_rank()) x->shape = Shape::of_rank(layout.rank());
  Value* y;
  std::vector<Value*> rest;  // results 1 to 4
  if (is_training(node)) {
    Value* mean = mean_over_rows(x, lowering);
    Value* centered = lowering.binary("SUB", x, mean);
    Value* variance = mean_over_rows(lowering.binary("MUL", centered, centered), lowering);
    Value* factor = lowering.binary(
        "MUL", lowering.unary("RSQRT", add_constant(variance, epsilon_of(node), lowering)), scale);
    y = lowering.binary("ADD", lowering.binary("MUL", centered, factor), offset);
    float f = average_factor(node);
    Value* running = variance;
    if (node.result_count() > 2 && !node.result(2)->unused())
      running = lowering.binary("MUL", variance, unbiased_factor(x, lowering));
    rest = {moving_average(parameters[2], mean, f, lowering),
            moving_average(parameters[3], running, f, lowering), mean, variance};
  } else {
    y = lower_to_normalization(x, scale, offset, parameters[2], parameters[3], epsilon_of(node),
                               lowering);
    rest = {parameters[2], parameters[3], parameters[2], parameters[3]};
  }
  if (node.operand_count() > 5) {  // _FusedBatchNormEx's side input
    PUMICE_TRY(Value * side, as_float32(node, node.operand(5), lowering));
    y = lowering.binary("ADD", y, to_channels_last(layout, side, lowering));
  }
  if (activation == "Relu") y = lowering.unary("RELU", y);
  y = from_channels_last(layout, y, lowering);
  lowering.replace(node, 0, lowering.cast(y, node.result()->dtype));
  for (size_t i = 1; i < node.result_count(); ++i) {
    if (node.result(i)->unused()) continue;
    lowering.replace(node, i, i < 5 ? rest[i - 1] : lowering.scalar(DType::kFloat32, 0));
  }
  return {};
}

// BatchNormWithGlobalNormalization: input, mean, variance, beta, gamma.
Status infer_global(Node& node) {
  PUMICE_CHECK(expect_operands(node, 5, 5));
  return infer_same_as_first(node);
}

bool scales(const Node& node) { return node.attributes.boolean("scale_after_normalization", true); }

Status evaluate_global(EvalContext& context) {
  const Tensor& x = context.in(0);
  int64_t channels = x.rank() ? x.dims().back() : 0;
  for (size_t i = 0; i < 5; ++i)
    if (context.in(i).dtype() != DType::kFloat32 || channels == 0 ||
        (i > 0 && context.in(i).dims() != Dims{channels}))
      return malformed(context.node, "a parameter does not fit the input's channels");
  Elements<float> in(x), mean(context.in(1)), variance(context.in(2)), beta(context.in(3)),
      gamma(context.in(4));
  Tensor y = Tensor::zeros(DType::kFloat32, x.dims());
  double epsilon = context.node.attributes.real("variance_epsilon");
  for (int64_t i = 0; i < x.elements(); ++i) {
    int64_t c = i % channels;
    double factor = (scales(context.node) ? gamma[c] : 1.0) / std::sqrt(variance[c] + epsilon);
    y.mutable_as<float>()[i] = static_cast<float>((in[i] - mean[c]) * factor + beta[c]);
  }
  context.outputs = {std::move(y)};
  return {};
}

Status lower_global(Node& node, Lowering& lowering) {
  if (node.operand(0)->dtype != DType::kFloat32)
    return unsupported(node, "the runtime has no kernel for this dtype");
  Value* gamma = scales(node) ? node.operand(4) : lowering.scalar(DType::kFloat32, 1);
  lowering.replace(
      node, 0,
      lower_to_normalization(node.operand(0), gamma, node.operand(3), node.operand(1),
                             node.operand(2), node.attributes.real("variance_epsilon"), lowering));
  return {};
}

constexpr std::string_view kTo = "MUL + ADD";
constexpr std::string_view kLimits = "float32 and float16";

constexpr OpDef kOps[] = {
    {"BatchNormWithGlobalNormalization", infer_global, evaluate_global, lower_global, kTo,
     "float32"},
    {"FusedBatchNorm", infer_fused, evaluate_fused, lower_fused, kTo, kLimits},
    {"FusedBatchNormV2", infer_fused, evaluate_fused, lower_fused, kTo, kLimits},
    {"FusedBatchNormV3", infer_fused, evaluate_fused, lower_fused, kTo, kLimits},
    {"_FusedBatchNormEx", infer_fused, evaluate_fused_ex, lower_fused, kTo, kLimits},
};

}  // namespace

Value* lower_to_normalization(Value* x, Value* scale, Value* offset, Value* mean, Value* variance,
                              float epsilon, Lowering& lowering) {
  Value *factor, *shift;
  const Constant *s = constant_of(scale), *o = constant_of(offset), *m = constant_of(mean),
                 *v = constant_of(variance);
  if (s && o && m && v && o->elements() == v->elements() && m->elements() == v->elements() &&
      (s->elements() == v->elements() || s->elements() == 1)) {
    Tensor st = s->materialize(), ot = o->materialize(), mt = m->materialize(),
           vt = v->materialize();
    std::vector<float> factors, shifts;
    for (int64_t c = 0; c < vt.elements(); ++c) {
      double f = st.number_at(s->elements() == 1 ? 0 : c) / std::sqrt(vt.number_at(c) + epsilon);
      factors.push_back(static_cast<float>(f));
      shifts.push_back(static_cast<float>(ot.number_at(c) - mt.number_at(c) * f));
    }
    factor = lowering.constant(Tensor::of(DType::kFloat32, vt.dims(), factors));
    shift = lowering.constant(Tensor::of(DType::kFloat32, vt.dims(), shifts));
  } else {
    Value* root = lowering.unary("RSQRT", add_constant(variance, epsilon, lowering));
    factor = lowering.binary("MUL", root, scale);
    shift = lowering.binary("SUB", offset, lowering.binary("MUL", mean, factor));
  }
  return lowering.binary("ADD", lowering.binary("MUL", x, factor), shift);
}

std::span<const OpDef> batch_norm_ops() { return kOps; }

}  // namespace pumice
