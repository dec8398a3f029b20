// Compiled with optimization in every build type (CMakeLists.txt): a whole detector runs through
// it.
#include "ops/matrix_product.h"

#include <type_traits>

#include <Eigen/Core>

namespace pumice {
namespace {

template <typename T>
using Rows = Eigen::Map<const Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>,
                        Eigen::Unaligned, Eigen::OuterStride<>>;
template <typename T>
using MutableRows = Eigen::Map<Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>,
                               Eigen::Unaligned, Eigen::OuterStride<>>;

}  // namespace

template <typename T>
void matrix_product(const T* a, int64_t a_step, const T* b, int64_t b_step, T* c, int64_t c_step,
                    int64_t m, int64_t k, int64_t n) {
  if (m <= 0 || n <= 0) return;
  if constexpr (std::is_floating_point_v<T>) {
    MutableRows<T> result(c, m, n, Eigen::OuterStride<>(c_step));
    if (k <= 0) {
      result.setZero();
      return;
    }
    result.noalias() = Rows<T>(a, m, k, Eigen::OuterStride<>(a_step)) *
                       Rows<T>(b, k, n, Eigen::OuterStride<>(b_step));
  } else {
    using U = uint64_t;  // overflow is defined
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        U sum = 0;
        for (int64_t l = 0; l < k; ++l)
          sum += static_cast<U>(a[i * a_step + l]) * static_cast<U>(b[l * b_step + j]);
        c[i * c_step + j] = static_cast<T>(sum);
      }
    }
  }
}

#define PUMICE_MATRIX_PRODUCT(T)                                                              \
  template void matrix_product<T>(const T*, int64_t, const T*, int64_t, T*, int64_t, int64_t, \
                                  int64_t, int64_t);
PUMICE_MATRIX_PRODUCT(float)
PUMICE_MATRIX_PRODUCT(double)
PUMICE_MATRIX_PRODUCT(int8_t)
PUMICE_MATRIX_PRODUCT(int16_t)
PUMICE_MATRIX_PRODUCT(int32_t)
PUMICE_MATRIX_PRODUCT(int64_t)
PUMICE_MATRIX_PRODUCT(uint8_t)
PUMICE_MATRIX_PRODUCT(uint16_t)
PUMICE_MATRIX_PRODUCT(uint32_t)
PUMICE_MATRIX_PRODUCT(uint64_t)

}  // namespace pumice
