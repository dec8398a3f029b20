#include "passes/rewrite_test.h"

namespace pumice {
namespace {

using CancelReshapesTest = RewriteTest;

TEST_F(CancelReshapesTest, OfReshapes) {
  Value* x = input({batch, 6, 5});
  output(make.reshape(make.reshape(x, Shape{batch, 30}), Shape{batch, 5, 6}));
  EXPECT_EQ(run(cancel_reshapes), 1u);
  EXPECT_EQ(ops(), "RESHAPE");
}

TEST_F(CancelReshapesTest, ThereAndBack) {
  Value* x = input({batch, 6, 5});
  output(relu(make.reshape(make.reshape(x, Shape{batch, 30}), Shape{batch, 6, 5})));
  EXPECT_EQ(run(cancel_reshapes), 1u);
  EXPECT_EQ(ops(), "RELU");
}

TEST_F(CancelReshapesTest, UnknownSizesMustBeTheSame) {
  Value* x = input({batch, 6, 5});
  output(relu(make.reshape(x, Shape{Dim::symbol(1), 6, 5})));
  EXPECT_EQ(run(cancel_reshapes), 0u);
}

TEST_F(CancelReshapesTest, AComputedShapeWithOneUnknownSize) {
  Value* x = input({batch, 6, 5});
  output(make.reshape(x, make.shape_of(x), Shape{batch, 30}));
  EXPECT_EQ(run(cancel_reshapes), 1u);
  EXPECT_EQ(ops(), "RESHAPE");
}

TEST_F(CancelReshapesTest, BiasMovesBeforeAReshape) {
  Value* x = input({batch, 6, 5, 3});
  output(relu(add(make.reshape(conv(x), Shape{batch, 30, 4}), floats({1, 4}))));
  EXPECT_EQ(run(cancel_reshapes), 2u);
  EXPECT_EQ(ops(), "CONV_2D ADD RELU RESHAPE");
}

TEST_F(CancelReshapesTest, AConstantOfPositionsDoesNot) {
  Value* x = input({batch, 6, 5, 3});
  output(add(make.reshape(conv(x), Shape{batch, 30, 4}), floats({30, 4})));
  EXPECT_EQ(run(cancel_reshapes), 0u);
}

}  // namespace
}  // namespace pumice
