// BEFORE  x:[1,a,b,3] → Unpack → Cast → ExpandDims(0)      AFTER  x → Cast
//
// Detectors take their one picture out of the batch and put it back (a map over pictures that was
// unrolled, tf.image.resize). Where sizes are unknown neither is a reshape: each copies the
// picture, number by number. The leading axis of size 1 stays on instead, through ops that work
// number by number. Takes Unpack and Squeeze, StridedSlice with shrink_axis_mask; Pack, ExpandDims,
// StridedSlice with new_axis_mask.
#include "ops/infer.h"
#include "passes/pipeline.h"
#include "passes/rewrite.h"
#include "passes/simplify.h"

namespace pumice {
namespace {

constexpr int kLongestChain = 16;

/// A StridedSlice that takes whole axes but for what it does to axis 0.
bool takes_rest_whole(const Node& node) {
  const auto begin = constant_integers(node.operand(1), 32),
             strides = constant_integers(node.operand(3), 32);
  if (!begin || !strides || begin->empty() || strides->size() != begin->size()) return false;
  for (int64_t s : *strides)
    if (s != 1) return false;
  const int64_t others = (int64_t{1} << begin->size()) - 2;
  return (node.attributes.integer("begin_mask") & others) == others &&
         (node.attributes.integer("end_mask") & others) == others &&
         node.attributes.integer("ellipsis_mask") == 0;
}

bool is_axis_zero(const Value* axis) {
  const auto value = constant_integer(axis);
  return value && *value == 0;
}

/// [1, …] → […]: its operand is the value with the axis.
bool removes_axis(const Node& node) {
  if (node.operand_count() == 0 || !node.operand(0)) return false;
  const Shape& from = node.operand(0)->shape;
  if (!from.known_rank() || from.rank() == 0 || !from[0].same_as(1)) return false;
  if (node.is("Unpack")) return node.attributes.integer("axis") == 0 && node.result_count() == 1;
  if (node.is("Squeeze"))
    return node.attributes.integers("squeeze_dims") == std::vector<int64_t>{0};
  if (!node.is("StridedSlice") || !takes_rest_whole(node)) return false;
  const auto begin = constant_integers(node.operand(1), 32);
  return node.attributes.integer("shrink_axis_mask") == 1 &&
         node.attributes.integer("new_axis_mask") == 0 && ((*begin)[0] == 0 || (*begin)[0] == -1);
}

/// […] → [1, …].
bool adds_axis(const Node& node) {
  if (node.is("ExpandDims")) return is_axis_zero(node.operand(1));
  if (node.is("Pack")) return node.operand_count() == 1 && node.attributes.integer("axis") == 0;
  return node.is("StridedSlice") && takes_rest_whole(node) &&
         node.attributes.integer("new_axis_mask") == 1 &&
         node.attributes.integer("shrink_axis_mask") == 0;
}

/// The operand of an op that works number by number and takes nothing else but scalar constants;
/// null.
Value* elementwise_operand(const Node& node) {
  if (node.is("Cast") || node.is("Identity")) return node.operand(0);
  for (const char* op : {"Mul", "Sub", "Add", "AddV2", "RealDiv", "Div"}) {
    if (!node.is(op)) continue;
    auto is_scalar = [](const Value* v) { return constant_of(v) && v->shape.is_rank(0); };
    if (is_scalar(node.operand(1))) return node.operand(0);
    return is_scalar(node.operand(0)) ? node.operand(1) : nullptr;
  }
  return nullptr;
}

}  // namespace

Result<size_t> unit_axis(Model& model, Graph& graph) {
  size_t applied = 0;
  for (Node& node : graph) {
    if (node.operand_count() == 0 || !adds_axis(node)) continue;
    std::vector<Node*> chain;  // from the last
    Value* value = node.operand(0);
    while (value->single_use() && chain.size() < kLongestChain) {
      Value* before = elementwise_operand(*value->node());
      if (!before) break;
      chain.push_back(value->node());
      value = before;
    }
    if (!removes_axis(*value->node())) continue;
    Value* whole = value->node()->operand(0);
    if (chain.empty()) {
      graph.replace_uses(node.result(), whole);
    } else {
      Node* first = chain.back();
      for (size_t i = 0; i < first->operand_count(); ++i)
        if (first->operand(i) == value) first->set_operand(i, whole);
      for (size_t i = chain.size(); i-- > 0;) PUMICE_CHECK(infer_node(model, *chain[i]));
      graph.replace_uses(node.result(), chain.front()->result());
    }
    ++applied;
  }
  if (applied) graph.erase_dead();
  return applied;
}

}  // namespace pumice
