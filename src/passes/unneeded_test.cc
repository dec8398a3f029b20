#include "passes/rewrite_test.h"

namespace pumice {
namespace {

struct UnneededTest : RewriteTest {
  Value* x = input({batch, 6, 5, 3});
};

TEST_F(UnneededTest, NeutralElements) {
  Value* y = mul(add(x, number(0)), floats({1}, 1));
  y = make.slice(make.binary("SUB", y, number(0)), {0, 0, 0, 0}, {-1, 6, 5, 3});
  output(relu(y));
  EXPECT_EQ(run(unneeded), 4u);
  EXPECT_EQ(ops(), "RELU");
}

TEST_F(UnneededTest, ANeutralConstantThatBroadcastsStays) {
  Value* y = graph.add_input("y", DType::kFloat32, {3});
  output(add(y, make.constant(Tensor::zeros(DType::kFloat32, {2, 3}))));
  EXPECT_EQ(run(unneeded), 0u);
}

TEST_F(UnneededTest, ConcatenationsJoin) {
  Value* two[] = {x, relu(x)};
  Value* three[] = {make.concat(two, 3), make.unary("TANH", x)};
  output(make.concat(three, 3));
  EXPECT_EQ(run(unneeded), 1u);
  EXPECT_EQ(ops(), "RELU TANH CONCATENATION");
  EXPECT_EQ(maker().operand_count(), 3u);
}

TEST_F(UnneededTest, ConstantsJoin) {
  output(make.binary("SUB", add(x, number(2)), floats({3}, 1)));
  output(make.binary("DIV", mul(x, number(8)), number(2)));
  run(unneeded);
  EXPECT_EQ(ops(), "ADD MUL");
  EXPECT_EQ(values(maker(0).operand(1)), (std::vector<float>{1, 0, -1}));
  EXPECT_EQ(values(maker(1).operand(1)), (std::vector<float>{4}));
}

TEST_F(UnneededTest, ExactStepsStay) {
  Value* y = make.binary("MUL", x, number(8), {{"_exact", true}});
  output(make.binary("DIV", y, number(3), {{"_exact", true}}));
  EXPECT_EQ(run(unneeded), 0u);
}

TEST_F(UnneededTest, AStepThatIsReadElsewhereStays) {
  Value* y = add(x, number(2));
  output(add(y, number(3)));
  output(relu(y));
  EXPECT_EQ(run(unneeded), 0u);
}

TEST_F(UnneededTest, MeanWithoutItsReshape) {
  Value* mean = make.emit("MEAN", {x, make.constant_i32({1, 2})}, {{"keep_dims", true}},
                          DType::kFloat32, {batch, 1, 1, 3});
  output(make.reshape(mean, Shape{batch, 3}));
  EXPECT_EQ(run(unneeded), 1u);
  EXPECT_EQ(ops(), "MEAN");
  EXPECT_FALSE(maker().attributes.boolean("keep_dims"));
}

}  // namespace
}  // namespace pumice
