#include "import/guards.h"

#include <gtest/gtest.h>

namespace pumice {
namespace {

struct GuardsTest : testing::Test {
  Graph graph;
  Value* x = graph.add_input("x", DType::kFloat32, Shape::scalar());
  Value* p = graph.add_input("p", DType::kBool, Shape::scalar());
  Value* q = graph.add_input("q", DType::kBool, Shape::scalar());
  Guards guards{{}};

  Value* node(const char* op, std::initializer_list<Value*> operands) {
    return graph.create(op, operands)->result();
  }
  /// The value behind a Switch, on one side.
  Value* side(Value* data, Value* predicate, bool taken) {
    return graph.create("Switch", {data, predicate}, 2)->result(taken ? 1 : 0);
  }
  Node& merge(std::initializer_list<Value*> operands) {
    return *graph.create("Merge", operands, 2);
  }
};

TEST_F(GuardsTest, TwoSidesMeet) {
  Node& m = merge({node("Neg", {side(x, p, false)}), node("Abs", {side(x, p, true)})});
  auto choice = guards.choice(m);
  ASSERT_TRUE(choice.ok());
  EXPECT_EQ((*choice)->predicate, p);
  EXPECT_EQ((*choice)->yes->operand, 1u);
  EXPECT_EQ((*choice)->no->operand, 0u);
  EXPECT_EQ(guards.depth(m), 0u);
}

TEST_F(GuardsTest, AConstantKnowsItsBranchByItsControlInput) {
  Value *off = node("Const", {}), *on = node("Const", {});
  off->node()->control_inputs = {node("Identity", {side(p, p, false)})->node()};
  on->node()->control_inputs = {node("Identity", {side(p, p, true)})->node()};
  auto choice = guards.choice(merge({on, off}));
  ASSERT_TRUE(choice.ok());
  EXPECT_EQ((*choice)->yes->operand, 0u);
  EXPECT_EQ(guards.depth(*on), 1u);
}

TEST_F(GuardsTest, APredicateIsTheSameBehindASwitch) {
  Value* inner = side(side(x, p, true), node("Identity", {side(p, p, true)}), true);
  EXPECT_EQ(guards.depth(*inner), 1u);
  EXPECT_TRUE(guards.is_dead(*side(side(x, p, true), p, false)));
}

TEST_F(GuardsTest, FourAlternativesByTwoPredicates) {
  Value *off = side(x, p, false), *on = side(x, p, true);
  auto choice = guards.choice(
      merge({side(off, q, false), side(off, q, true), side(on, q, true), side(on, q, false)}));
  ASSERT_TRUE(choice.ok());
  EXPECT_EQ((*choice)->yes->yes->operand, 2u);
  EXPECT_EQ((*choice)->no->no->operand, 0u);
}

TEST_F(GuardsTest, AConstantPredicateLeavesOneSide) {
  Value* yes = graph.constant(Tensor::of<uint8_t>(DType::kBool, {}, {1}));
  Value* flag = node("PlaceholderWithDefault", {yes});
  Node& m = merge({side(x, node("LogicalNot", {flag}), true), side(x, flag, true)});
  auto choice = guards.choice(m);
  ASSERT_TRUE(choice.ok());
  EXPECT_EQ((*choice)->predicate, nullptr);
  EXPECT_EQ((*choice)->operand, 1u);
}

TEST_F(GuardsTest, WhatNothingTellsApartIsRefused) {
  EXPECT_FALSE(guards.choice(merge({x, node("Neg", {x})})).ok());
  EXPECT_FALSE(guards.choice(merge({side(x, p, true), side(x, q, false)})).ok());
  // p and not q is left open.
  EXPECT_FALSE(guards.choice(merge({side(x, p, false), side(side(x, p, true), q, true)})).ok());
}

TEST_F(GuardsTest, ALoopIsNoConditional) {
  Graph loop;
  Value* x0 = loop.add_input("x", DType::kFloat32, Shape::scalar());
  Value* enter = loop.create("Enter", {x0})->result();
  Node* m = loop.create("Merge", {enter, enter}, 2);
  Value* go = loop.create("LoopCond", {m->result()})->result();
  Node* change = loop.create("Switch", {m->result(), go}, 2);
  m->set_operand(1, loop.create("NextIteration", {change->result(1)})->result());
  EXPECT_FALSE(Guards::needed(loop));
  EXPECT_FALSE(Guards::needed(graph));
}

}  // namespace
}  // namespace pumice
