#include <gtest/gtest.h>

#include "ops/op.h"

namespace pumice {
namespace {

/// A graph with one node of two int32 operands.
struct Pair {
  Graph graph;
  Node* node;

  Pair(const char* op, Tensor a, Tensor b)
      : node(graph.create(op, {graph.constant(a), graph.constant(b)})) {}
  Result<Tensor> evaluate() {
    EvalContext context{*node, {}, {}, nullptr};
    for (size_t i = 0; i < 2; ++i)
      context.inputs.push_back(constant_of(node->operand(i))->materialize());
    Status status = find_op(node->op)->evaluate(context);
    if (!status.ok()) return status.error();
    return context.outputs[0];
  }
};

/// What shape arithmetic finds for [symbol 7, 6, 4] and the given constant.
std::vector<Dim> partial_of(const char* op, std::vector<int32_t> constant) {
  Graph graph;
  Value* shape = graph.add_input("shape", DType::kInt32, Shape{3});
  shape->partial = {Dim::symbol(7), 6, 4};
  Node* node = graph.create(op, {shape, graph.constant(Tensor::vector_i32(constant))});
  EXPECT_TRUE(find_op(op)->infer(*node).ok());
  return node->result()->partial;
}

TEST(ElementwiseBinary, ShapeArithmeticKeepsSymbols) {
  const Dim batch = Dim::symbol(7), unknown;
  EXPECT_EQ(partial_of("Mul", {1, 2, 3}), (std::vector<Dim>{batch, 12, 12}));
  EXPECT_EQ(partial_of("AddV2", {0, 1, -1}), (std::vector<Dim>{batch, 7, 3}));
  EXPECT_EQ(partial_of("Sub", {0, 1, -1}), (std::vector<Dim>{batch, 5, 5}));
  EXPECT_EQ(partial_of("FloorDiv", {1, 4, 0}), (std::vector<Dim>{batch, 1, unknown}));
  EXPECT_EQ(partial_of("Maximum", {0, 9, -1}), (std::vector<Dim>{batch, 9, 4}));
  EXPECT_EQ(partial_of("Minimum", {0, 5, 5}), (std::vector<Dim>{0, 5, 4}));
  EXPECT_EQ(partial_of("Mul", {2}), (std::vector<Dim>{unknown, 12, 8}));
}

TEST(ElementwiseBinary, HostileOperandsAreErrors) {
  Pair zero("FloorDiv", Tensor::vector_i32(std::vector<int32_t>{1, 2}), Tensor::scalar_i32(0));
  EXPECT_EQ(zero.evaluate().error().code(), ErrorCode::kMalformed);
  Pair shapes("AddV2", Tensor::vector_i32(std::vector<int32_t>{1, 2}),
              Tensor::vector_i32(std::vector<int32_t>{1, 2, 3}));
  EXPECT_FALSE(shapes.evaluate().ok());
  EXPECT_FALSE(find_op("AddV2")->infer(*shapes.node).ok());
  Pair dtypes("AddV2", Tensor::scalar_i32(1), Tensor::scalar_f32(1));
  EXPECT_FALSE(dtypes.evaluate().ok());
  EXPECT_FALSE(find_op("AddV2")->infer(*dtypes.node).ok());
  Pair power("Pow", Tensor::scalar_i32(2), Tensor::scalar_i32(-1));
  EXPECT_FALSE(power.evaluate().ok());
}

TEST(ElementwiseBinary, EdgesOfIntegers) {
  auto run = [](const char* op, int32_t a, int32_t b) {
    return Pair(op, Tensor::scalar_i32(a), Tensor::scalar_i32(b)).evaluate().value().at<int32_t>(0);
  };
  EXPECT_EQ(run("TruncateDiv", INT32_MIN, -1), INT32_MIN);
  EXPECT_EQ(run("FloorMod", INT32_MIN, -1), 0);
  EXPECT_EQ(run("FloorDiv", -7, 2), -4);
  EXPECT_EQ(run("Mul", INT32_MAX, 2), -2);
  EXPECT_EQ(run("LeftShift", 1, 100), INT32_MIN);
  EXPECT_EQ(run("RightShift", -8, -3), -8);
}

}  // namespace
}  // namespace pumice
