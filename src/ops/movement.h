// Evaluation of ops that only move elements: one strided read, one strided write, of any dtype.
#pragma once

#include <vector>

#include "ops/eval.h"

namespace pumice {

/// A tensor of sizes `dims` whose element at index i is x's element number start + sum(i * step).
/// The caller has checked that every number lies within x.
Tensor read_strided(const Tensor& x, Dims dims, int64_t start, const std::vector<int64_t>& steps);

/// Writes x's elements to `out` (just made by zeros(), of x's dtype): the one at index i becomes
/// number start + sum(i * step) of out, which must lie within it.
void write_strided(Tensor& out, const Tensor& x, int64_t start, const std::vector<int64_t>& steps);

/// The elements of x with the numbers `from`, as a tensor of sizes `dims`. A negative number takes
/// element 0 of `otherwise` (a scalar of x's dtype).
Tensor read_indexed(const Tensor& x, Dims dims, const std::vector<int64_t>& from,
                    const Tensor& otherwise = {});

/// A tensor of sizes `dims` with all elements equal to the one of `scalar`.
Tensor filled(const Tensor& scalar, Dims dims);

/// x[begin : begin + size] along one axis.
Tensor slice_axis(const Tensor& x, size_t axis, int64_t begin, int64_t size);

}  // namespace pumice
