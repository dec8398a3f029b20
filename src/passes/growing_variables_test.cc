#include "passes/rewrite_test.h"

namespace pumice {
namespace {

class GrowingVariablesTest : public RewriteTest {
 protected:
  /// A loop over one variable; the body gives RELU of it.
  Graph* loop(const Shape& before, const Shape& after) {
    Graph* body = model.add_graph("body");
    Value* variable = body->add_input("a", DType::kFloat32, after);
    Node* relu = body->create("RELU", {variable});
    relu->result()->dtype = DType::kFloat32;
    relu->result()->shape = after;
    body->add_output(relu->result());
    Node* node = graph.create("WHILE", {input(before)});
    node->attributes.set("body", FunctionRef{"body", nullptr});
    node->result()->dtype = DType::kFloat32;
    node->result()->shape = after;
    output(node->result());
    return body;
  }
};

TEST_F(GrowingVariablesTest, WhatMayStartEmptyHidesItsSizes) {
  Graph* body = loop({0, 3}, {Dim(), 3});
  EXPECT_EQ(run(growing_variables), 1u);
  const Node* reshape = body->output(0)->node();
  ASSERT_TRUE(reshape->is("RESHAPE"));
  ASSERT_TRUE(reshape->operand(1)->node()->is("ADD"));
  EXPECT_TRUE(reshape->operand(1)->node()->operand(0)->node()->is("SHAPE"));
  EXPECT_EQ(run(growing_variables), 0u);  // a body may be two loops'
}

TEST_F(GrowingVariablesTest, AnUnknownNumberMayBeNone) {
  loop({Dim(), 3}, {Dim(), 3});
  EXPECT_EQ(run(growing_variables), 1u);
}

TEST_F(GrowingVariablesTest, OthersStay) {
  loop({2, 3}, {Dim(), 3});
  EXPECT_EQ(run(growing_variables), 0u);
}

TEST_F(GrowingVariablesTest, SizesThatStayStay) {
  loop({batch, 0}, {batch, 0});
  EXPECT_EQ(run(growing_variables), 0u);
}

}  // namespace
}  // namespace pumice
