// Bias addition as a part, for the ops that contain one.
#pragma once

#include "graph/graph.h"
#include "ops/lowering.h"
#include "ops/op.h"

namespace pumice {

/// Whether attribute data_format puts channels on axis 1 (whatever the rank) and not last.
Result<bool> channels_come_first(const Node& node);
/// inputs: a tensor of rank 2 and more, and a vector.
Status evaluate_bias_add(EvalContext& context);
/// ADD of `bias` along the channels of `x`.
Result<Value*> lower_to_bias_add(const Node& node, Value* x, Value* bias, bool channels_first,
                                 Lowering& lowering);

}  // namespace pumice
