// Batch normalization as a part, for the ops that contain one.
#pragma once

#include "graph/graph.h"
#include "ops/lowering.h"
#include "ops/op.h"

namespace pumice {

/// Scale and offset that channels-last float32 `x` is multiplied and added with:
/// (x - mean) · scale / √(variance + epsilon) + offset. Folded where the parameters are constants.
Value* lower_to_normalization(Value* x, Value* scale, Value* offset, Value* mean, Value* variance,
                              float epsilon, Lowering& lowering);

}  // namespace pumice
