#include "graph/graph.h"

namespace pumice {

Status verify_graph(const Graph& graph) {
  auto fault = [&](const Node& node, std::string what) {
    return Error(ErrorCode::kInternal, "graph '" + graph.name + "': " + std::move(what))
        .at(node.name, node.op);
  };
  int64_t place = 0;
  for (Node& node : graph) node.scratch = place++;
  for (Node& node : graph) {
    for (size_t i = 0; i < node.operand_count(); ++i) {
      const Value* value = node.operand(i);
      if (!value) continue;
      if (&value->node()->graph() != &graph)
        return fault(node, "operand " + std::to_string(i) + " belongs to another graph");
      if (value->node()->scratch >= node.scratch)
        return fault(node, "operand " + std::to_string(i) + " is made after it is read");
      if (!node.listed_as_use(i))
        return fault(node, "operand " + std::to_string(i) + " does not list this use");
    }
    if (node.op == "Const") {
      const Constant* constant = constant_of(node.result());
      if (!constant) return fault(node, "a Const without a value");
      if (constant->dtype() != node.result()->dtype ||
          !(Shape(constant->dims()) == node.result()->shape))
        return fault(node, "a Const whose value is of another dtype or shape");
    }
  }
  return {};
}

}  // namespace pumice
