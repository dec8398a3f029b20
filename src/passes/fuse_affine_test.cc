#include "passes/rewrite_test.h"

namespace pumice {
namespace {

struct FuseAffineTest : RewriteTest {
  Value* x = input({batch, 6, 5, 3});
};

TEST_F(FuseAffineTest, FactorAndAddend) {
  output(add(mul(conv(x, 2), floats({2}, 10)), floats({2}, 1)));
  EXPECT_EQ(run(fuse_affine), 2u);
  EXPECT_EQ(ops(), "CONV_2D");
  EXPECT_EQ(values(maker().operand(1)), (std::vector<float>{20, 30, 40, 55, 66, 77}));
  EXPECT_EQ(values(maker().operand(2)), (std::vector<float>{1, 13}));  // (0, 1) * (10, 11) + (1, 2)
}

TEST_F(FuseAffineTest, ScalesInARowAreOneTransform) {
  output(mul(mul(conv(x, 2), number(3)), number(2)));
  EXPECT_EQ(run(fuse_affine), 2u);
  EXPECT_EQ(constant_of(maker().operand(1))->transforms().size(), 1u);
}

TEST_F(FuseAffineTest, SharedWeightsGetAScaleEach) {
  Value *a = conv(x, 2), *b = conv(x, 2);
  b->node()->set_operand(1, a->node()->operand(1));
  output(mul(a, number(3)));
  output(mul(b, number(5)));
  EXPECT_EQ(run(fuse_affine), 2u);
  EXPECT_EQ(values(maker(0).operand(1))[0], 6);
  EXPECT_EQ(values(maker(1).operand(1))[0], 10);
}

TEST_F(FuseAffineTest, AResultThatIsReadTwiceStays) {
  Value* y = conv(x);
  output(add(y, floats({4})));
  output(relu(y));
  EXPECT_EQ(run(fuse_affine), 0u);
}

TEST_F(FuseAffineTest, AfterAnActivationNothingFuses) {
  Value* y = conv(x);
  y->node()->attributes.set("fused_activation_function", kActivationRelu);
  output(add(y, floats({4})));
  EXPECT_EQ(run(fuse_affine), 0u);
}

TEST_F(FuseAffineTest, AConstantPastAResidual) {
  Value* y = graph.add_input("y", DType::kFloat32, {batch, 6, 5, 4});
  output(add(add(conv(x), y), floats({4}, 1)));
  EXPECT_EQ(run(fuse_affine), 2u);
  EXPECT_EQ(ops(), "CONV_2D ADD");
}

}  // namespace
}  // namespace pumice
