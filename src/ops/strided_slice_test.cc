#include <gtest/gtest.h>

#include "ops/op.h"

namespace pumice {
namespace {

Value* vector(Graph& graph, std::vector<int64_t> values) {
  return graph.constant(Tensor::vector_i32(values));
}

TEST(StridedSlice, TakesASizeOutOfAShape) {
  Graph graph;
  Value* x = graph.add_input("x", DType::kInt32, Shape{3});
  x->partial = {Dim::symbol(0), 10, Dim()};
  Node* node =
      graph.create("StridedSlice", {x, vector(graph, {0}), vector(graph, {1}), vector(graph, {1})});
  node->attributes.set("shrink_axis_mask", int64_t{1});
  ASSERT_TRUE(find_op("StridedSlice")->infer(*node).ok());
  EXPECT_EQ(node->result()->shape, Shape::scalar());
  ASSERT_EQ(node->result()->partial.size(), 1u);
  EXPECT_TRUE(node->result()->partial[0].same_as(Dim::symbol(0)));
}

TEST(StridedSlice, HostileSpecificationsAreErrors) {
  Graph graph;
  Value* x = graph.add_input("x", DType::kFloat32, Shape{2, 3});
  auto infer = [&](std::vector<int64_t> begin, std::vector<int64_t> end,
                   std::vector<int64_t> strides, int64_t ellipsis, int64_t shrink) {
    Node* node = graph.create(
        "StridedSlice", {x, vector(graph, begin), vector(graph, end), vector(graph, strides)});
    node->attributes.set("ellipsis_mask", ellipsis);
    node->attributes.set("shrink_axis_mask", shrink);
    return find_op("StridedSlice")->infer(*node).ok();
  };
  EXPECT_TRUE(infer({0, 0}, {1, 1}, {1, 1}, 0, 0));
  EXPECT_FALSE(infer({0, 0}, {1}, {1, 1}, 0, 0));
  EXPECT_FALSE(infer({0, 0}, {1, 1}, {1, 0}, 0, 0));
  EXPECT_FALSE(infer({0, 0, 0}, {1, 1, 1}, {1, 1, 1}, 0, 0));
  EXPECT_FALSE(infer({0, 0}, {0, 0}, {1, 1}, 3, 0));
  EXPECT_FALSE(infer({5, 0}, {6, 1}, {1, 1}, 0, 1));
}

TEST(StridedSlice, StepsBackwardFromTheLargestNumbers) {
  constexpr int64_t kLeast = INT64_MIN, kMost = INT64_MAX;
  Graph graph;
  Node* node = graph.create("StridedSlice", {});
  EvalContext context{*node, {}, {}};
  context.inputs = {Tensor::vector_i32(std::vector<int64_t>{1, 2, 3, 4}),
                    Tensor::of<int64_t>(DType::kInt64, {1}, {kMost}),
                    Tensor::of<int64_t>(DType::kInt64, {1}, {kLeast}),
                    Tensor::of<int64_t>(DType::kInt64, {1}, {kLeast})};
  ASSERT_TRUE(find_op("StridedSlice")->evaluate(context).ok());
  EXPECT_EQ(context.outputs[0].integers(), (std::vector<int64_t>{4}));
}

}  // namespace
}  // namespace pumice
