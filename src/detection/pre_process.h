// `--preprocess strip`: resizing and normalization out of a detector's graph.
#pragma once

#include <string>
#include <vector>

#include "graph/model.h"
#include "pumice/error.h"
#include "pumice/normalization.h"

namespace pumice {

struct StrippedInput {
  std::string signature, input;
  int64_t height = 0, width = 0;
  std::string resize;           // the op that brought pictures to that size; empty: there was none
  Normalization normalization;  // of the values that the input took: one entry, or one a channel
};

/// Over the signatures' graphs of simplified TensorFlow ops: finds the last tensor before the
/// network that is the picture, resized, times and plus a number a channel, and makes it the input:
/// float32 [1,height,width,3]. Whatever ops spell it: the part is run on pictures of one colour and
/// on a random one. kUnsupported where there is no such tensor (not affine, channels mixed, no
/// picture), or where the graph reads the picture elsewhere too.
Result<std::vector<StrippedInput>> strip_pre_processing(Model& model);

}  // namespace pumice
