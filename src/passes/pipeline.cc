#include "passes/pipeline.h"

#include <chrono>

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

}  // namespace

std::vector<Pass> tf_passes() {
  return {
      {"infer_and_fold", infer_and_fold},     {"unit_axis", unit_axis},
      {"lists_to_tensors", lists_to_tensors}, {"dilated_conv", dilated_conv},
      {"merge_equal_tf", merge_equal},        {"recognize_gelu", recognize_gelu},
  };
}

std::vector<Pass> tfl_passes() {
  return {
      // What stands in the way of the others goes first.
      {"cancel_transposes", cancel_transposes},
      {"layout", layout},
      {"cancel_transposes_again", cancel_transposes},
      {"cancel_reshapes", cancel_reshapes},
      {"columns", columns},
      {"upsample", upsample},
      // Before fusions take the parts of what is recognized.
      {"recognize_activation", recognize_activation},
      {"recognize_norm", recognize_norm},
      {"drop_broadcast", drop_broadcast},
      {"unneeded", unneeded},
      {"fuse_affine", fuse_affine},
      {"fuse_pad", fuse_pad},
      {"fuse_scale_before", fuse_scale_before},
      {"fuse_activation", fuse_activation},
      {"dense_reshapes", dense_reshapes},
      {"merge_equal", merge_equal},
      {"own_output_tensors", own_output_tensors},
      {"growing_variables", growing_variables},
      {"ascending_detections", ascending_detections},
  };
}

Status run_passes(Model& model, const std::vector<Pass>& passes, std::vector<PassRecord>& records) {
  using Clock = std::chrono::steady_clock;
  for (const Pass& pass : passes) {
    PassRecord record{pass.name};
    auto start = Clock::now();
    // A pass may add graphs (loop bodies); it runs over those that were there.
    std::vector<Graph*> graphs;
    for (auto& [name, graph] : model.graphs) graphs.push_back(graph.get());
    for (Graph* graph : graphs) {
      PUMICE_TRY(size_t applied, pass.run(model, *graph));
      record.applied += applied;
    }
    record.milliseconds = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
    records.push_back(std::move(record));
  }
  return {};
}

}  // namespace pumice
