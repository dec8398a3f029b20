#include <gtest/gtest.h>

#include "ops/op.h"

namespace pumice {
namespace {

const Dim kBatch = Dim::symbol(0), kHeight = Dim::symbol(1);

/// The shape that a Reshape of x to `target` has.
Shape reshaped(Shape x, std::vector<int64_t> target) {
  Graph graph;
  Value* input = graph.add_input("x", DType::kFloat32, std::move(x));
  Value* sizes = graph.constant(Tensor::vector_i32(target));
  Node* node = graph.create("Reshape", {input, sizes});
  EXPECT_TRUE(find_op("Reshape")->infer(*node).ok());
  return node->result()->shape;
}

TEST(Reshape, BatchSurvivesWhereTheOtherSizesCancel) {
  EXPECT_EQ(reshaped({kBatch, 10, 10, 4}, {-1, 100, 4}), (Shape{kBatch, 100, 4}));
  EXPECT_EQ(reshaped({kBatch, 4}, {-1, 1, 1, 4}), (Shape{kBatch, 1, 1, 4}));
  // 4 * batch is no size that has a name.
  EXPECT_EQ(reshaped({kBatch, 4}, {-1}), (Shape{Dim()}));
}

TEST(Reshape, MinusOneIsKnownWhereSymbolsCancel) {
  Graph graph;
  Value* x = graph.add_input("x", DType::kFloat32, Shape{kBatch, 10, 10, 4});
  Value* target = graph.add_input("target", DType::kInt32, Shape{3});
  target->partial = {kBatch, Dim(), 4};
  Node* node = graph.create("Reshape", {x, target});
  ASSERT_TRUE(find_op("Reshape")->infer(*node).ok());
  EXPECT_EQ(node->result()->shape, (Shape{kBatch, 100, 4}));
}

TEST(Reshape, NothingIsMadeUp) {
  EXPECT_EQ(reshaped({kBatch, kHeight, 4}, {-1, 4}), (Shape{Dim(), 4}));
  EXPECT_EQ(reshaped({kBatch, 0}, {-1, 5}), (Shape{Dim(0), 5}));
  EXPECT_EQ(reshaped(Shape::unknown(), {-1, 5}), (Shape{Dim(), 5}));
  EXPECT_EQ(reshaped({kBatch, 3}, {-1, 2}), (Shape{Dim(), 2}));
}

TEST(Reshape, ContradictionIsAnError) {
  Graph graph;
  Value* x = graph.add_input("x", DType::kFloat32, Shape{2, 3});
  Node* node =
      graph.create("Reshape", {x, graph.constant(Tensor::vector_i32(std::vector<int64_t>{4}))});
  node->name = "here";
  Status status = find_op("Reshape")->infer(*node);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().node(), "here");
}

}  // namespace
}  // namespace pumice
