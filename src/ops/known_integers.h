// What is known of an integer vector that says where to cut or how long to be.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "graph/graph.h"

namespace pumice {

/// Elements of an integer vector operand, each known or not; nullopt: not even their number.
std::optional<std::vector<std::optional<int64_t>>> integers_if_known(const Value* v);

}  // namespace pumice
