// Matrix products of evaluations.
#pragma once

#include <cstdint>

namespace pumice {

/// c = a · b, row-major: a is m × k with `a_step` elements from row to row, b k × n, c m × n.
/// Integers wrap around.
template <typename T>
void matrix_product(const T* a, int64_t a_step, const T* b, int64_t b_step, T* c, int64_t c_step,
                    int64_t m, int64_t k, int64_t n);

}  // namespace pumice
