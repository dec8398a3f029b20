// Elements of a tensor in another order, in blocks: transposes near the speed of a copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "graph/shape.h"
#include "pumice/error.h"

namespace pumice {

/// The elements of a tensor as an array of `dims`: index (i, j, …) is source element
/// i * strides[0] + j * strides[1] + …
struct StridedView {
  Dims dims;
  std::vector<int64_t> strides;

  /// All elements of a tensor in their own order.
  static StridedView whole(const Dims& dims);
  /// Dimension i becomes this view's dimension perm[i].
  StridedView permuted(const std::vector<int>& perm) const;
  /// The same elements in the same order under other sizes; false, and unchanged, where no strides
  /// can say so.
  bool reshape(const Dims& new_dims);
};

/// Passes the view's elements in row-major order: block by block, with the number of the block's
/// first element. Blocks are views of the source where the order is the source's (a few hundred
/// KiB), else of a buffer of at most 16 MiB. element_size: 1, 2, 4, 8 or 16.
Status strided_blocks(
    const std::byte* source, const StridedView& view, size_t element_size,
    const std::function<Status(std::span<const std::byte> block, int64_t first)>& sink);

}  // namespace pumice
