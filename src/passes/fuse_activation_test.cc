#include "passes/rewrite_test.h"

namespace pumice {
namespace {

struct FuseActivationTest : RewriteTest {
  Value* x = input({batch, 6, 5, 3});
};

TEST_F(FuseActivationTest, IntoTheOpBefore) {
  output(make.unary("RELU6", conv(x)));
  output(relu(add(x, x)));
  EXPECT_EQ(run(fuse_activation), 2u);
  EXPECT_EQ(ops(), "CONV_2D ADD");
  EXPECT_EQ(maker(0).attributes.integer("fused_activation_function"), kActivationRelu6);
}

TEST_F(FuseActivationTest, OneThatIsReadTwiceStays) {
  Value* y = conv(x);
  output(relu(y));
  output(y);
  EXPECT_EQ(run(fuse_activation), 0u);
}

TEST_F(FuseActivationTest, OneOnly) {
  output(relu(make.unary("RELU_N1_TO_1", conv(x))));
  EXPECT_EQ(run(fuse_activation), 1u);
  EXPECT_EQ(ops(), "CONV_2D RELU");
}

TEST_F(FuseActivationTest, AnOpThatDoesNotClampStays) {
  output(relu(make.unary("TANH", x)));
  EXPECT_EQ(run(fuse_activation), 0u);
}

}  // namespace
}  // namespace pumice
