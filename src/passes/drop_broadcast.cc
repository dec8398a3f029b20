// BEFORE  ADD(x:[a,6,3], TILE(c:[1,6,3], [a,1,1]))   MUL(x, BROADCAST_TO(c, SHAPE(x)))
// AFTER   ADD(x, c)                                  MUL(x, c)
//
// BEFORE  MAXIMUM(x, FILL(SHAPE(x), v))
// AFTER   MAXIMUM(x, v)
//
// Element-wise ops broadcast by themselves: where the other operand alone has the result's shape, a
// repetition along axes of size 1 is not needed, nor the shape arithmetic that led to it.
#include <array>
#include <string_view>

#include "passes/pipeline.h"
#include "passes/rewrite.h"

namespace pumice {
namespace {

bool broadcasts(const Node& node) {
  constexpr std::array<std::string_view, 17> kOps = {
      "ADD",           "DIV",  "EQUAL",      "FLOOR_DIV",          "FLOOR_MOD",  "GREATER",
      "GREATER_EQUAL", "LESS", "LESS_EQUAL", "LOGICAL_AND",        "LOGICAL_OR", "MAXIMUM",
      "MINIMUM",       "MUL",  "NOT_EQUAL",  "SQUARED_DIFFERENCE", "SUB"};
  for (std::string_view op : kOps)
    if (node.is(op)) return true;
  return false;
}

/// What the node repeats, if it does so along axes of size 1 alone; else null.
Value* repeated(const Node& node) {
  if (node.is("BROADCAST_TO")) return node.operand(0);
  if (node.is("FILL")) return node.operand(1);
  if (!node.is("TILE")) return nullptr;
  const Shape &from = node.operand(0)->shape, &to = node.result()->shape;
  if (!from.known_rank() || !to.is_rank(from.rank())) return nullptr;
  auto times = integers_of(node.operand(1));
  for (size_t i = 0; i < from.rank(); ++i)
    if (from[i] != Dim(1) && !(times && (*times)[i] == 1) && !from[i].same_as(to[i]))
      return nullptr;
  return node.operand(0);
}

/// Whether `small` broadcast with `large` surely is of the shape of `large`.
bool fits_into(const Shape& small, const Shape& large) {
  if (!small.known_rank() || !large.known_rank() || small.rank() > large.rank()) return false;
  for (size_t i = 0; i < small.rank(); ++i) {
    Dim d = small[small.rank() - 1 - i];
    if (d != Dim(1) && !d.same_as(large[large.rank() - 1 - i])) return false;
  }
  return true;
}

bool rewrite(Node& node) {
  if (node.operand_count() != 2 || node.result_count() != 1 || !broadcasts(node)) return false;
  for (size_t i = 0; i < 2; ++i) {
    Value *v = node.operand(i), *other = node.operand(1 - i);
    Value* source = repeated(*v->node());
    if (!source || source->dtype != v->dtype || !same_shape(other->shape, node.result()->shape) ||
        !fits_into(source->shape, other->shape))
      continue;
    node.set_operand(i, source);
    if (v->unused()) erase_unused(v->node());
    return true;
  }
  return false;
}

}  // namespace

Result<size_t> drop_broadcast(Model&, Graph& graph) { return for_each_node(graph, rewrite); }

}  // namespace pumice
