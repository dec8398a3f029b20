#include "passes/rewrite_test.h"

namespace pumice {
namespace {

struct DropBroadcastTest : RewriteTest {
  Value* x = input({batch, 6, 3});
};

TEST_F(DropBroadcastTest, BroadcastTo) {
  Value* b =
      make.emit("BROADCAST_TO", {floats({6, 3}), make.shape_of(x)}, {}, DType::kFloat32, x->shape);
  output(add(x, b));
  EXPECT_EQ(run(drop_broadcast), 1u);
  EXPECT_EQ(ops(), "ADD");
}

TEST_F(DropBroadcastTest, TileOfOnes) {
  Value* times = graph.add_input("times", DType::kInt32, {3});
  output(mul(make.emit("TILE", {floats({1, 6, 3}), times}, {}, DType::kFloat32, x->shape), x));
  EXPECT_EQ(run(drop_broadcast), 1u);
}

TEST_F(DropBroadcastTest, TileOfMoreStays) {
  Value* tiled = make.emit("TILE", {floats({1, 2, 3}), make.constant_i32({1, 3, 1})}, {},
                           DType::kFloat32, {1, 6, 3});
  output(add(x, tiled));
  EXPECT_EQ(run(drop_broadcast), 0u);
}

TEST_F(DropBroadcastTest, TheOneThatGivesTheShapeStays) {
  Value* b =
      make.emit("BROADCAST_TO", {floats({6, 3}), make.shape_of(x)}, {}, DType::kFloat32, x->shape);
  output(add(b, floats({6, 3}, 1)));
  EXPECT_EQ(run(drop_broadcast), 0u);
}

}  // namespace
}  // namespace pumice
