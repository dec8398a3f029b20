#include "passes/rewrite_test.h"

namespace pumice {
namespace {

using CancelTransposesTest = RewriteTest;

TEST_F(CancelTransposesTest, InversesGo) {
  Value* x = input({batch, 6, 5, 3});
  output(relu(make.transpose(make.transpose(x, {0, 3, 1, 2}), {0, 2, 3, 1})));
  EXPECT_EQ(run(cancel_transposes), 1u);
  EXPECT_EQ(ops(), "RELU");
}

TEST_F(CancelTransposesTest, TwoBecomeOne) {
  Value* x = input({batch, 6, 5, 3});
  output(make.transpose(make.transpose(x, {0, 3, 1, 2}), {0, 3, 1, 2}));
  EXPECT_EQ(run(cancel_transposes), 1u);
  EXPECT_EQ(ops(), "TRANSPOSE");
  EXPECT_EQ(constant_of(maker().operand(1))->materialize().integers(),
            (std::vector<int64_t>{0, 2, 3, 1}));
}

TEST_F(CancelTransposesTest, OnesMoveByReshape) {
  Value* x = input({batch, 1, 5, 3});
  output(make.transpose(x, {0, 2, 1, 3}));
  EXPECT_EQ(run(cancel_transposes), 1u);
  EXPECT_EQ(ops(), "RESHAPE");
}

TEST_F(CancelTransposesTest, OneThatMovesElementsStays) {
  Value* x = input({batch, 2, 5, 3});
  output(make.transpose(x, {0, 2, 1, 3}));
  EXPECT_EQ(run(cancel_transposes), 0u);
}

}  // namespace
}  // namespace pumice
