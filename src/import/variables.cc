#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "import/import.h"

namespace pumice {
namespace {

bool is_handle(const Node& node) {
  return node.op == "VarHandleOp" || node.op == "VariableV2" || node.op == "Variable";
}

/// The variable's number behind a resource or reference operand, through Identity; -1 when unknown.
int64_t variable_behind(const Value* value) {
  while (value && value->node()->op == "Identity") value = value->node()->operand(0);
  if (!value || !is_handle(*value->node())) return -1;
  return value->node()->attributes.integer("variable", -1);
}

/// ResourceGather(handle, indices) is GatherV2(ReadVariableOp(handle), indices, batch_dims).
void split_resource_gather(Graph& graph, Node& node) {
  Node* read = graph.create("ReadVariableOp", {node.operand(0)}, 1, &node);
  read->name = node.name;
  read->attributes.set("dtype", node.attributes.dtype("dtype"));
  read->result()->dtype = node.attributes.dtype("dtype");
  int64_t axis = std::max<int64_t>(node.attributes.integer("batch_dims"), 0);
  node.set_operand(0, read->result());
  node.add_operand(
      graph.constant(Tensor::scalar_i32(static_cast<int32_t>(axis)), &node, node.name));
  node.op = "GatherV2";
}

Error no_value(const Node& reader, const std::string& name, const std::string& why) {
  return Error(ErrorCode::kMalformed, "variable '" + name + "' has no value")
      .at(reader.name, reader.op)
      .found(why.empty() ? "a graph that is not frozen, and no checkpoint beside it" : why)
      .hint(
          "Convert the SavedModel folder or the checkpoint (its .meta file) that the graph belongs "
          "to: they hold the variables");
}

}  // namespace

Status bind_variables(Model& model) {
  for (auto& [name, graph] : model.graphs)
    for (Node& node : *graph)
      if (node.is("ResourceGather") && node.operand_count() == 2)
        split_resource_gather(*graph, node);

  std::unordered_set<int64_t> written;
  for (auto& [name, graph] : model.graphs)
    for (Node& node : *graph)
      if (has_side_effect(node) && node.op != "Return")
        for (size_t i = 0; i < node.operand_count(); ++i)
          if (int64_t v = variable_behind(node.operand(i)); v >= 0) written.insert(v);

  for (auto& [name, graph] : model.graphs) {
    std::unordered_map<int64_t, Value*> constants;
    for (Node* node = graph->first(); node;) {
      Node* next = node->next();
      bool reads_handle = node->op == "ReadVariableOp";
      bool is_value = node->op == "VariableV2" || node->op == "Variable";
      if (reads_handle || is_value) {
        int64_t number = reads_handle ? variable_behind(node->operand(0))
                                      : node->attributes.integer("variable", -1);
        const Node& handle = reads_handle ? *node->operand(0)->node() : *node;
        bool known_handle = is_handle(handle) || number >= 0;
        if (known_handle && number < 0 && !node->result()->unused())
          return no_value(*node, handle.name, "");
        if (number >= 0 && !written.count(number) && !node->result()->unused()) {
          const Variable& variable = model.variables[static_cast<size_t>(number)];
          if (variable.initial.dtype() == DType::kInvalid)
            return no_value(*node, variable.name, variable.missing_because);
          Value*& value = constants[number];
          // The first constant stands first: at the head of the graph, before every reader.
          if (!value) value = graph->constant(variable.initial, graph->first(), variable.name);
          graph->replace_uses(node->result(), value);
        }
      }
      node = next;
    }
  }
  return {};
}

}  // namespace pumice
