#include <gtest/gtest.h>

#include "ops/op.h"

namespace pumice {
namespace {

Node* reduce(Graph& graph, const char* op, Shape shape, std::vector<int32_t> axes, bool keep) {
  Value* x = graph.add_input("x", DType::kInt32, std::move(shape));
  Node* node = graph.create(op, {x, graph.constant(Tensor::vector_i32(axes))});
  node->attributes.set("keep_dims", keep);
  return node;
}

TEST(Reduction, ShapesKeepSymbols) {
  const Dim batch = Dim::symbol(3);
  Graph graph;
  Node* sum = reduce(graph, "Sum", Shape{batch, 5, Dim()}, {-1}, false);
  ASSERT_TRUE(find_op("Sum")->infer(*sum).ok());
  EXPECT_EQ(sum->result()->shape, (Shape{batch, 5}));
  Node* kept = reduce(graph, "Max", Shape{batch, 5, Dim()}, {1, 2}, true);
  ASSERT_TRUE(find_op("Max")->infer(*kept).ok());
  EXPECT_EQ(kept->result()->shape, (Shape{batch, 1, 1}));
}

TEST(Reduction, TheProductOfAShapeIsKnown) {
  Graph graph;
  Node* product = reduce(graph, "Prod", Shape{3}, {0}, false);
  product->operand(0)->partial = {Dim::symbol(3), 1, 1};
  ASSERT_TRUE(find_op("Prod")->infer(*product).ok());
  EXPECT_EQ(product->result()->partial, (std::vector<Dim>{Dim::symbol(3)}));
}

TEST(Reduction, BadAxesAreErrors) {
  for (std::vector<int32_t> axes : {std::vector<int32_t>{2}, {-3}, {0, 0}, {0, -2}}) {
    Graph graph;
    Node* node = reduce(graph, "Sum", Shape{2, 3}, axes, false);
    EXPECT_FALSE(find_op("Sum")->infer(*node).ok());
    EvalContext context{
        *node, {Tensor::zeros(DType::kInt32, {2, 3}), Tensor::vector_i32(axes)}, {}, nullptr};
    EXPECT_FALSE(find_op("Sum")->evaluate(context).ok());
  }
}

TEST(Reduction, ArgMaxOfAnEmptyAxisIsAnError) {
  Graph graph;
  Value* x = graph.add_input("x", DType::kFloat32, Shape{2, 0});
  Node* node = graph.create("ArgMax", {x, graph.constant(Tensor::scalar_i32(1))});
  EvalContext context{
      *node, {Tensor::zeros(DType::kFloat32, {2, 0}), Tensor::scalar_i32(1)}, {}, nullptr};
  EXPECT_FALSE(find_op("ArgMax")->evaluate(context).ok());
}

}  // namespace
}  // namespace pumice
