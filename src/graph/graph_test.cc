#include "graph/graph.h"

#include <gtest/gtest.h>

namespace pumice {
namespace {

TEST(GraphTest, UseListsFollowEveryChange) {
  Graph graph("g");
  Value* x = graph.add_input("x", DType::kFloat32, {Dim::symbol(0), 4});
  Value* c = graph.constant(Tensor::scalar_f32(2));
  Node* mul = graph.create("Mul", {x, c});
  Node* add = graph.create("AddV2", {mul->result(), x});
  graph.add_output(add->result());
  EXPECT_EQ(x->uses().size(), 2u);
  graph.replace_uses(x, c);
  EXPECT_TRUE(x->unused());
  EXPECT_EQ(c->uses().size(), 3u);
  add->remove_operand(0);
  EXPECT_TRUE(mul->result()->unused());
  EXPECT_EQ(add->operand(0), c);
  EXPECT_EQ(graph.erase_dead(), 1u);
  EXPECT_EQ(c->uses().size(), 1u);
  EXPECT_TRUE(verify_graph(graph).ok());
}

TEST(GraphTest, SortPutsOperandsFirstAndSeesCycles) {
  Graph graph("g");
  Value* x = graph.add_input("x", DType::kFloat32, Shape::scalar());
  Node* late = graph.create("Neg", {x});
  Node* early = graph.create("Abs", {late->result()}, 1, late);
  graph.add_output(early->result());
  EXPECT_FALSE(verify_graph(graph).ok());
  ASSERT_TRUE(graph.sort());
  EXPECT_TRUE(verify_graph(graph).ok());
  late->set_operand(0, early->result());
  EXPECT_FALSE(graph.sort());
}

TEST(ShapeTest, BroadcastKeepsSymbolsAndRefusesMismatch) {
  Dim batch = Dim::symbol(0);
  EXPECT_EQ(broadcast(Shape{batch, 1, 3}, Shape{5, 1}), (Shape{batch, 5, 3}));
  EXPECT_EQ(broadcast(Shape{batch}, Shape{batch}), (Shape{batch}));
  EXPECT_EQ(broadcast(Shape{2}, Shape{3}), std::nullopt);
  EXPECT_EQ(broadcast(Dim(), Dim(7)), Dim(7));
  EXPECT_FALSE(broadcast(Dim::symbol(1), Dim::symbol(2))->known());
}

TEST(ShapeTest, PaddingToASizeGivesThatSize) {
  Dim n = Dim::symbol(7);
  EXPECT_EQ(n + (Dim(100) - n), Dim(100));
  EXPECT_EQ((Dim(100) - n) + Dim(0) + n, Dim(100));
  EXPECT_FALSE((Dim::symbol(8) + (Dim(100) - n)).known());
  EXPECT_FALSE((Dim(100) - n).is_symbol());
  EXPECT_EQ(Dim(100) - (Dim(100) - n), n);
  EXPECT_EQ(to_string(Shape{Dim(100) - Dim::symbol(0)}), "[100-a]");
}

TEST(TensorTest, HalfConversionsRoundToNearestEven) {
  for (uint32_t h = 0; h < 0x10000; ++h) {
    float f = half_to_float(static_cast<uint16_t>(h));
    if (f != f) continue;
    EXPECT_EQ(float_to_half(f), h);
  }
  EXPECT_EQ(float_to_half(1.0f + 1.0f / 2048), 0x3c00);
  EXPECT_EQ(float_to_half(1.0f + 3.0f / 2048), 0x3c02);
}

TEST(ConstantTest, TransformsApplyInOrder) {
  Constant c(Tensor::of<float>(DType::kFloat32, {2, 3}, {0, 1, 2, 3, 4, 5}));
  auto factors = std::make_shared<std::vector<float>>(std::vector<float>{1, 10, 100});
  Constant t = c.then(ScaleAxis{1, factors}).then(Permute{{1, 0}});
  EXPECT_EQ(t.dims(), (Dims{3, 2}));
  EXPECT_EQ(t.materialize().values<float>(), (std::vector<float>{0, 3, 10, 40, 200, 500}));
  std::vector<float> streamed;
  ASSERT_TRUE(t.stream([&](std::span<const std::byte> block) -> Status {
                 const auto* f = reinterpret_cast<const float*>(block.data());
                 streamed.insert(streamed.end(), f, f + block.size() / 4);
                 return {};
               }).ok());
  EXPECT_EQ(streamed, t.materialize().values<float>());
}

}  // namespace
}  // namespace pumice
