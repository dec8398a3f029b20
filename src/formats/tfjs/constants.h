// A TensorFlow.js graph's constants, whose values stand in the weights files.
#pragma once

#include <memory>
#include <string>

#include "formats/source.h"
#include "formats/tfjs/weights.h"

namespace pumice {

/// Gives every Const its weight, by node name, converted to the dtype that the graph states: the
/// exporter stores int64 as int32 and float64 as float32. kMalformed where there is no value.
Status fill_constants(Graph* graph, const TfjsWeights& weights, const std::string& file);

/// `library` with its functions' constants filled in the same way.
std::unique_ptr<FunctionLibrary> with_weights(std::unique_ptr<FunctionLibrary> library,
                                              std::shared_ptr<const TfjsWeights> weights,
                                              std::string file);

}  // namespace pumice
