// Runs a graph of TensorFlow ops with the ops' own evaluations: verify's reference.
#pragma once

#include <span>
#include <vector>

#include "graph/model.h"
#include "graph/tensor.h"
#include "pumice/error.h"

namespace pumice {

/// The graph's outputs on `inputs` (one per graph input, in order). A tensor is freed after its last
/// reader has run.
Result<std::vector<Tensor>> evaluate(const Model& model, const Graph& graph,
                                     std::span<const Tensor> inputs);

}  // namespace pumice
