#include "passes/lower.h"

#include <algorithm>
#include <map>

#include "ops/infer.h"
#include "ops/lowering.h"
#include "ops/op.h"
#include "tflite/custom_options.h"

namespace pumice {
namespace {

bool stays(const Node& node) { return node.is("Input") || node.is("Const") || node.is("Return"); }

Status dtype_is_known(const Node& node) {
  for (size_t i = 0; i < node.result_count(); ++i)
    if (node.result(i)->dtype == DType::kInvalid && !node.result(i)->unused())
      return unsupported(node, "the dtype of its result cannot be told");
  return {};
}

}  // namespace

Status lower(Model& model, Graph& graph, bool allow_custom_ops, std::vector<Refusal>& refusals) {
  for (Node* node = graph.first(); node;) {
    Node* next = node->next();
    if (stays(*node)) {
      node = next;
      continue;
    }
    const OpDef* op = find_op(node->op);
    Status status;
    if (!op || !op->lower) {
      status = unsupported(*node, op ? "it can only be folded away, and its inputs are not constant"
                                     : "pumice does not know this op");
    } else {
      status = dtype_is_known(*node);
      if (status.ok()) {
        Lowering lowering(graph, node, &model);
        status = op->lower(*node, lowering);
      }
    }
    if (!status.ok()) {
      if (status.error().code() != ErrorCode::kUnsupported)
        return std::move(status).error().at(node->name, node->op);
      if (allow_custom_ops) {
        node->attributes = Attributes{{"custom_options", custom_options(node->attributes)}};
        node->op = "custom:" + node->op;
      } else {
        refusals.push_back({node->op, node->name, status.error().message()});
      }
    } else {
      graph.erase(node);
    }
    node = next;
  }
  graph.erase_dead();
  return {};
}

Error unsupported_ops(const std::vector<Refusal>& refusals) {
  // Grouped by op and reason, in the order of first appearance.
  struct Group {
    const Refusal* first;
    size_t count = 0;
  };
  std::vector<Group> groups;
  std::map<std::pair<std::string, std::string>, size_t> index;
  for (const Refusal& refusal : refusals) {
    auto [it, added] = index.emplace(std::make_pair(refusal.op, refusal.reason), groups.size());
    if (added) groups.push_back({&refusal});
    ++groups[it->second].count;
  }
  std::string text = refusals.size() == 1
                         ? "1 node cannot be converted:"
                         : std::to_string(refusals.size()) + " nodes cannot be converted:";
  for (const Group& group : groups)
    text += "\n  " + group.first->op + " (" + std::to_string(group.count) +
            "x): " + group.first->reason + "; node '" + group.first->node + "'";
  return Error(ErrorCode::kUnsupported, std::move(text))
      .hint(
          "\nCut the graph before them (--output-arrays), or keep them as custom ops "
          "(--allow-custom-ops) for a runtime that has them");
}

}  // namespace pumice
