// Where each element of a matrix op's result comes from: computed from shapes and numbers alone.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "graph/graph.h"
#include "pumice/error.h"

namespace pumice {

/// What one matrix of the result is made of: for each element, in order, an element of the first
/// operand's innermost part (0…), of the second one's (after those), or -1: the padding.
struct MatrixTable {
  Dims inner;  // sizes of the result's innermost axes
  std::vector<int64_t> from;
  int64_t first, second;           // how many elements one part of each operand has
  size_t first_axes, second_axes;  // over how many axes; second 0: there is no second operand
};

/// The numbers that fix a table: operands after the tensors, when constant.
struct MatrixNumbers {
  std::vector<int64_t> k{0};
  int64_t rows = -1, columns = -1;
  int64_t lower = 0, upper = 0;
};

/// Whether the node is of the op `name` or of one of its later versions.
inline bool is_version(const Node& node, std::string_view name) {
  return node.op.rfind(name, 0) == 0;
}

inline bool has_second(const Node& node) { return is_version(node, "MatrixSetDiag"); }

/// The table for these sizes of the innermost axes. `x` and `second` are whole sizes; outer axes
/// may hold anything.
Result<MatrixTable> matrix_table(const Node& node, const Dims& x, const Dims& second,
                                 const MatrixNumbers& n);

}  // namespace pumice
