// Which values have a shape that LiteRT does not know before it runs the model.
#pragma once

#include <unordered_set>

#include "graph/graph.h"

namespace pumice {

struct ShapesAtRunTime {
  /// Results that their kernels allocate while they run: what WHERE or UNIQUE find, a slice of
  /// computed length, …. The compiled-model API takes none of them as an output.
  std::unordered_set<const Value*> allocated;
  /// Values with an unknown size from the first such kernel on: the runtime stops preparing there,
  /// so their sizes are open although they may not depend on the data.
  std::unordered_set<const Value*> open;
  /// Sizes of open values, and what the runtime computes of them while it allocates: it does so in
  /// memory of its own, so that the compiled-model API's output buffer is never written.
  std::unordered_set<const Value*> late;
};

/// Over a graph of TensorFlow Lite ops, in execution order. Linear.
ShapesAtRunTime shapes_at_run_time(const Graph& graph);

}  // namespace pumice
