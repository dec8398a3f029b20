// BEFORE  SQUARE(SUB(a, b))         MUL(x, RSQRT(MAXIMUM(SUM(SQUARE(x), -1), 1e-12)))
// AFTER   SQUARED_DIFFERENCE(a, b)  L2_NORMALIZATION(x)
//
// BEFORE  DIV(1, SQRT(x))
// AFTER   RSQRT(x)
//
// In float32. L2_NORMALIZATION is used where its kernel computes the same: the sum over the last
// axis with a lower bound of 1e-12 (a root of 1e-6), up to four axes.
#include "ops/lowering.h"
#include "passes/pipeline.h"
#include "passes/rewrite.h"

namespace pumice {
namespace {

/// The operand of SQUARE(x) or MUL(x, x), or null.
Value* squared(const Value* v) {
  if (const Node* square = maker(v, "SQUARE")) return square->operand(0);
  const Node* mul = maker(v, "MUL");
  return mul && mul->operand(0) == mul->operand(1) ? mul->operand(0) : nullptr;
}

bool squared_difference(Graph& graph, Node& node) {
  Value* difference = squared(node.result());
  const Node* sub = maker(difference, "SUB");
  if (!sub || constant_of(sub->operand(0)) || constant_of(sub->operand(1))) return false;
  for (const Use& use : difference->uses())
    if (use.node != &node) return false;
  Value* y = Lowering(graph, &node)
                 .emit("SQUARED_DIFFERENCE", {sub->operand(0), sub->operand(1)}, {},
                       DType::kFloat32, node.result()->shape);
  replace_node(&node, y);
  return true;
}

/// Whether v is max(sum(x * x over the last axis), 1e-12).
bool is_bounded_square_sum(const Value* v, const Value* x) {
  const Node* bound = maker(v, "MAXIMUM");
  if (!bound) return false;
  for (size_t i = 0; i < 2; ++i) {
    const Node* sum = maker(bound->operand(i), "SUM");
    if (!sum || !is_number(bound->operand(1 - i), 1e-12f, 1e-6f)) continue;
    auto axes = integers_of(sum->operand(1));
    return axes && axes->size() == 1 && sum->attributes.boolean("keep_dims") &&
           x->shape.known_rank() &&
           normalize_axis((*axes)[0], x->shape.rank()) ==
               std::optional<size_t>(x->shape.rank() - 1) &&
           squared(sum->operand(0)) == x;
  }
  return false;
}

bool l2_normalization(Graph& graph, Node& node) {
  Value* x = nullptr;
  if (node.is("MUL")) {
    for (size_t i = 0; i < 2; ++i)
      if (const Node* root = maker(node.operand(1 - i), "RSQRT"))
        if (is_bounded_square_sum(root->operand(0), node.operand(i))) x = node.operand(i);
  } else if (node.is("DIV")) {
    const Node* root = maker(node.operand(1), "SQRT");
    if (root && is_bounded_square_sum(root->operand(0), node.operand(0))) x = node.operand(0);
  }
  if (!x || x->shape.rank() < 2 || x->shape.rank() > 4 || !same_type(x, node.result()))
    return false;
  replace_node(&node, Lowering(graph, &node).unary("L2_NORMALIZATION", x));
  return true;
}

bool reciprocal_root(Graph& graph, Node& node) {
  if (!node.is("DIV") || !is_number(node.operand(0), 1)) return false;
  const Node* root = maker(node.operand(1), "SQRT");
  if (!root || !root->result()->single_use() || !same_type(root->operand(0), node.result()))
    return false;
  replace_node(&node, Lowering(graph, &node).unary("RSQRT", root->operand(0)));
  return true;
}

}  // namespace

Result<size_t> recognize_norm(Model&, Graph& graph) {
  return for_each_node(graph, [&](Node& node) {
    if (node.result_count() != 1 || node.result()->dtype != DType::kFloat32 ||
        activation_of(node) != 0)
      return false;
    return squared_difference(graph, node) || l2_normalization(graph, node) ||
           reciprocal_root(graph, node);
  });
}

}  // namespace pumice
