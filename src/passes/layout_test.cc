#include "passes/rewrite_test.h"

namespace pumice {
namespace {

struct LayoutTest : RewriteTest {
  Value* first(Value* x) { return make.transpose(x, {0, 3, 1, 2}); }
  Value* last(Value* x) { return make.transpose(x, {0, 2, 3, 1}); }
  Value* x = input({batch, 6, 5, 4});
};

TEST_F(LayoutTest, ElementWiseBetweenConvolutions) {
  Value* y = relu(add(first(conv(x)), floats({1, 4, 1, 1})));
  output(conv(last(y)));
  EXPECT_EQ(run(layout), 1u);
  EXPECT_EQ(ops(), "CONV_2D ADD RELU CONV_2D");
  // The bias per channel varies along the last axis now, and has no leading ones.
  const Node& sum = *maker().operand(0)->node()->operand(0)->node();
  EXPECT_EQ(constant_of(sum.operand(1))->dims(), (Dims{4}));
  EXPECT_EQ(sum.result()->shape, (Shape{batch, 6, 5, 4}));
}

TEST_F(LayoutTest, PaddingsAndAxesAreRenumbered) {
  Value* y = first(conv(x));
  Value* z = make.pad(y, {{0, 0}, {0, 0}, {1, 2}, {3, 4}});
  Value* parts[] = {z, z};
  output(conv(last(make.concat(parts, 1))));
  EXPECT_EQ(run(layout), 1u);
  EXPECT_EQ(ops(), "CONV_2D PAD CONCATENATION CONV_2D");
  const Node& joined = *maker().operand(0)->node();
  EXPECT_EQ(joined.attributes.integer("axis"), 3);
  EXPECT_EQ(constant_of(joined.operand(0)->node()->operand(1))->materialize().integers(),
            (std::vector<int64_t>{0, 0, 1, 2, 3, 4, 0, 0}));
}

TEST_F(LayoutTest, MeanOverThePlane) {
  output(make.emit("MEAN", {relu(first(conv(x))), make.constant_i32({2, 3})},
                   {{"keep_dims", false}}, DType::kFloat32, {batch, 4}));
  EXPECT_EQ(run(layout), 1u);
  EXPECT_EQ(ops(), "CONV_2D RELU MEAN");
  EXPECT_EQ(constant_of(maker().operand(1))->materialize().integers(),
            (std::vector<int64_t>{1, 2}));
}

TEST_F(LayoutTest, ATransposeDoesNotMoveIntoAFusion) {
  output(first(add(conv(x), floats({4}))));
  EXPECT_EQ(run(layout), 0u);
  EXPECT_EQ(ops(), "CONV_2D ADD TRANSPOSE");
}

TEST_F(LayoutTest, NoMoreTransposesThanBefore) {
  // Two operands of the other layout for one transpose that would go.
  Value* a = graph.add_input("a", DType::kFloat32, {batch, 4, 6, 5});
  Value* b = graph.add_input("b", DType::kFloat32, {batch, 4, 6, 5});
  output(conv(last(make.binary("SUB", a, b))));
  EXPECT_EQ(run(layout), 0u);
}

TEST_F(LayoutTest, OpsTiedToTheirAxesStay) {
  output(conv(last(make.unary("SOFTMAX", first(conv(x))))));
  EXPECT_EQ(run(layout), 0u);
}

}  // namespace
}  // namespace pumice
