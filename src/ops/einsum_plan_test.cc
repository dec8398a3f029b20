#include <optional>

#include <gtest/gtest.h>

#include "ops/einsum.h"

namespace pumice {
namespace {

Result<std::optional<EinsumPlan>> plan(const std::string& equation, std::vector<int> ranks) {
  Graph graph;
  Node* node = graph.create("Einsum", {});
  node->attributes.set("equation", equation);
  return plan_einsum(*node, ranks);
}

TEST(EinsumPlan, SortsLabelsByWhereTheyStand) {
  auto p = plan("abc,acd->abd", {3, 3});
  ASSERT_TRUE(p.ok());
  EXPECT_EQ(p.value()->batch, std::vector<int>{'a'});
  EXPECT_EQ(p.value()->free[0], std::vector<int>{'b'});
  EXPECT_EQ(p.value()->free[1], std::vector<int>{'d'});
  EXPECT_EQ(p.value()->contracted, std::vector<int>{'c'});
}

TEST(EinsumPlan, EllipsisCountsFromTheRight) {
  auto p = plan("...ab,...bc->...ac", {4, 3});
  ASSERT_TRUE(p.ok());
  int dots = EinsumPlan::kEllipsis;
  EXPECT_EQ(p.value()->operands[0], (std::vector<int>{dots + 1, dots, 'a', 'b'}));
  EXPECT_EQ(p.value()->operands[1], (std::vector<int>{dots, 'b', 'c'}));
  EXPECT_EQ(p.value()->batch, std::vector<int>{dots});
  EXPECT_EQ(p.value()->free[0], (std::vector<int>{dots + 1, 'a'}));
}

TEST(EinsumPlan, UnknownRankWithAnEllipsisIsNoError) {
  auto p = plan("...a,ab->...b", {-1, 2});
  ASSERT_TRUE(p.ok());
  EXPECT_FALSE(p.value().has_value());
}

TEST(EinsumPlan, BadEquationsAreErrors) {
  EXPECT_EQ(plan("ab,bc", {2, 2}).error().code(), ErrorCode::kMalformed);
  EXPECT_EQ(plan("ab->c", {2}).error().code(), ErrorCode::kMalformed);
  EXPECT_EQ(plan("ab->a", {3}).error().code(), ErrorCode::kMalformed);
  EXPECT_EQ(plan("ab,b1->a", {2, 2}).error().code(), ErrorCode::kMalformed);
  EXPECT_EQ(plan("......->", {2}).error().code(), ErrorCode::kMalformed);
  EXPECT_EQ(plan("aa->a", {2}).error().code(), ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace pumice
