// The detection operator for raw heads: `--postprocess custom-op --anchors FILE`.
#pragma once

#include "detection/post_process.h"

namespace pumice {

/// The graph's two outputs, encodings [1,N,4] and scores [1,N,C] of one picture, go through the
/// operator, whose outputs become the graph's. `ordered`: of two alike the first are the encodings.
/// kUnsupported (no such outputs), kMalformed (the anchors' file), kUsage (options).
Result<DetectorRecord> add_post_process(Model& model, Graph& graph, Signature& signature,
                                        const DetectorEnds& options, bool ordered);

}  // namespace pumice
