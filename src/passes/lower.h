// The step from TensorFlow ops to TensorFlow Lite ops.
#pragma once

#include <string>
#include <vector>

#include "graph/model.h"
#include "pumice/error.h"

namespace pumice {

/// One node that cannot be lowered, and why.
struct Refusal {
  std::string op, node, reason;
};

/// Lowers every node of the graph. Nodes that cannot be lowered stay as they are and are added to
/// `refusals`; with `allow_custom_ops` those become custom ops ("custom:Name") instead.
Status lower(Model& model, Graph& graph, bool allow_custom_ops, std::vector<Refusal>& refusals);

/// All refusals as one kUnsupported error: each op once, with its count, a reason and one node.
Error unsupported_ops(const std::vector<Refusal>& refusals);

}  // namespace pumice
