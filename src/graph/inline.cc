#include "graph/inline.h"

#include <unordered_map>

namespace pumice {

std::vector<Value*> inline_graph(const Graph& callee, std::span<Value* const> arguments,
                                 Graph& target, Node* before, const std::string& prefix) {
  std::unordered_map<const Value*, Value*> copies;
  copies.reserve(callee.node_count());
  for (size_t i = 0; i < callee.inputs().size(); ++i) copies[callee.inputs()[i]] = arguments[i];
  std::vector<Value*> operands;
  for (Node& node : callee) {
    if (node.is("Input") || node.is("Return")) continue;
    operands.clear();
    for (size_t i = 0; i < node.operand_count(); ++i)
      operands.push_back(node.operand(i) ? copies.at(node.operand(i)) : nullptr);
    Node* copy = target.create(node.op, operands, node.result_count(), before);
    copy->attributes = node.attributes;
    copy->name = prefix + node.name;
    for (size_t i = 0; i < node.result_count(); ++i) {
      copy->result(i)->dtype = node.result(i)->dtype;
      copy->result(i)->shape = node.result(i)->shape;
      copies[node.result(i)] = copy->result(i);
    }
  }
  std::vector<Value*> outputs;
  for (size_t i = 0; i < callee.output_count(); ++i) outputs.push_back(copies.at(callee.output(i)));
  return outputs;
}

}  // namespace pumice
