#include "ops/carrier.h"

#include <gtest/gtest.h>

namespace pumice {
namespace {

TEST(Carrier, HoldsEveryValue) {
  Graph graph;
  Node* node = graph.create("Op", {});
  auto carrier = [&](DType dtype, Carriage how) {
    auto found = carrier_of(*node, dtype, {DType::kFloat32, DType::kInt32, DType::kInt64}, how);
    return found.ok() ? *found : DType::kInvalid;
  };
  EXPECT_EQ(carrier(DType::kFloat32, Carriage::kCounts), DType::kFloat32);
  EXPECT_EQ(carrier(DType::kFloat16, Carriage::kCounts), DType::kFloat32);
  EXPECT_EQ(carrier(DType::kUInt8, Carriage::kCounts), DType::kInt32);
  EXPECT_EQ(carrier(DType::kUInt32, Carriage::kCounts), DType::kInt64);
  // Bits can be moved under any dtype; arithmetic on them would be wrong.
  EXPECT_EQ(carrier(DType::kFloat64, Carriage::kMoves), DType::kInt64);
  EXPECT_EQ(carrier(DType::kFloat64, Carriage::kCounts), DType::kInvalid);
  EXPECT_EQ(carrier(DType::kString, Carriage::kMoves), DType::kInvalid);
}

TEST(Carrier, OneMinusOneIsNoDivisionByZero) {
  EXPECT_TRUE(one_minus_one(Shape{Dim(), 3}));
  EXPECT_FALSE(one_minus_one(Shape{Dim(), 0}));
  EXPECT_FALSE(one_minus_one(Shape{Dim(), Dim::symbol(0)}));
  EXPECT_FALSE(one_minus_one(Shape::unknown()));
  EXPECT_TRUE(one_minus_one(Shape{0, 2}));
}

}  // namespace
}  // namespace pumice
