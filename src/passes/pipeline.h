// The passes, in their order.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "graph/model.h"
#include "pumice/error.h"
#include "pumice/observer.h"

namespace pumice {

/// How often a pass applied, and how long it took.
struct PassRecord {
  std::string name;
  size_t applied = 0;
  double milliseconds = 0;
};

/// One rewrite of a graph. Returns how often it applied.
struct Pass {
  const char* name;
  Result<size_t> (*run)(Model& model, Graph& graph);
  /// A graph without any of these ops has nothing for it to do, and is not walked. None: always
  /// run.
  std::vector<std::string_view> ops = {};
};

/// On TensorFlow ops, before the lowering.
std::vector<Pass> tf_passes();
/// On TensorFlow Lite ops, after it; the last are the legalizations for the runtimes.
std::vector<Pass> tfl_passes();

/// Runs `passes` over every graph of the model and adds to `records`.
Status run_passes(Model& model, const std::vector<Pass>& passes, std::vector<PassRecord>& records);

// The rewrites themselves; each is described at the head of its file.
Result<size_t> cancel_reshapes(Model& model, Graph& graph);
Result<size_t> cancel_transposes(Model& model, Graph& graph);
Result<size_t> dense_reshapes(Model& model, Graph& graph);
Result<size_t> dilated_conv(Model& model, Graph& graph);
Result<size_t> columns(Model& model, Graph& graph);
Result<size_t> drop_broadcast(Model& model, Graph& graph);
Result<size_t> fuse_activation(Model& model, Graph& graph);
Result<size_t> fuse_affine(Model& model, Graph& graph);
Result<size_t> fuse_pad(Model& model, Graph& graph);
Result<size_t> fuse_scale_before(Model& model, Graph& graph);
Result<size_t> growing_variables(Model& model, Graph& graph);
Result<size_t> layout(Model& model, Graph& graph);
Result<size_t> merge_equal(Model& model, Graph& graph);
Result<size_t> ascending_detections(Model& model, Graph& graph);
Result<size_t> own_output_tensors(Model& model, Graph& graph);
Result<size_t> recognize_activation(Model& model, Graph& graph);
Result<size_t> recognize_gelu(Model& model, Graph& graph);
Result<size_t> recognize_norm(Model& model, Graph& graph);
Result<size_t> unit_axis(Model& model, Graph& graph);
Result<size_t> unneeded(Model& model, Graph& graph);
Result<size_t> upsample(Model& model, Graph& graph);

/// Over the whole model, after the others: gives written variables their first values.
Result<size_t> initialize_variables(Model& model);

}  // namespace pumice
