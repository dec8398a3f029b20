#include "import/dropped_nodes.h"

#include <string_view>
#include <unordered_set>

namespace pumice {
namespace {

bool checks_or_prints(const Node& node) {
  static const std::unordered_set<std::string_view> kOps = {"Abort", "Assert", "PrintV2"};
  return kOps.count(node.op) || hands_on_first(node) ||
         node.op.find("Summary") != std::string::npos;
}

}  // namespace

bool hands_on_first(const Node& node) {
  static const std::unordered_set<std::string_view> kOps = {"CheckNumerics",   "CheckNumericsV2",
                                                            "DebugIdentity",   "DebugIdentityV2",
                                                            "DebugIdentityV3", "Print"};
  return kOps.count(node.op) && node.operand_count() > 0;
}

Status note_dropped(const Source& source, const Node& node, const std::string& prefix,
                    std::vector<DroppedNode>* dropped) {
  if (!dropped) return {};
  const std::string name = prefix + node.name;
  if (checks_or_prints(node)) dropped->push_back({node.op, name});
  if (!node.is("If") && !node.is("StatelessIf")) return {};
  for (const char* attribute : {"then_branch", "else_branch"}) {
    const auto* ref = node.attributes.find<FunctionRef>(attribute);
    if (!ref || !source.functions) continue;
    PUMICE_TRY(const Graph* branch, source.functions->find(ref->name));
    if (!branch) continue;
    for (const Node& inside : *branch)
      if (checks_or_prints(inside)) dropped->push_back({inside.op, name});
  }
  return {};
}

}  // namespace pumice
