// Local response normalization, and the half sum of squares that losses use.
#include <algorithm>
#include <cmath>

#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/window.h"

namespace pumice {
namespace {

struct LrnOptions {
  int64_t radius;
  float bias, alpha, beta;
};

LrnOptions options_of(const Node& node) {
  return {node.attributes.integer("depth_radius", 5), node.attributes.real("bias", 1),
          node.attributes.real("alpha", 1), node.attributes.real("beta", 0.5f)};
}

Status infer_lrn(Node& node) {
  PUMICE_CHECK(expect_operands(node, 1, 1));
  const Shape& x = node.operand(0)->shape;
  if (x.known_rank() && x.rank() != 4)
    return malformed(node, "the input has the wrong rank").expected("4").found(to_string(x));
  set_result(node, 0, node.operand(0)->dtype, x.known_rank() ? x : Shape::of_rank(4));
  return {};
}

Status evaluate_float(EvalContext& context) {
  const Tensor& x = context.in(0);
  if (x.dtype() != DType::kFloat32 || x.rank() != 4)
    return unsupported(context.node, "only float32 of rank 4 is supported");
  LrnOptions o = options_of(context.node);
  int64_t channels = x.dims()[3];
  if (o.radius < 0) return malformed(context.node, "a negative depth_radius");
  Elements<float> in(x);
  Tensor out = Tensor::zeros(x.dtype(), x.dims());
  for (int64_t i = 0; i < x.elements(); ++i) {
    int64_t c = i % channels, first = i - c;
    double sum = 0;
    for (int64_t k = std::max<int64_t>(c - o.radius, 0);
         k <= std::min(c + std::min(o.radius, channels), channels - 1); ++k)
      sum += static_cast<double>(in[first + k]) * in[first + k];
    out.mutable_as<float>()[i] =
        static_cast<float>(in[i] * std::pow(o.bias + o.alpha * sum, -static_cast<double>(o.beta)));
  }
  context.outputs = {std::move(out)};
  return {};
}

Status evaluate_lrn(EvalContext& context) {
  if (is_half(context.in(0).dtype()))
    return evaluate_in_float32(context, context.in(0).dtype(), evaluate_float);
  return evaluate_float(context);
}

Status lower_lrn(Node& node, Lowering& lowering) {
  PUMICE_TRY(Value * x, as_float32(node, node.operand(0), lowering));
  LrnOptions o = options_of(node);
  Value* y =
      lowering.emit("LOCAL_RESPONSE_NORMALIZATION", {x},
                    {{"radius", o.radius}, {"bias", o.bias}, {"alpha", o.alpha}, {"beta", o.beta}},
                    x->dtype, node.result()->shape);
  lowering.replace(node, 0, lowering.cast(y, node.result()->dtype));
  return {};
}

Status infer_l2_loss(Node& node) {
  PUMICE_CHECK(expect_operands(node, 1, 1));
  set_result(node, 0, node.operand(0)->dtype, Shape::scalar());
  return {};
}

Status evaluate_l2_loss(EvalContext& context) {
  const Tensor& x = context.in(0);
  if (!is_float(x.dtype())) return malformed(context.node, "the input is not floating");
  double sum = 0;
  for (int64_t i = 0; i < x.elements(); ++i) sum += x.number_at(i) * x.number_at(i);
  context.outputs = {cast_tensor(Tensor::of<double>(DType::kFloat64, {}, {sum / 2}), x.dtype())};
  return {};
}

Status lower_l2_loss(Node& node, Lowering& lowering) {
  PUMICE_TRY(Value * x, as_float32(node, node.operand(0), lowering));
  x = lowering.reshape(x, Shape{x->shape.elements() ? Dim(*x->shape.elements()) : Dim()});
  Value* sum = lowering.emit("SUM", {lowering.binary("MUL", x, x), lowering.constant_i32({0})},
                             {{"keep_dims", false}}, x->dtype, Shape::scalar());
  Value* half = lowering.binary("MUL", sum, lowering.scalar(x->dtype, 0.5));
  lowering.replace(node, 0, lowering.cast(half, node.result()->dtype));
  return {};
}

constexpr OpDef kOps[] = {
    {"L2Loss", infer_l2_loss, evaluate_l2_loss, lower_l2_loss, "MUL + SUM", "float32 and float16"},
    {"LRN", infer_lrn, evaluate_lrn, lower_lrn, "LOCAL_RESPONSE_NORMALIZATION",
     "float32 and float16"},
};

}  // namespace

std::span<const OpDef> lrn_ops() { return kOps; }

}  // namespace pumice
