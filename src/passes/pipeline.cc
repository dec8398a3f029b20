#include "passes/pipeline.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <unordered_set>

#include "passes/lists_to_tensors.h"
#include "passes/simplify.h"

namespace pumice {
namespace {

/// Bodies of loops and branches are inferred where they are called, not by themselves.
bool is_entry_point(const Model& model, const Graph& graph) {
  for (const Signature& signature : model.signatures)
    if (signature.graph == graph.name) return true;
  return false;
}

Result<size_t> infer_and_fold(Model& model, Graph& graph) {
  if (!is_entry_point(model, graph)) return size_t{0};
  PUMICE_TRY(SimplifySummary summary, simplify(model, graph));
  return summary.folded;
}

/// The ops that stand in a graph.
class OpsPresent {
 public:
  explicit OpsPresent(const Graph& graph) {
    for (const Node& node : graph) ops_.insert(node.op);
  }
  bool any_of(const std::vector<std::string_view>& ops) const {
    return std::any_of(ops.begin(), ops.end(),
                       [&](std::string_view op) { return ops_.count(std::string(op)) != 0; });
  }

 private:
  std::unordered_set<std::string> ops_;
};

}  // namespace

std::vector<Pass> tf_passes() {
  return {
      {"infer_and_fold", infer_and_fold},
      {"unit_axis", unit_axis, {"Squeeze", "StridedSlice", "Unpack"}},
      {"lists_to_tensors", lists_to_tensors},
      {"dilated_conv", dilated_conv, {"BatchToSpaceND"}},
      {"merge_equal_tf", merge_equal},
      {"recognize_gelu", recognize_gelu, {"Erf", "Erfc", "Tanh"}},
  };
}

std::vector<Pass> tfl_passes() {
  return {
      // What stands in the way of the others goes first.
      {"cancel_transposes", cancel_transposes, {"TRANSPOSE"}},
      {"layout", layout, {"TRANSPOSE"}},
      {"cancel_transposes_again", cancel_transposes, {"TRANSPOSE"}},
      {"cancel_reshapes", cancel_reshapes, {"EXPAND_DIMS", "RESHAPE", "SQUEEZE"}},
      {"columns", columns, {"SLICE"}},
      {"upsample", upsample, {"PACK", "TILE"}},
      // Before fusions take the parts of what is recognized.
      {"recognize_activation",
       recognize_activation,
       {"MAXIMUM", "MINIMUM", "RELU", "RELU6", "RELU_0_TO_1"}},
      {"recognize_norm", recognize_norm, {"MUL", "RSQRT", "SQRT", "SQUARE"}},
      {"drop_broadcast", drop_broadcast, {"BROADCAST_TO", "FILL", "TILE"}},
      {"unneeded", unneeded},
      {"fuse_affine", fuse_affine},
      {"fuse_pad", fuse_pad, {"PAD"}},
      {"fuse_scale_before", fuse_scale_before},
      {"fuse_activation", fuse_activation},
      {"dense_reshapes", dense_reshapes, {"FULLY_CONNECTED"}},
      {"merge_equal", merge_equal},
      {"own_output_tensors", own_output_tensors},
      {"growing_variables", growing_variables, {"WHILE"}},
      {"ascending_detections", ascending_detections},
  };
}

Status run_passes(Model& model, const std::vector<Pass>& passes, std::vector<PassRecord>& records) {
  using Clock = std::chrono::steady_clock;
  std::map<const Graph*, OpsPresent> present;  // of graphs that have not changed since
  const auto has_any = [&](const Graph& graph, const std::vector<std::string_view>& ops) {
    return ops.empty() || present.try_emplace(&graph, graph).first->second.any_of(ops);
  };
  for (const Pass& pass : passes) {
    PassRecord record{pass.name};
    auto start = Clock::now();
    // A pass may add graphs (loop bodies); it runs over those that were there.
    std::vector<Graph*> graphs;
    for (auto& [name, graph] : model.graphs) graphs.push_back(graph.get());
    for (Graph* graph : graphs) {
      if (!has_any(*graph, pass.ops)) continue;
      PUMICE_TRY(size_t applied, pass.run(model, *graph));
      record.applied += applied;
      if (applied > 0) present.clear();
    }
    record.milliseconds = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
    records.push_back(std::move(record));
  }
  return {};
}

}  // namespace pumice
