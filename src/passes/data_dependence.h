// Which values have a shape that depends on the data of the inputs, not on their shapes alone.
#pragma once

#include <unordered_set>

#include "graph/graph.h"

namespace pumice {

/// Over a graph of TensorFlow Lite ops: the values whose shape can differ between two runs on inputs
/// of the same shapes (what WHERE or UNIQUE find, a slice of computed length, …). Linear.
std::unordered_set<const Value*> values_of_data_dependent_shape(const Graph& graph);

}  // namespace pumice
