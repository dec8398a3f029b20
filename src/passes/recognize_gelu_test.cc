#include "passes/rewrite_test.h"

namespace pumice {
namespace {

struct RecognizeGeluTest : RewriteTest {
  Value* x = input({batch, 4});
  Value* product(Value* a, Value* b) { return make.binary("Mul", a, b); }
  Value* sum(Value* a, Value* b) { return make.binary("AddV2", a, b); }
  Value* gated(Value* gate) { return product(product(x, number(0.5f)), gate); }
};

TEST_F(RecognizeGeluTest, Erf) {
  Value* erf = make.unary("Erf", make.binary("RealDiv", x, number(1.41421356f)));
  output(gated(sum(number(1), erf)));
  EXPECT_EQ(run(recognize_gelu), 1u);
  EXPECT_EQ(ops(), "Gelu");
  EXPECT_FALSE(maker().attributes.boolean("approximate"));
}

TEST_F(RecognizeGeluTest, Erfc) {
  output(gated(make.unary("Erfc", product(make.unary("Neg", x), number(0.70710678f)))));
  EXPECT_EQ(run(recognize_gelu), 1u);
}

TEST_F(RecognizeGeluTest, Tanh) {
  Value* cubic = product(number(0.044715f), make.binary("Pow", x, number(3)));
  Value* tanh = make.unary("Tanh", product(number(0.7978845f), sum(x, cubic)));
  output(gated(sum(number(1), tanh)));
  EXPECT_EQ(run(recognize_gelu), 1u);
  EXPECT_TRUE(maker().attributes.boolean("approximate"));
}

TEST_F(RecognizeGeluTest, OtherNumbersStay) {
  Value* erf = make.unary("Erf", make.binary("RealDiv", x, number(1.5f)));
  output(gated(sum(number(1), erf)));
  EXPECT_EQ(run(recognize_gelu), 0u);
}

}  // namespace
}  // namespace pumice
