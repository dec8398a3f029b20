// The detections of a graph that spells its post-processing out beside those of the operator that
// replaced it, so that `pumice verify` can compare them.
#pragma once

#include <vector>

#include "detection/recognize.h"
#include "formats/npz/npz.h"
#include "graph/tensor.h"

namespace pumice {

/// Both sides in the operator's convention, under the names of `found`: boxes [1,M,4] as parts of
/// the picture, classes [1,M] from 0, scores [1,M], count [1].
struct AlignedDetections {
  std::vector<NamedTensor> graph, op;
};

/// `outputs`: all of the graph's, in order; `tail` says which are its detections, and how they follow
/// from the operator's. `found`: the operator's four. Rows that are no detections become 0 on both
/// sides. Both sides go from the best score down; of detections with (nearly) one score, those of
/// the nearest boxes are paired. Where boxes without area took places of further detections, these
/// are left out of the graph's. Error: kUnsupported for outputs of other shapes.
Result<AlignedDetections> align_detections(const RecognizedTail& tail,
                                           const std::vector<Tensor>& outputs,
                                           const std::vector<NamedTensor>& found);

}  // namespace pumice
