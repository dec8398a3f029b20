// BEFORE  h = TensorArrayV2(n); f = TensorArrayWriteV2(h, i, x, 0.0)
// AFTER   h, f0 = TensorArrayV3(n); f = TensorArrayWriteV3(h, i, x, f0)
//
// Before V3 an array's first flow was a constant of its own: what an operation writes to, its
// handle alone told. As V3, all of an array's state is in its flow.
#include <array>
#include <string_view>
#include <unordered_map>

#include "import/import.h"
#include "ops/infer.h"

namespace pumice {
namespace {

constexpr std::array<std::string_view, 7> kOperations = {"Write", "Read",   "Gather", "Scatter",
                                                         "Split", "Concat", "Size"};
constexpr int kMostSteps = 10'000;

/// "Write" of "TensorArrayWrite" and "TensorArrayWriteV2"; empty for others.
std::string_view old_operation(std::string_view op) {
  if (op.substr(0, 11) != "TensorArray") return {};
  op.remove_prefix(11);
  if (op.size() > 2 && op.substr(op.size() - 2) == "V2") op.remove_suffix(2);
  for (std::string_view name : kOperations)
    if (op == name) return name;
  return {};
}

/// Where a value was before it passed through nodes that hand it on; the use by which it came in.
struct Origin {
  Value* value;
  Node* reader;
  size_t operand;
};

Origin origin_of(Node& reader, size_t operand) {
  Origin at{reader.operand(operand), &reader, operand};
  for (int step = 0; at.value && step < kMostSteps; ++step) {
    Node& node = *at.value->node();
    size_t next = 0;
    if (node.is("Merge") || node.is("RefMerge")) {
      while (next < node.operand_count() &&
             !(node.operand(next) && (node.operand(next)->node()->is("Enter") ||
                                      node.operand(next)->node()->is("RefEnter"))))
        ++next;
      if (next == node.operand_count()) return at;
    } else if (!node.is("Identity") && !node.is("RefIdentity") && !node.is("Enter") &&
               !node.is("RefEnter") && !node.is("Exit") && !node.is("Switch") &&
               !node.is("RefSwitch")) {
      return at;
    }
    if (node.operand_count() <= next) return at;
    at = {node.operand(next), &node, next};
  }
  return at;
}

}  // namespace

Status modernize_arrays(Graph& graph) {
  std::unordered_map<const Node*, Node*> arrays;  // reader of a first flow → its array
  for (Node& node : graph) {
    if ((node.is("TensorArrayV2") || node.is("TensorArray")) && node.result_count() == 1) {
      node.op = "TensorArrayV3";
      node.add_result()->dtype = DType::kFloat32;
    }
  }
  for (Node& node : graph) {
    const std::string_view operation = old_operation(node.op);
    if (operation.empty() || node.operand_count() < 2) continue;
    const size_t last = node.operand_count() - 1;
    const Value* origin = origin_of(node, 0).value;
    Node* array = origin ? origin->node() : nullptr;
    Origin flow = origin_of(node, last);
    if (!array || !array->is("TensorArrayV3") || array->result_count() != 2 || !flow.value)
      return unsupported(node, "it cannot be told which TensorArray this works on");
    if (flow.value->node()->is("Const")) {
      auto [known, added] = arrays.emplace(flow.reader, array);
      if (!added && known->second != array)
        return unsupported(node, "two TensorArrays begin with one constant");
      flow.reader->set_operand(flow.operand, array->result(1));
    }
    node.op = "TensorArray" + std::string(operation) + "V3";
  }
  return {};
}

}  // namespace pumice
