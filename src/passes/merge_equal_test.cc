#include "passes/rewrite_test.h"

namespace pumice {
namespace {

using MergeEqualTest = RewriteTest;

TEST_F(MergeEqualTest, EqualNodesBecomeOne) {
  Value* x = input({batch, 3});
  output(add(relu(x), relu(x)));
  EXPECT_EQ(run(merge_equal), 1u);
  EXPECT_EQ(ops(), "RELU ADD");
  EXPECT_EQ(maker().operand(0), maker().operand(1));
}

TEST_F(MergeEqualTest, ConstantsByContents) {
  Value* x = input({batch, 3});
  output(add(mul(x, floats({3}, 1)), floats({3}, 1)));
  EXPECT_EQ(run(merge_equal), 1u);
  EXPECT_EQ(maker().operand(1), maker().operand(0)->node()->operand(1));
}

TEST_F(MergeEqualTest, WhatDiffersStays) {
  Value* x = input({batch, 3});
  auto leaky = [&](float alpha) {
    return make.emit("LEAKY_RELU", {x}, {{"alpha", alpha}}, DType::kFloat32, x->shape);
  };
  output(add(leaky(0.1f), leaky(0.2f)));
  output(add(mul(x, floats({3}, 1)), floats({1, 3}, 1)));
  EXPECT_EQ(run(merge_equal), 0u);
}

TEST_F(MergeEqualTest, AttributesOfEveryKind) {
  Value* x = input({batch, 3});
  const auto twice = [&](const char* op, std::vector<Attributes::Entry> attributes) {
    for (int i = 0; i < 2; ++i) {
      Value* y = make.emit(op, {x}, {}, DType::kFloat32, x->shape);
      y->node()->attributes = Attributes(attributes);
      output(y);
    }
  };
  twice("LEAKY_RELU", {{"alpha", 0.1f}});
  twice("MEAN", {{"keep_dims", true}});
  twice("CAST", {{"in", DType::kFloat32}, {"shape", Shape{batch, 3}}});
  twice("RESHAPE", {{"new_shape", std::vector<int64_t>{-1, 3}}});
  twice("GELU", {{"kind", std::string("erf")}, {"factors", std::vector<float>{1, 2}}});
  EXPECT_EQ(run(merge_equal), 5u);
}

TEST_F(MergeEqualTest, RandomNumbersAndStateStay) {
  Value* shape = make.constant_i32({3});
  for (int i = 0; i < 2; ++i)
    output(make.emit("RANDOM_UNIFORM", {shape}, {}, DType::kFloat32, {3}));
  EXPECT_EQ(run(merge_equal), 0u);
}

TEST_F(MergeEqualTest, OutputsKeepTheirNames) {
  Value* x = input({batch, 3});
  output(relu(x));
  output(relu(x));
  graph.output(0)->name = "a";
  graph.output(1)->name = "b";
  EXPECT_EQ(run(merge_equal), 0u);
}

}  // namespace
}  // namespace pumice
