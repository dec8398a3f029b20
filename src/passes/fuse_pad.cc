// BEFORE  CONV_2D(PAD(x, [[0,0],[0,1],[0,1],[0,0]]), W, b) {padding=VALID}
// AFTER   CONV_2D(x, W, b) {padding=SAME}
//
// Where the zeros added are just those that SAME would add: the same result size and the same
// amount before (SAME puts the smaller half before). For CONV_2D and DEPTHWISE_CONV_2D; sizes may
// be unknown where the stride is 1.
#include <algorithm>

#include "passes/pipeline.h"
#include "passes/rewrite.h"
#include "tflite/enums.h"

namespace pumice {
namespace {

struct Window {
  int64_t size, stride, dilation;
};

bool same_would_add(Dim size, int64_t before, int64_t after, const Window& w) {
  if (w.stride < 1 || w.dilation < 1 || (size.known() && size.size() < 1)) return false;
  int64_t effective = (w.size - 1) * w.dilation + 1;
  if (!size.known())
    return w.stride == 1 && before + after == effective - 1 && before == (effective - 1) / 2;
  int64_t input = size.size();
  int64_t out = (input + w.stride - 1) / w.stride;
  int64_t padded = input + before + after;
  if (padded < effective || (padded - effective) / w.stride + 1 != out) return false;
  int64_t total = std::max<int64_t>((out - 1) * w.stride + effective - input, 0);
  // What VALID leaves unread at the end may have been padded more than SAME pads.
  return before == total / 2 && after >= total - before;
}

bool fuse(Graph& graph, Node& conv) {
  Node* pad = operand_node(conv, 0, "PAD");
  if (!pad || conv.attributes.integer("padding") != kPaddingValid) return false;
  const Constant* amounts = constant_of(pad->operand(1));
  Value* input = pad->operand(0);
  const Constant* weights = constant_of(conv.operand(1));
  if (!amounts || !weights || !input->shape.is_rank(4) || amounts->elements() != 8) return false;
  auto a = amounts->materialize().integers();
  if (a[0] || a[1] || a[6] || a[7]) return false;
  // Weights are [O,H,W,I], and [1,H,W,C] for the depthwise op.
  const Attributes& at = conv.attributes;
  Window h{weights->dims()[1], at.integer("stride_h", 1), at.integer("dilation_h_factor", 1)};
  Window w{weights->dims()[2], at.integer("stride_w", 1), at.integer("dilation_w_factor", 1)};
  if (!same_would_add(input->shape[1], a[2], a[3], h) ||
      !same_would_add(input->shape[2], a[4], a[5], w))
    return false;
  conv.set_operand(0, input);
  conv.attributes.set("padding", kPaddingSame);
  return true;
}

}  // namespace

Result<size_t> fuse_pad(Model& model, Graph& graph) {
  size_t applied = 0;
  for (Node& node : graph)
    if (node.is("CONV_2D") || node.is("DEPTHWISE_CONV_2D")) applied += fuse(graph, node);
  graph.erase_dead();
  return applied;
}

}  // namespace pumice
