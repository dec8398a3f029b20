#include "passes/pipeline.h"

#include <chrono>

#include "passes/simplify.h"

namespace pumice {
namespace {

Result<size_t> infer_and_fold(Model& model, Graph& graph) {
  PUMICE_TRY(SimplifySummary summary, simplify(model, graph));
  return summary.folded;
}

}  // namespace

std::vector<Pass> tf_passes() {
  return {
      {"infer_and_fold", infer_and_fold},
  };
}

std::vector<Pass> tfl_passes() {
  return {
      {"fuse_affine", fuse_affine},
      {"fuse_pad", fuse_pad},
      {"fuse_activation", fuse_activation},
      {"own_output_tensors", own_output_tensors},
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
