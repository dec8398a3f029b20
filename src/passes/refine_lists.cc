#include "ops/list_ops.h"
#include "passes/lists_to_tensors.h"

namespace pumice {
namespace {

/// Gives a list the sizes that are known of its elements.
void refine(Value* list, const Shape& element) {
  if (!element.known_rank()) return;
  if (!list->shape.known_rank()) {
    std::vector<Dim> dims{list_count(list)};
    dims.insert(dims.end(), element.dims().begin(), element.dims().end());
    list->shape = Shape(std::move(dims));
    return;
  }
  if (list->shape.rank() != element.rank() + 1) return;
  for (size_t i = 0; i < element.rank(); ++i)
    if (Dim& d = list->shape[i + 1]; d == Dim() || (!d.known() && element[i].known()))
      d = element[i];
}

/// By what an operation on a list gives.
void refine_operands(const Node& node, const ListOp& op) {
  Value* list = node.operand(static_cast<size_t>(op.list));
  switch (op.kind) {
    case ListKind::kGet: refine(list, node.result()->shape); break;
    case ListKind::kStack:
    case ListKind::kGather: refine(list, element_of(node.result())); break;
    default:
      if (op.list_result >= 0)
        refine(list, element_of(node.result(static_cast<size_t>(op.list_result))));
      if (op.kind == ListKind::kConcatLists)
        refine(node.operand(static_cast<size_t>(op.value)), element_of(node.result()));
  }
}

/// By the inputs of the graphs that a loop or a conditional runs, where they have been refined.
void refine_operands(const Model& model, const Node& node, size_t first) {
  for (const char* name : {"body", "then_branch", "else_branch"}) {
    const auto* ref = node.attributes.find<FunctionRef>(name);
    const Graph* callee = ref ? model.find(ref->name) : nullptr;
    if (!callee || callee->inputs().size() + first != node.operand_count()) continue;
    for (size_t i = 0; i < callee->inputs().size(); ++i)
      if (Value* list = node.operand(first + i); is_list(list))
        refine(list, element_of(callee->inputs()[i]));
  }
}

}  // namespace

void refine_lists(Model& model, Graph& graph) {
  for (Node* node = graph.return_node(); node; node = node->previous()) {
    if (const ListOp* op = list_op(*node)) {
      if (op->list >= 0) refine_operands(*node, *op);
    } else if (node->is("Identity") && node->operand_count() == 1 && is_list(node->operand(0))) {
      refine(node->operand(0), element_of(node->result()));
    } else if (node->is("While") || node->is("StatelessWhile")) {
      refine_operands(model, *node, 0);
    } else if (node->is("If") || node->is("StatelessIf")) {
      refine_operands(model, *node, 1);
    }
  }
}

}  // namespace pumice
