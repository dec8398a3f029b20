#include "ops/score_bound.h"

#include <gtest/gtest.h>

#include "graph/model.h"
#include "ops/infer.h"

namespace pumice {
namespace {

TEST(ScoreBoundTest, WorthForManyBoxesAndFewRows) {
  EXPECT_FALSE(is_worth_a_bound(4096, 10));
  EXPECT_TRUE(is_worth_a_bound(4097, 10));
  EXPECT_TRUE(is_worth_a_bound(12804, 100));
  EXPECT_FALSE(is_worth_a_bound(Dim(), 10));
  EXPECT_FALSE(is_worth_a_bound(12804, 0));
  EXPECT_FALSE(is_worth_a_bound(12804, -1));
  EXPECT_FALSE(is_worth_a_bound(12804, 1000));
  EXPECT_FALSE(is_worth_a_bound(12804, INT64_MAX));
}

TEST(ScoreBoundTest, GroupsAreResiduesByAPrime) {
  Model model;
  Graph& graph = *model.add_graph("main");
  Lowering make(graph, nullptr);
  Value* scores = graph.add_input("scores", DType::kFloat32, {12804});
  Value* bound = score_bound(make, scores, 100, make.scalar(DType::kFloat32, 0));
  EXPECT_EQ(bound->shape, Shape::scalar());
  int reductions = 0;
  for (Node& node : graph)
    if (node.is("REDUCE_MAX")) {
      ++reductions;
      EXPECT_EQ(node.operand(0)->shape, Shape({71, 179}));
    }
  EXPECT_EQ(reductions, 1);
}

}  // namespace
}  // namespace pumice
