// The arithmetic of convolutions on dense arrays, channels last, always with three spatial axes.
#pragma once

#include <array>
#include <cstdint>

namespace pumice {

/// Sizes of one convolution (or of the one that a transposed convolution is the gradient of).
struct ConvSizes {
  int64_t batch = 0;
  std::array<int64_t, 3> in{1, 1, 1}, out{1, 1, 1}, filter{1, 1, 1};
  std::array<int64_t, 3> stride{1, 1, 1}, dilation{1, 1, 1}, before{0, 0, 0};
  int64_t in_channels = 0, out_channels = 0;
  int64_t groups = 1;  // divides both channel counts

  int64_t taps() const { return filter[0] * filter[1] * filter[2]; }
  int64_t in_pixels() const { return in[0] * in[1] * in[2]; }
  int64_t out_pixels() const { return out[0] * out[1] * out[2]; }
};

/// y[n, out…, o] = Σ x[n, in…, i] · f[filter…, i, o]; i runs over a group's input channels.
template <typename T>
void convolve(const ConvSizes& sizes, const T* x, const T* f, T* y);

/// One filter per input channel and output of it: f[filter…, c, m], output channel c·M + m.
template <typename T>
void convolve_depthwise(const ConvSizes& sizes, const T* x, const T* f, T* y);

/// The gradient of convolve() with respect to x: y has `out` pixels, the result has `in` pixels and
/// must be zero-filled. No groups.
template <typename T>
void convolve_transposed(const ConvSizes& sizes, const T* y, const T* f, T* x);

}  // namespace pumice
