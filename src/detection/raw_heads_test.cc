#include "detection/raw_heads.h"

#include <gtest/gtest.h>

namespace pumice {
namespace {

HeadShape head(const char* name, Shape shape) { return {name, DType::kFloat32, std::move(shape)}; }

TEST(RawHeads, AreToldByTheirShapes) {
  const auto heads =
      find_heads({head("s", {1, 9, 3}), head("n", {1}), head("b", {1, 9, 1, 4})}, {});
  ASSERT_TRUE(heads.ok()) << heads.error().text();
  EXPECT_EQ(heads->boxes, 2u);
  EXPECT_EQ(heads->scores, 0u);
}

TEST(RawHeads, ThatCanBeToldInTwoWaysAreNamed) {
  const std::vector<HeadShape> outputs = {head("a", {1, 9, 4}), head("b", {1, 9, 4})};
  EXPECT_EQ(find_heads(outputs, {}).error().code(), ErrorCode::kUnsupported);
  const auto heads = find_heads(outputs, {"b", "a"});
  ASSERT_TRUE(heads.ok());
  EXPECT_EQ(heads->boxes, 1u);
  EXPECT_EQ(find_heads(outputs, {"b", "c"}).error().code(), ErrorCode::kUsage);
  EXPECT_EQ(find_heads({head("a", {1, 9, 4}), head("b", {1, 8, 3})}, {}).error().code(),
            ErrorCode::kUnsupported);
}

NamedTensor numbers(const char* name, Dims dims, const std::vector<float>& values) {
  return {name, Tensor::of(DType::kFloat32, std::move(dims), values)};
}

TEST(RawHeads, BecomeDetections) {
  // Two anchors at one place and one elsewhere; columns: background, cat, dog.
  const NamedTensor boxes = numbers("b", {1, 3, 4}, std::vector<float>(12, 0));
  const Tensor anchors = Tensor::of<float>(
      DType::kFloat32, {3, 4}, {.5f, .5f, .4f, .2f, .5f, .5f, .4f, .2f, .2f, .2f, .2f, .2f});
  const NamedTensor scores =
      numbers("s", {1, 3, 3}, {.1f, .9f, .6f, .1f, .8f, .7f, .9f, .05f, .3f});
  HeadOptions options;
  const auto found = detect_by_heads(boxes, scores, anchors, options, 0.25f);
  ASSERT_TRUE(found.ok()) << found.error().text();
  ASSERT_EQ(found->size(), 3u);
  EXPECT_EQ((*found)[0].label, 1);
  EXPECT_FLOAT_EQ((*found)[0].score, .9f);
  EXPECT_FLOAT_EQ((*found)[0].top, .3f);
  EXPECT_FLOAT_EQ((*found)[0].right, .6f);
  EXPECT_EQ((*found)[1].label, 2);
  EXPECT_FLOAT_EQ((*found)[1].score, .7f);
  EXPECT_FLOAT_EQ((*found)[2].score, .3f);
  options.background = false;
  EXPECT_EQ(detect_by_heads(boxes, scores, anchors, options, 0.25f)->at(0).label, 0);
  options.most = 1;
  EXPECT_EQ(detect_by_heads(boxes, scores, anchors, options, 0.25f)->size(), 1u);
}

TEST(RawHeads, RefuseWhatDoesNotFit) {
  const NamedTensor boxes = numbers("b", {1, 1, 4}, {0, 0, 0, 0});
  const NamedTensor logits = numbers("s", {1, 1, 2}, {-3, 3});
  const Tensor one = Tensor::of<float>(DType::kFloat32, {1, 4}, {.5f, .5f, 1, 1});
  HeadOptions options;
  const auto raw = detect_by_heads(boxes, logits, one, options, 0.5f);
  ASSERT_FALSE(raw.ok());  // no scores yet
  EXPECT_EQ(raw.error().code(), ErrorCode::kUsage);
  options.scores = HeadOptions::Scores::kSigmoid;
  EXPECT_NEAR(detect_by_heads(boxes, logits, one, options, 0.5f)->at(0).score, 0.952574, 1e-6);
  options.scores = HeadOptions::Scores::kSoftmax;
  EXPECT_NEAR(detect_by_heads(boxes, logits, one, options, 0.5f)->at(0).score, 0.997527, 1e-6);
  const Tensor two = Tensor::of<float>(DType::kFloat32, {2, 4}, {0, 0, 1, 1, 0, 0, 1, 1});
  EXPECT_EQ(detect_by_heads(boxes, logits, two, options, 0.5f).error().code(), ErrorCode::kUsage);
}

}  // namespace
}  // namespace pumice
