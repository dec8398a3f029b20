#include "detection/align_detections.h"

#include <gtest/gtest.h>

namespace pumice {
namespace {

Tensor floats(Dims dims, const std::vector<float>& values) {
  return Tensor::of(DType::kFloat32, std::move(dims), values);
}

std::vector<NamedTensor> found(const std::vector<float>& boxes, const std::vector<float>& classes,
                               const std::vector<float>& scores, float count) {
  const auto m = static_cast<int64_t>(scores.size());
  return {{"b", floats({1, m, 4}, boxes)},
          {"c", floats({1, m}, classes)},
          {"s", floats({1, m}, scores)},
          {"n", floats({1}, {count})}};
}

RecognizedTail tail() {
  RecognizedTail tail;
  tail.outputs = {1, 0, 2, 3};
  tail.finish.label_offset = 1;
  tail.finish.scale = {100, 200};
  tail.parameters.nms_score_threshold = 0.1f;
  return tail;
}

TEST(AlignDetections, BoxesClassesAndPaddingAreTheOperators) {
  const std::vector<Tensor> graph = {floats({3}, {2, 0.999f, 7}),
                                     floats({3, 4}, {10, 20, 30, 40, 50, 60, 70, 80, 1, 1, 1, 1}),
                                     floats({3}, {0.9f, 0.5f, 0}), Tensor::scalar_i32(2)};
  const auto both =
      align_detections(tail(), graph,
                       found({0.1f, 0.1f, 0.3f, 0.2f, 0.5f, 0.3f, 0.7f, 0.4f, 9, 9, 9, 9},
                             {1, 0, 5}, {0.9f, 0.5f, 0}, 2));
  ASSERT_TRUE(both.ok()) << both.error().text();
  EXPECT_EQ(both->graph[1].tensor.values<float>(), (std::vector<float>{1, 0, 0}));
  EXPECT_EQ(both->op[1].tensor.values<float>(), (std::vector<float>{1, 0, 0}));
  for (int64_t i = 0; i < 12; ++i)
    EXPECT_FLOAT_EQ(both->graph[0].tensor.at<float>(i), both->op[0].tensor.at<float>(i));
  EXPECT_EQ(both->graph[3].tensor.at<float>(0), 2);
  EXPECT_EQ(both->op[3].tensor.at<float>(0), 2);
}

TEST(AlignDetections, EqualScoresAreToldByTheirBoxes) {
  RecognizedTail t = tail();
  t.finish = {};
  t.outputs = {1, 0, 2};
  const std::vector<Tensor> graph = {floats({3}, {0, 1, 2}),
                                     floats({3, 4}, {0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5}),
                                     floats({3}, {0.5f, 0.5f, 0.4f})};
  const auto both = align_detections(
      t, graph, found({2, 2, 3, 3, 0, 0, 1, 1, 4, 4, 5, 5}, {1, 0, 2}, {0.50001f, 0.5f, 0.4f}, 3));
  ASSERT_TRUE(both.ok());
  EXPECT_EQ(both->op[1].tensor.values<float>(), (std::vector<float>{0, 1, 2}));
}

TEST(AlignDetections, WhatOneSideLacksShows) {
  RecognizedTail t = tail();
  t.finish = {};
  t.outputs = {1, 0, 2};
  const std::vector<Tensor> graph = {floats({2}, {0, 1}), floats({2, 4}, {0, 0, 1, 1, 2, 2, 3, 3}),
                                     floats({2}, {0.5f, 0.4f})};
  const auto both =
      align_detections(t, graph, found({0, 0, 1, 1, 0, 0, 0, 0}, {0, 0}, {0.5f, 0}, 1));
  ASSERT_TRUE(both.ok());
  EXPECT_EQ(both->graph[2].tensor.values<float>(), (std::vector<float>{0.5f, 0.4f}));
  EXPECT_EQ(both->op[2].tensor.values<float>(), (std::vector<float>{0.5f, 0}));
  EXPECT_EQ(both->graph[3].tensor.at<float>(0), 2);
  EXPECT_EQ(both->op[3].tensor.at<float>(0), 1);
}

TEST(AlignDetections, BoxesWithoutAreaDoNotCount) {
  RecognizedTail t = tail();
  t.finish = {.clipped = true, .filled = true};
  t.outputs = {1, 0, 2};
  const std::vector<Tensor> graph = {floats({2}, {0, 1}), floats({2, 4}, {0, 0, 1, 1, 2, 2, 3, 3}),
                                     floats({2}, {0.5f, 0.4f})};
  // Two places: the second one went to a box without area.
  const auto both =
      align_detections(t, graph, found({0, 0, 1, 1, 1, 0, 1, 0}, {0, 1}, {0.5f, 0}, 2));
  ASSERT_TRUE(both.ok());
  EXPECT_EQ(both->graph[2].tensor.values<float>(), (std::vector<float>{0.5f, 0}));
  EXPECT_EQ(both->op[3].tensor.at<float>(0), 1);
  EXPECT_EQ(both->graph[3].tensor.at<float>(0), 1);
}

TEST(AlignDetections, OtherShapesAreRefused) {
  const std::vector<Tensor> graph = {floats({2}, {0, 1}), floats({1, 4}, {0, 0, 1, 1}),
                                     floats({2}, {0.5f, 0.4f}), floats({1}, {1})};
  EXPECT_FALSE(align_detections(tail(), graph, found({0, 0, 1, 1}, {0}, {0.5f}, 1)).ok());
}

}  // namespace
}  // namespace pumice
