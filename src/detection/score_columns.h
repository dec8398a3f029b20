// The class scores that non-max suppression takes, traced to the one tensor that they are columns
// of.
#pragma once

#include <string>
#include <vector>

#include "detection/subgraph.h"

namespace pumice {

struct ScoreColumns {
  Value* scores = nullptr;  // N rows of `columns` numbers
  int64_t columns = 0;
  std::vector<int64_t> column_of;  // of each class, in the order asked for
  std::string conversion;  // "sigmoid" or "softmax" where such an op makes the scores; else empty
};

/// `wanted`: values of N scores each, or one of N * classes (`classes` columns). Finds the tensor
/// farthest back of which they are columns that nothing has changed: the part between is run on
/// numbers that are all different. kUnsupported where there is none.
Result<ScoreColumns> find_score_columns(const Model& model, const Graph& graph,
                                        std::span<Value* const> wanted, int64_t count,
                                        int64_t classes);

}  // namespace pumice
