#include "passes/rewrite_test.h"

namespace pumice {
namespace {

struct RecognizeActivationTest : RewriteTest {
  Value* x = input({batch, 6, 4});
  Value* relu6(Value* v) { return make.unary("RELU6", v); }
};

TEST_F(RecognizeActivationTest, HardSwish) {
  output(mul(mul(x, relu6(add(x, number(3)))), number(1.0f / 6)));
  EXPECT_EQ(run(recognize_activation), 1u);
  EXPECT_EQ(ops(), "HARD_SWISH");
}

TEST_F(RecognizeActivationTest, HardSwishFromClipping) {
  Value* gate =
      make.binary("MAXIMUM", make.binary("MINIMUM", add(x, number(3)), number(6)), number(0));
  output(mul(make.binary("DIV", gate, number(6)), x));
  EXPECT_EQ(run(recognize_activation), 2u);
  EXPECT_EQ(ops(), "HARD_SWISH");
}

TEST_F(RecognizeActivationTest, NotWithOtherNumbers) {
  output(mul(mul(x, relu6(add(x, number(2)))), number(1.0f / 6)));
  output(mul(mul(x, relu6(add(x, number(3)))), number(0.2f)));
  EXPECT_EQ(run(recognize_activation), 0u);
}

TEST_F(RecognizeActivationTest, NotOfAnotherValue) {
  Value* y = make.unary("TANH", x);
  output(mul(mul(y, relu6(add(x, number(3)))), number(1.0f / 6)));
  EXPECT_EQ(run(recognize_activation), 0u);
}

TEST_F(RecognizeActivationTest, Clamps) {
  auto clip = [&](float low, float high) {
    return make.binary("MINIMUM", make.binary("MAXIMUM", x, number(low)), number(high));
  };
  output(clip(0, 6));
  output(clip(-1, 1));
  output(clip(0, 1));
  output(clip(-2, 2));
  run(recognize_activation);
  EXPECT_TRUE(maker(0).is("RELU6"));
  EXPECT_TRUE(maker(1).is("RELU_N1_TO_1"));
  EXPECT_TRUE(maker(2).is("RELU_0_TO_1"));
  EXPECT_TRUE(maker(3).is("MINIMUM"));
}

TEST_F(RecognizeActivationTest, LeakyRelu) {
  output(make.binary("MAXIMUM", mul(x, number(0.25f)), x));
  output(make.binary("MAXIMUM", mul(x, number(1.5f)), x));
  EXPECT_EQ(run(recognize_activation), 1u);
  EXPECT_EQ(maker(0).attributes.real("alpha"), 0.25f);
  EXPECT_TRUE(maker(1).is("MAXIMUM"));
}

TEST_F(RecognizeActivationTest, PRelu) {
  output(add(relu(x), mul(relu(make.unary("NEG", x)), floats({1, 4}, 1))));
  EXPECT_EQ(run(recognize_activation), 1u);
  EXPECT_EQ(ops(), "PRELU");
  EXPECT_EQ(constant_of(maker().operand(1))->dims(), (Dims{1, 4}));
  EXPECT_EQ(values(maker().operand(1)), (std::vector<float>{-1, -2, -3, -4}));
}

}  // namespace
}  // namespace pumice
