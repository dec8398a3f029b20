// BEFORE  RESHAPE(FULLY_CONNECTED(RESHAPE(x:[a,10,8] → [a*10,8]), W, b) → [a,10,4])
// AFTER   FULLY_CONNECTED(x, W, b) {keep_num_dims}
//
// How TensorFlow spells a Dense layer on more than two dimensions. The kernel takes any rank and,
// with keep_num_dims, gives it back; both reshapes must keep the last dimension.
#include "passes/pipeline.h"
#include "passes/rewrite.h"

namespace pumice {
namespace {

Dim last_of(const Shape& shape) {
  return shape.known_rank() && shape.rank() > 0 ? shape[shape.rank() - 1] : Dim();
}

bool rewrite(Node& node) {
  if (!node.is("RESHAPE")) return false;
  Node* dense = operand_node(node, 0, "FULLY_CONNECTED");
  if (!dense || !dense->result()->single_use() || dense->result()->dtype != DType::kFloat32)
    return false;
  Node* before = operand_node(*dense, 0, "RESHAPE");
  if (!before) return false;
  const Shape &x = before->operand(0)->shape, &flat = dense->operand(0)->shape;
  const Shape& to = node.result()->shape;
  if (!x.known_rank() || x.rank() < 3 || !to.is_rank(x.rank())) return false;
  if (!last_of(x).known() || !last_of(x).same_as(last_of(flat)) || !last_of(to).known() ||
      !last_of(to).same_as(last_of(dense->result()->shape)))
    return false;
  // The rows are as many before as after: where one size is unknown, it is the same one.
  int unknown = 0;
  for (size_t i = 0; i + 1 < x.rank(); ++i) {
    if (x[i].same_as(to[i])) continue;
    if (x[i].known() || to[i].known() || ++unknown > 1) return false;
  }
  dense->set_operand(0, before->operand(0));
  dense->attributes.set("keep_num_dims", true);
  dense->result()->shape = to;
  if (before->result()->unused()) erase_unused(before);
  replace_node(&node, dense->result());
  return true;
}

}  // namespace

Result<size_t> dense_reshapes(Model&, Graph& graph) { return for_each_node(graph, rewrite); }

}  // namespace pumice
