#include "ops/conv_kernel.h"

#include <numeric>
#include <vector>

#include <gtest/gtest.h>

namespace pumice {
namespace {

/// A 1-D convolution along the third spatial axis.
ConvSizes line(int64_t in, int64_t filter, int64_t out, int64_t channels, int64_t results) {
  ConvSizes s;
  s.batch = 1;
  s.in[2] = in;
  s.filter[2] = filter;
  s.out[2] = out;
  s.in_channels = channels;
  s.out_channels = results;
  return s;
}

TEST(ConvKernel, SumsOverTheWindow) {
  std::vector<float> x{1, 2, 3, 4}, f{1, 10}, y(3);
  convolve(line(4, 2, 3, 1, 1), x.data(), f.data(), y.data());
  EXPECT_EQ(y, (std::vector<float>{21, 32, 43}));
}

TEST(ConvKernel, PaddingIsZeroAndDilationSkips) {
  ConvSizes s = line(4, 2, 4, 1, 1);
  s.dilation[2] = 2;
  s.before[2] = 1;
  std::vector<float> x{1, 2, 3, 4}, f{1, 10}, y(4);
  convolve(s, x.data(), f.data(), y.data());
  EXPECT_EQ(y, (std::vector<float>{20, 31, 42, 3}));
}

TEST(ConvKernel, GroupsReadTheirOwnChannels) {
  ConvSizes s = line(1, 1, 1, 4, 2);
  s.groups = 2;
  std::vector<float> x{1, 2, 3, 4}, f{1, 10, 1, 10}, y(2);  // f[in of a group][out]
  convolve(s, x.data(), f.data(), y.data());
  EXPECT_EQ(y, (std::vector<float>{3, 70}));
}

TEST(ConvKernel, DepthwiseKeepsChannelsApart) {
  ConvSizes s = line(2, 2, 1, 2, 4);
  std::vector<float> x{1, 2, 3, 4}, f{1, 10, 1, 10, 100, 1000, 100, 1000}, y(4);
  convolve_depthwise(s, x.data(), f.data(), y.data());
  EXPECT_EQ(y, (std::vector<float>{301, 3010, 402, 4020}));
}

TEST(ConvKernel, TransposedIsTheGradient) {
  ConvSizes s = line(5, 3, 2, 1, 1);  // stride 2
  s.stride[2] = 2;
  std::vector<float> y{1, 10}, f{1, 2, 3}, x(5);
  convolve_transposed(s, y.data(), f.data(), x.data());
  EXPECT_EQ(x, (std::vector<float>{1, 2, 13, 20, 30}));
}

TEST(ConvKernel, IntegersWrapAround) {
  std::vector<uint32_t> x{0x80000000u, 3}, f{2, 5}, y(1);
  convolve(line(2, 2, 1, 1, 1), x.data(), f.data(), y.data());
  EXPECT_EQ(y[0], 15u);
}

}  // namespace
}  // namespace pumice
