// Softmax and its logarithm, over the last axis.
#include <algorithm>
#include <cmath>

#include "ops/carrier.h"
#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"

namespace pumice {
namespace {

Status infer_softmax(Node& node) {
  PUMICE_CHECK(expect_operands(node, 1, 1));
  if (node.operand(0)->shape.is_rank(0)) return malformed(node, "the input is a scalar");
  return infer_same_as_first(node);
}

Status evaluate_softmax(EvalContext& context) {
  const Tensor& x = context.in(0);
  if (is_half(x.dtype())) return evaluate_in_float32(context, x.dtype(), evaluate_softmax);
  if (x.rank() == 0) return malformed(context.node, "the input is a scalar");
  bool logarithm = context.node.is("LogSoftmax");
  int64_t n = x.dims().back();
  auto run = [&](auto zero) {
    using T = decltype(zero);
    Elements<T> from(x);
    Tensor out = Tensor::zeros(x.dtype(), x.dims());
    T* to = out.mutable_as<T>();
    for (int64_t row = 0; n > 0 && row < x.elements() / n; ++row) {
      const T* in = from.data() + row * n;
      T* y = to + row * n;
      T largest = *std::max_element(in, in + n), sum = 0;
      for (int64_t i = 0; i < n; ++i) {
        y[i] = in[i] - largest;
        sum += std::exp(y[i]);
      }
      for (int64_t i = 0; i < n; ++i)
        y[i] = logarithm ? y[i] - std::log(sum) : std::exp(y[i]) / sum;
    }
    context.outputs = {std::move(out)};
  };
  if (x.dtype() == DType::kFloat32)
    run(float{});
  else if (x.dtype() == DType::kFloat64)
    run(double{});
  else
    return malformed(context.node, "the input holds no floating-point numbers");
  return {};
}

// XNNPACK takes hold of larger ranks and then refuses them.
constexpr size_t kLargestRank = 6;

Status lower_softmax(Node& node, Lowering& lowering) {
  Value* x = node.operand(0);
  PUMICE_TRY(DType dtype, carrier_of(node, x->dtype, {DType::kFloat32}, Carriage::kCounts));
  Value* y = carry(lowering, x, dtype);
  Attributes attributes;
  const char* op = "LOG_SOFTMAX";
  if (node.is("Softmax")) {
    op = "SOFTMAX";
    attributes.set("beta", 1.0f);
  }
  if (x->shape.known_rank() && x->shape.rank() > kLargestRank) {
    Dim outer = 1;
    for (size_t d = 0; d + 1 < x->shape.rank(); ++d) outer = outer * x->shape[d];
    Shape flat{outer, x->shape[x->shape.rank() - 1]};
    if (!one_minus_one(flat)) return unsupported(node, "more than 6 axes, of unknown sizes");
    y = lowering.emit(op, {lowering.reshape(y, flat)}, std::move(attributes), dtype, flat);
    Value* const sources[] = {x};
    if (one_minus_one(x->shape)) {
      y = lowering.reshape(y, x->shape);
    } else {
      PUMICE_TRY(Value * sizes, lowering.shape_vector(x->shape, sources));
      y = lowering.reshape(y, sizes, x->shape);
    }
  } else {
    y = lowering.emit(op, {y}, std::move(attributes), dtype, x->shape);
  }
  lowering.replace(node, 0, carry(lowering, y, x->dtype));
  return {};
}

constexpr OpDef kOps[] = {
    {"LogSoftmax", infer_softmax, evaluate_softmax, lower_softmax, "LOG_SOFTMAX", "float64"},
    {"Softmax", infer_softmax, evaluate_softmax, lower_softmax, "SOFTMAX", "float64"},
};

}  // namespace

std::span<const OpDef> softmax_ops() { return kOps; }

}  // namespace pumice
