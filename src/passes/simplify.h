// Inference and folding of TensorFlow ops, as one forward sweep.
#pragma once

#include "graph/model.h"
#include "pumice/error.h"

namespace pumice {

struct SimplifyLimits {
  /// Bytes that folds may allocate in all, beyond what merely views the source.
  uint64_t fold_budget = 64u << 20;
  /// A fold whose result is larger than this, and larger than twice its inputs, is left to run time.
  uint64_t largest_growth = 4u << 20;
  /// A loop whose trip count is constant is unrolled up to this many iterations and copied nodes;
  /// beyond, it stays a loop.
  int most_iterations = 1024;
  size_t most_unrolled_nodes = 100'000;
  /// How deep loops and branches that stay may nest.
  int deepest_call = 6;
};

struct SimplifySummary {
  size_t folded = 0;
  size_t unrolled = 0;  // loops
};

/// Infers every value of the graph's TensorFlow nodes in order and replaces what is constant.
/// Unknown dimensions of the inputs, and of results about which nothing is known, get symbols.
/// Ops that the table does not know keep unknown results: the lowering lists them.
Result<SimplifySummary> simplify(Model& model, Graph& graph, const SimplifyLimits& limits = {});

/// Infers one node with the rule of its op; gives fresh symbols to dimensions that stay anonymous.
Status infer_node(Model& model, Node& node);

}  // namespace pumice
