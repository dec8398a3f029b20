// Convolution as parts, for the ops that contain one (_FusedConv2D, …).
#pragma once

#include "graph/graph.h"
#include "ops/conv_kernel.h"
#include "ops/infer.h"
#include "ops/lowering.h"
#include "ops/op.h"
#include "ops/window.h"

namespace pumice {

/// Shape rules, evaluations and lowerings by the attributes and first two operands of `node`, which
/// may have further operands. Lowerings return the result in float32 and the node's layout.
Status infer_conv2d(Node& node);
Status infer_depthwise_conv2d(Node& node);
Status evaluate_conv2d(EvalContext& context);
Status evaluate_depthwise_conv2d(EvalContext& context);
Result<Value*> lower_to_conv2d(const Node& node, Lowering& lowering);
Result<Value*> lower_to_depthwise_conv2d(const Node& node, Lowering& lowering);

/// Sizes of the convolution from channels-last `x` with `filter` [k…, in/groups, out] (depthwise:
/// [k…, in, multiplier]); every size is checked. `x` holds the sizes of the wide end, also where it
/// is the result (transposed convolutions).
Result<ConvSizes> conv_sizes(const Node& node, const Windows& windows, const Dims& x,
                             const Dims& filter, bool depthwise);

/// run(T{}), with the type to compute a convolution of `dtype` in; integers wrap around.
template <typename F>
Status with_element_type(const Node& node, DType dtype, F&& run) {
  switch (dtype) {
    case DType::kFloat32: run(float{}); return {};
    case DType::kFloat64: run(double{}); return {};
    case DType::kInt32: run(uint32_t{}); return {};
    default: return unsupported(node, "a convolution of " + std::string(dtype_name(dtype)));
  }
}

}  // namespace pumice
