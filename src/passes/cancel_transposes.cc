// BEFORE  TRANSPOSE(TRANSPOSE(x, [0, 3, 1, 2]), [0, 2, 3, 1])
// AFTER   x
//
// Two become one, the identity goes, a constant takes the permutation as a pending transform, and
// one that moves axes of size 1 alone becomes a RESHAPE.
#include "ops/lowering.h"
#include "passes/permutation.h"
#include "passes/pipeline.h"

namespace pumice {
namespace {

bool cancel(Graph& graph, Node& node) {
  auto perm = permutation_of(node);
  if (!perm) return false;
  Value* x = node.operand(0);
  Lowering lowering(graph, &node);
  if (const Constant* c = constant_of(x); c && c->dims().size() == perm->size()) {
    replace_node(&node, lowering.constant(c->then(Permute{*perm})));
    return true;
  }
  if (auto inner = permutation_of(*x->node()); inner && inner->size() == perm->size()) {
    Value* y = lowering.transpose(x->node()->operand(0), compose(*inner, *perm));
    replace_node(&node, y);
    return true;
  }
  if (is_identity(*perm)) {
    replace_node(&node, x);
    return true;
  }
  const Shape& to = node.result()->shape;
  if (x->shape.is_rank(perm->size()) && moves_no_element(*perm, x->shape) && to.known_rank() &&
      to.unknown_dims() <= 1) {
    replace_node(&node, lowering.reshape(x, to));
    return true;
  }
  return false;
}

}  // namespace

Result<size_t> cancel_transposes(Model&, Graph& graph) {
  return for_each_node(graph, [&](Node& node) { return cancel(graph, node); });
}

}  // namespace pumice
