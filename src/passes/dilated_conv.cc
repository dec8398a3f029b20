// BEFORE  BatchToSpaceND(BiasAdd(Conv2D(SpaceToBatchND(x, [2, 2], p), W) {VALID}, b), [2, 2], c)
// AFTER   BiasAdd(Conv2D(x, W) {SAME or VALID or EXPLICIT, dilations=[1, 2, 2, 1]}, b)
//
// How TensorFlow 1, and depthwise convolutions to this day, spell a dilated convolution. Blocks
// that fit, strides of 1 and constant paddings and crops are all it takes; the batch may be
// unknown. Runs on TensorFlow ops, so that the shapes after it are inferred anew (the batch was
// lost between).
#include <string_view>

#include "passes/pipeline.h"
#include "passes/rewrite.h"
#include "passes/simplify.h"

namespace pumice {
namespace {

/// What may stand between the convolution and BatchToSpaceND: it treats every position alike.
bool position_wise(const Node& node) {
  for (std::string_view op : {"BiasAdd", "Relu", "Relu6", "LeakyRelu", "Elu", "Identity"})
    if (node.is(op)) return node.attributes.string("data_format", "NHWC") == "NHWC";
  if (!node.is("Add") && !node.is("AddV2") && !node.is("Mul")) return false;
  const Constant* c = constant_of(node.operand(1));
  return c && c->dims().size() <= 1;
}

bool all_ones(const Attributes& attributes, std::string_view name, bool must_be_there) {
  const auto* list = attributes.find<std::vector<int64_t>>(name);
  if (!list) return !must_be_there;
  for (int64_t v : *list)
    if (v != 1) return false;
  return true;
}

struct Pads {
  int64_t before, after;
};

bool rewrite(Graph& graph, Node& to_space) {
  if (!to_space.is("BatchToSpaceND")) return false;
  std::vector<Node*> between;
  Node* conv = to_space.operand(0)->node();
  while (position_wise(*conv) && conv->result()->single_use() && between.size() < 4) {
    between.push_back(conv);
    conv = conv->operand(0)->node();
  }
  bool depthwise = conv->is("DepthwiseConv2dNative");
  if ((!conv->is("Conv2D") && !depthwise) || !conv->result()->single_use()) return false;
  Node* to_batch = operand_node(*conv, 0, "SpaceToBatchND");
  const Attributes& at = conv->attributes;
  if (!to_batch || at.string("padding") != "VALID" || !all_ones(at, "strides", true) ||
      !all_ones(at, "dilations", false) || at.string("data_format", "NHWC") != "NHWC")
    return false;
  auto block = integers_of(to_batch->operand(1)), paddings = integers_of(to_batch->operand(2));
  auto other = integers_of(to_space.operand(1)), crops = integers_of(to_space.operand(2));
  const Shape& filter = conv->operand(1)->shape;
  if (!block || !paddings || !crops || block != other || block->size() != 2 ||
      paddings->size() != 4 || crops->size() != 4 || !filter.is_rank(4))
    return false;
  Value* x = to_batch->operand(0);
  if (!x->shape.is_rank(4)) return false;

  bool none = true, same = true;
  Pads pads[2];
  for (size_t i = 0; i < 2; ++i) {
    // Cropping what the paddings brought in is padding less.
    pads[i] = {(*paddings)[2 * i] - (*crops)[2 * i], (*paddings)[2 * i + 1] - (*crops)[2 * i + 1]};
    if (pads[i].before < 0 || pads[i].after < 0 || (*block)[i] < 1 || (*crops)[2 * i] < 0)
      return false;
    none &= pads[i].before == 0 && pads[i].after == 0;
    int64_t reach = filter[i].known() ? (filter[i].size() - 1) * (*block)[i] : -1;
    same &= pads[i].before + pads[i].after == reach && pads[i].before == reach / 2;
  }
  conv->set_operand(0, x);
  conv->attributes.set("dilations", std::vector<int64_t>{1, (*block)[0], (*block)[1], 1});
  if (none) {
    conv->attributes.set("padding", std::string("VALID"));
  } else if (same) {
    conv->attributes.set("padding", std::string("SAME"));
  } else {
    conv->attributes.set("padding", std::string("EXPLICIT"));
    conv->attributes.set("explicit_paddings",
                         std::vector<int64_t>{0, 0, pads[0].before, pads[0].after, pads[1].before,
                                              pads[1].after, 0, 0});
  }
  if (to_batch->result()->unused()) erase_unused(to_batch);
  // Known shapes of the old middle say nothing of the new one.
  conv->result()->shape = Shape();
  for (Node* node : between) node->result()->shape = Shape();
  Value* end = to_space.operand(0);
  if (end->shape.known_rank() || to_space.result()->shape.known_rank()) end->shape = Shape();
  graph.replace_uses(to_space.result(), end);
  erase_unused(&to_space);
  return true;
}

}  // namespace

Result<size_t> dilated_conv(Model& model, Graph& graph) {
  size_t applied = for_each_node(graph, [&](Node& node) { return rewrite(graph, node); });
  if (applied > 0) PUMICE_CHECK(simplify(model, graph));
  return applied;
}

}  // namespace pumice
