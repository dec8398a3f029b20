// The graph's own tail against the operator that is to replace it.
#pragma once

#include "detection/recognize.h"

namespace pumice {

/// Runs both on sample heads. Fills in `outputs`, `finish`, `samples` and
/// `parameters.max_detections` (how many the graph gives when there are very many). kUnsupported,
/// naming the difference.
Status compare_tail(const Model& model, const Graph& graph, RecognizedTail& tail);

}  // namespace pumice
