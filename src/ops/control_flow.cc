// While and If become TensorFlow Lite's, on the graphs that they name. Those that unroll or whose
// condition is constant are gone before; a Case has become Ifs (passes/call_bodies).
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/lowering.h"

namespace pumice {
namespace {

/// Bodies are inferred by the pass that knows the model; this keeps what it found.
Status infer_while(Node& node) {
  PUMICE_CHECK(expect_operands(node, node.result_count(), node.result_count()));
  for (size_t i = 0; i < node.result_count(); ++i) node.result(i)->dtype = node.operand(i)->dtype;
  return {};
}

Status infer_if(Node&) { return {}; }

Status storable(const Node& node) {
  for (size_t i = 0; i < node.operand_count(); ++i) {
    DType t = node.operand(i)->dtype;
    std::string at = "'" + node.operand(i)->node()->name + "'";
    if (t == DType::kResource)
      return unsupported(node, "it is given the variable or table " + at +
                                   ": its functions may take tensors alone");
    if (t == DType::kVariant)
      return unsupported(node, "it carries the list " + at + ", and does not unroll");
    if (dtype_to_tflite(t) < 0)
      return unsupported(node,
                         "TensorFlow Lite has no " + std::string(dtype_name(t)) + " to carry");
  }
  return {};
}

void replace_all(Node& node, Node& made, Lowering& lowering) {
  for (size_t i = 0; i < node.result_count(); ++i) {
    set_result(made, i, node.result(i)->dtype, node.result(i)->shape);
    lowering.replace(node, i, made.result(i));
  }
}

std::vector<Value*> operands_of(const Node& node) {
  std::vector<Value*> operands;
  for (size_t i = 0; i < node.operand_count(); ++i) operands.push_back(node.operand(i));
  return operands;
}

Status lower_while(Node& node, Lowering& lowering) {
  PUMICE_CHECK(storable(node));
  Node* loop = lowering.emit_node("WHILE", operands_of(node),
                                  {{"cond", *node.attributes.find<FunctionRef>("cond")},
                                   {"body", *node.attributes.find<FunctionRef>("body")}},
                                  node.result_count());
  replace_all(node, *loop, lowering);
  return {};
}

Status lower_if(Node& node, Lowering& lowering) {
  PUMICE_CHECK(storable(node));
  auto elements = node.operand(0)->shape.elements();
  if (elements && *elements != 1) return unsupported(node, "the condition is not one element");
  Node* chosen = lowering.emit_node("IF", operands_of(node),
                                    {{"then", *node.attributes.find<FunctionRef>("then_branch")},
                                     {"else", *node.attributes.find<FunctionRef>("else_branch")}},
                                    node.result_count());
  replace_all(node, *chosen, lowering);
  return {};
}

constexpr char kNoResources[] = "loops and branches carry tensors, no variables";

constexpr OpDef kOps[] = {
    {"If", infer_if, nullptr, lower_if, "IF", kNoResources},
    {"StatelessIf", infer_if, nullptr, lower_if, "IF", kNoResources},
    {"StatelessWhile", infer_while, nullptr, lower_while, "WHILE", kNoResources},
    {"While", infer_while, nullptr, lower_while, "WHILE", kNoResources},
};

}  // namespace

std::span<const OpDef> control_flow_ops() { return kOps; }

}  // namespace pumice
