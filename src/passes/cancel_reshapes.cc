// BEFORE  RESHAPE(RESHAPE(x))     RESHAPE(x) to x's own shape     ADD(RESHAPE(CONV_2D(x)), b)
// AFTER   RESHAPE(x)              x                               RESHAPE(ADD(CONV_2D(x), b))
//
// SQUEEZE and EXPAND_DIMS become RESHAPE where one -1 tells the new shape, and so does a RESHAPE to
// a computed shape. Element-wise ops with a constant per channel move before a RESHAPE that keeps
// the channels, and RELU and its like before any, when the op before can take them in.
#include <string_view>

#include "ops/lowering.h"
#include "passes/pipeline.h"
#include "passes/rewrite.h"

namespace pumice {
namespace {

bool reshapes(const Node& node) {
  return node.is("RESHAPE") || node.is("SQUEEZE") || node.is("EXPAND_DIMS");
}

bool takes_in(const Node& node) {
  for (const char* op : {"CONV_2D", "DEPTHWISE_CONV_2D", "CONV_3D", "TRANSPOSE_CONV",
                         "FULLY_CONNECTED", "ADD", "SUB", "MUL", "DIV", "AVERAGE_POOL_2D"})
    if (node.is(op)) return activation_of(node) == 0;
  return false;
}

/// Whether the constant is one number, or one number per index of the last axis of `shape`.
bool along_last_axis(const Constant& c, const Shape& shape) {
  if (c.elements() == 1) return true;
  return shape.known_rank() && shape.rank() > 0 && !c.dims().empty() &&
         shape[shape.rank() - 1] == Dim(c.dims().back()) && c.elements() == c.dims().back();
}

/// f(RESHAPE(x)) → RESHAPE(f(x))
bool move_up(Graph& graph, Node& node) {
  bool clamps = node.is("RELU") || node.is("RELU6") || node.is("RELU_N1_TO_1");
  bool affine = node.is("ADD") || node.is("MUL") || node.is("SUB") || node.is("DIV");
  if (!clamps && !affine) return false;
  size_t data = affine && constant_of(node.operand(0)) ? 1 : 0;
  Node* reshape = operand_node(node, data, "RESHAPE");
  if (!reshape || !reshape->result()->single_use()) return false;
  Value* x = reshape->operand(0);
  if (!x->single_use() || !takes_in(*x->node()) || !same_type(node.result(), reshape->result()))
    return false;
  Lowering lowering(graph, &node);
  std::vector<Value*> operands{x};
  if (affine) {
    const Constant* c = constant_of(node.operand(1 - data));
    if (!c || !along_last_axis(*c, reshape->result()->shape) || !along_last_axis(*c, x->shape))
      return false;
    Dims dims = c->elements() == 1 ? Dims{} : Dims{c->elements()};
    Value* flat =
        c->dims() == dims ? node.operand(1 - data) : lowering.constant(c->then(Reshape{dims}));
    operands.insert(operands.begin() + static_cast<std::ptrdiff_t>(1 - data), flat);
  }
  Value* y = lowering.emit(node.op, operands, node.attributes, x->dtype, x->shape);
  Node* again = graph.create("RESHAPE", {y, reshape->operand(1)}, 1, &node);
  again->attributes = reshape->attributes;
  again->name = node.name;
  again->result()->dtype = node.result()->dtype;
  again->result()->shape = node.result()->shape;
  replace_node(&node, again->result());
  return true;
}

bool cancel(Graph& graph, Node& node) {
  if (!reshapes(node)) return move_up(graph, node);
  Value* x = node.operand(0);
  const Shape to = node.result()->shape;
  if (same_type(x, node.result())) {
    replace_node(&node, x);
    return true;
  }
  bool applied = false;
  Value* source = x;
  while (reshapes(*source->node()) && source->node()->operand(0)->dtype == x->dtype)
    source = source->node()->operand(0);
  if (source != x && same_type(source, node.result())) {
    replace_node(&node, source);
    return true;
  }
  bool told = to.known_rank() && to.unknown_dims() <= 1;
  Lowering lowering(graph, &node);
  if (told && (!node.is("RESHAPE") || !constant_of(node.operand(1)))) {
    replace_node(&node, lowering.reshape(source, to));
    return true;
  }
  if (source != x && node.is("RESHAPE")) {
    Value* y = lowering.reshape(source, node.operand(1), to);
    replace_node(&node, y);
    applied = true;
  }
  return applied;
}

}  // namespace

Result<size_t> cancel_reshapes(Model&, Graph& graph) {
  return for_each_node(graph, [&](Node& node) { return cancel(graph, node); });
}

}  // namespace pumice
