// Compiled with optimization in every build type (CMakeLists.txt).
#include "ops/conv_kernel.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "ops/matrix_product.h"

namespace pumice {
namespace {

/// Calls f(tap, pixel) for each window tap of an output pixel that lies within the input.
template <typename F>
void for_each_tap(const ConvSizes& s, int64_t out_pixel, F&& f) {
  int64_t ow = out_pixel % s.out[2], oh = out_pixel / s.out[2] % s.out[1];
  int64_t od = out_pixel / (s.out[1] * s.out[2]);
  int64_t d0 = od * s.stride[0] - s.before[0], h0 = oh * s.stride[1] - s.before[1],
          w0 = ow * s.stride[2] - s.before[2];
  int64_t tap = 0;
  for (int64_t kd = 0; kd < s.filter[0]; ++kd) {
    int64_t d = d0 + kd * s.dilation[0];
    for (int64_t kh = 0; kh < s.filter[1]; ++kh) {
      int64_t h = h0 + kh * s.dilation[1];
      bool inside = d >= 0 && d < s.in[0] && h >= 0 && h < s.in[1];
      for (int64_t kw = 0; kw < s.filter[2]; ++kw, ++tap) {
        int64_t w = w0 + kw * s.dilation[2];
        if (inside && w >= 0 && w < s.in[2]) f(tap, (d * s.in[1] + h) * s.in[2] + w);
      }
    }
  }
}

bool is_pointwise(const ConvSizes& s) {
  return s.taps() == 1 && s.in == s.out && s.before == std::array<int64_t, 3>{0, 0, 0} &&
         s.stride == std::array<int64_t, 3>{1, 1, 1};
}

}  // namespace

template <typename T>
void convolve(const ConvSizes& s, const T* x, const T* f, T* y) {
  int64_t group_in = s.in_channels / s.groups, group_out = s.out_channels / s.groups;
  if (is_pointwise(s)) {
    for (int64_t g = 0; g < s.groups; ++g)
      matrix_product(x + g * group_in, s.in_channels, f + g * group_out, s.out_channels,
                     y + g * group_out, s.out_channels, s.batch * s.in_pixels(), group_in,
                     group_out);
    return;
  }
  // Patches of so many output pixels at a time that they stay in the cache.
  int64_t depth = s.taps() * group_in;
  int64_t block = std::clamp<int64_t>(65536 / std::max<int64_t>(depth, 1), 16, 1024);
  std::vector<T> patches(static_cast<size_t>(block * depth));
  for (int64_t n = 0; n < s.batch; ++n) {
    const T* image = x + n * s.in_pixels() * s.in_channels;
    for (int64_t first = 0; first < s.out_pixels(); first += block) {
      int64_t rows = std::min(block, s.out_pixels() - first);
      for (int64_t g = 0; g < s.groups; ++g) {
        std::fill(patches.begin(), patches.begin() + rows * depth, T(0));
        for (int64_t r = 0; r < rows; ++r)
          for_each_tap(s, first + r, [&](int64_t tap, int64_t pixel) {
            std::memcpy(patches.data() + r * depth + tap * group_in,
                        image + pixel * s.in_channels + g * group_in,
                        static_cast<size_t>(group_in) * sizeof(T));
          });
        matrix_product(patches.data(), depth, f + g * group_out, s.out_channels,
                       y + (n * s.out_pixels() + first) * s.out_channels + g * group_out,
                       s.out_channels, rows, depth, group_out);
      }
    }
  }
}

template <typename T>
void convolve_depthwise(const ConvSizes& s, const T* x, const T* f, T* y) {
  int64_t multiplier = s.in_channels ? s.out_channels / s.in_channels : 0;
  std::fill(y, y + s.batch * s.out_pixels() * s.out_channels, T(0));
  for (int64_t n = 0; n < s.batch; ++n) {
    const T* image = x + n * s.in_pixels() * s.in_channels;
    for (int64_t p = 0; p < s.out_pixels(); ++p, y += s.out_channels)
      for_each_tap(s, p, [&](int64_t tap, int64_t pixel) {
        const T* from = image + pixel * s.in_channels;
        const T* weights = f + tap * s.out_channels;
        if (multiplier == 1) {
          for (int64_t c = 0; c < s.in_channels; ++c) y[c] += from[c] * weights[c];
        } else {
          for (int64_t c = 0, o = 0; c < s.in_channels; ++c)
            for (int64_t m = 0; m < multiplier; ++m, ++o) y[o] += from[c] * weights[o];
        }
      });
  }
}

template <typename T>
void convolve_transposed(const ConvSizes& s, const T* y, const T* f, T* x) {
  int64_t columns = s.taps() * s.in_channels;
  std::vector<T> transposed(static_cast<size_t>(columns * s.out_channels));
  for (int64_t i = 0; i < columns; ++i)
    for (int64_t o = 0; o < s.out_channels; ++o)
      transposed[static_cast<size_t>(o * columns + i)] = f[i * s.out_channels + o];
  int64_t block = std::clamp<int64_t>(65536 / std::max<int64_t>(columns, 1), 16, 1024);
  std::vector<T> products(static_cast<size_t>(block * columns));
  for (int64_t n = 0; n < s.batch; ++n) {
    T* image = x + n * s.in_pixels() * s.in_channels;
    for (int64_t first = 0; first < s.out_pixels(); first += block) {
      int64_t rows = std::min(block, s.out_pixels() - first);
      matrix_product(y + (n * s.out_pixels() + first) * s.out_channels, s.out_channels,
                     transposed.data(), columns, products.data(), columns, rows, s.out_channels,
                     columns);
      for (int64_t r = 0; r < rows; ++r)
        for_each_tap(s, first + r, [&](int64_t tap, int64_t pixel) {
          const T* from = products.data() + r * columns + tap * s.in_channels;
          T* to = image + pixel * s.in_channels;
          for (int64_t c = 0; c < s.in_channels; ++c) to[c] += from[c];
        });
    }
  }
}

#define PUMICE_CONVOLUTIONS(T)                                                   \
  template void convolve<T>(const ConvSizes&, const T*, const T*, T*);           \
  template void convolve_depthwise<T>(const ConvSizes&, const T*, const T*, T*); \
  template void convolve_transposed<T>(const ConvSizes&, const T*, const T*, T*);
PUMICE_CONVOLUTIONS(float)
PUMICE_CONVOLUTIONS(double)
PUMICE_CONVOLUTIONS(uint32_t)  // int32, with overflow defined

}  // namespace pumice
