#include "passes/rewrite_test.h"

namespace pumice {
namespace {

struct FuseScaleBeforeTest : RewriteTest {
  Value* x = input({batch, 6, 5, 2});
};

TEST_F(FuseScaleBeforeTest, AFactorGoesIntoTheWeights) {
  output(conv(mul(x, floats({2}, 10)), 1, 1));
  EXPECT_EQ(run(fuse_scale_before), 1u);
  EXPECT_EQ(ops(), "CONV_2D");
  EXPECT_EQ(values(maker().operand(1)), (std::vector<float>{20, 33}));
}

TEST_F(FuseScaleBeforeTest, AnAddendGoesIntoTheBiasWhereNothingIsPadded) {
  output(conv(add(x, floats({2}, 10)), 1, 1));
  EXPECT_EQ(run(fuse_scale_before), 1u);
  EXPECT_EQ(values(maker().operand(2)), (std::vector<float>{2 * 10 + 3 * 11}));
}

TEST_F(FuseScaleBeforeTest, APaddedAddendStaysAndLetsTheFactorPass) {
  output(conv(make.binary("SUB", mul(x, number(0.5f)), number(1)), 1, 3));
  EXPECT_EQ(run(fuse_scale_before), 1u);
  EXPECT_EQ(ops(), "ADD CONV_2D");
  EXPECT_EQ(values(maker().operand(0)->node()->operand(1)), (std::vector<float>{-2}));
  EXPECT_EQ(values(maker().operand(1))[0], 1);
}

TEST_F(FuseScaleBeforeTest, WhatIsReadElsewhereStays) {
  Value* y = mul(x, number(2));
  output(conv(y));
  output(relu(y));
  EXPECT_EQ(run(fuse_scale_before), 0u);
}

}  // namespace
}  // namespace pumice
