// Einsum's equation, resolved for operands of given ranks.
#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"
#include "pumice/error.h"

namespace pumice {

/// Labels are numbers: letters their character, dimensions of the ellipsis kEllipsis + their
/// position from the right.
struct EinsumPlan {
  static constexpr int kEllipsis = 256;

  std::vector<std::vector<int>> operands;
  std::vector<int> result;

  /// Of two operands; of one operand all is in `batch` or summed.
  std::vector<int> batch, free[2], contracted, summed[2];
};

/// Nullopt: an ellipsis stands for an unknown number of dimensions. Ranks: -1 where unknown.
Result<std::optional<EinsumPlan>> plan_einsum(const Node& node, const std::vector<int>& ranks);

}  // namespace pumice
