// How many results a TensorFlow op has, and which flat result an output argument's element is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "graph/attributes.h"

namespace pumice {

/// One op's output arguments, as the table's head comment describes.
struct OpOutputs {
  const char* op;
  const char* outputs;
};
extern const OpOutputs kOpOutputs[];
extern const size_t kOpOutputsCount;

/// The output arguments of a TensorFlow op that has other outputs than one plain tensor; nullopt for
/// ops that are not in the table (nearly all of which have exactly one).
std::optional<std::string_view> find_op_outputs(std::string_view op);

/// The number of results by such a description; nullopt when an attribute it needs is missing or
/// negative.
std::optional<uint64_t> count_results(std::string_view outputs, const Attributes& attributes);

/// The flat number of element `index` of output argument `argument`; nullopt when there is no such
/// argument or element.
std::optional<uint64_t> flat_result(std::string_view outputs, const Attributes& attributes,
                                    std::string_view argument, uint64_t index);

}  // namespace pumice
