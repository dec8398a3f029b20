// Signatures that compute the same share one graph.
#pragma once

#include "graph/model.h"

namespace pumice {

/// Lets signatures with equal graphs (nodes, attributes, constants, inputs and outputs in order) refer
/// to the first such graph, and drops the others. Returns how many graphs went. Linear in nodes for
/// each pair of signatures.
size_t share_signatures(Model& model);

}  // namespace pumice
