#include "detection/feed.h"

#include <gtest/gtest.h>

namespace pumice {
namespace {

Picture picture() { return {2, 1, {0, 128, 255, 10, 20, 30}}; }

SignatureTensor input(DType dtype, Shape shape = Shape{1, 1, 2, 3}) { return {"x", dtype, shape}; }

const Normalization kHalf{{127.5f}, {127.5f}};

TEST(Feed, FloatsAreNormalized) {
  const auto feed = make_feed(input(DType::kFloat32), nullptr, picture(), kHalf, {});
  ASSERT_TRUE(feed.ok());
  const auto values = feed->tensor.tensor.values<float>();
  EXPECT_FLOAT_EQ(values[0], -1);
  EXPECT_FLOAT_EQ(values[2], 1);
  EXPECT_TRUE(feed->warnings.empty());
  const Normalization channels{{0, 1, 2}, {1, 2, 4}};
  const auto each = make_feed(input(DType::kFloat32), nullptr, picture(), kHalf, channels);
  ASSERT_TRUE(each.ok());
  EXPECT_EQ(each->tensor.tensor.values<float>(),
            (std::vector<float>{0, 63.5f, 63.25f, 10, 9.5f, 7}));
  EXPECT_EQ(make_feed(input(DType::kFloat32), nullptr, picture(), {}, {})->warnings.size(), 1u);
}

TEST(Feed, BytesAreFedAsTheyAre) {
  const auto plain = make_feed(input(DType::kUInt8), nullptr, picture(), kHalf, {});
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain->tensor.tensor.values<uint8_t>(), picture().rgb);
  EXPECT_TRUE(plain->warnings.empty());
  EXPECT_EQ(make_feed(input(DType::kUInt8), nullptr, picture(), {}, kHalf)->warnings.size(), 1u);
  const auto flipped = make_feed(input(DType::kInt8), nullptr, picture(), {}, {});
  EXPECT_EQ(flipped->tensor.tensor.values<int8_t>()[0], -128);
  EXPECT_EQ(flipped->tensor.tensor.values<int8_t>()[2], 127);
}

TEST(Feed, ScaleAndZeroPointAreUsed) {
  const Quantization q{{1 / 64.0f}, {-1}, 0};
  const auto feed = make_feed(input(DType::kInt8), &q, picture(), kHalf, {});
  ASSERT_TRUE(feed.ok());
  const auto values = feed->tensor.tensor.values<int8_t>();
  EXPECT_EQ(values[0], -65);  // -1 * 64 - 1
  EXPECT_EQ(values[2], 63);
  const Quantization wide{{1 / 1024.0f}, {0}, 0};
  EXPECT_EQ(make_feed(input(DType::kInt8), &wide, picture(), kHalf, {})
                ->tensor.tensor.values<int8_t>()[2],
            127);
}

TEST(Feed, OpenSizesTakeThePictures) {
  const auto feed =
      make_feed(input(DType::kUInt8, Shape{Dim(), Dim(), Dim(), 3}), nullptr, picture(), {}, {});
  ASSERT_TRUE(feed.ok());
  EXPECT_EQ(feed->tensor.tensor.dims(), (Dims{1, 1, 2, 3}));
  const auto grey = make_feed(input(DType::kUInt8, Shape{1, 1, 2, 1}), nullptr, picture(), {}, {});
  ASSERT_TRUE(grey.ok());
  EXPECT_EQ(grey->tensor.tensor.values<uint8_t>(), (std::vector<uint8_t>{104, 18}));
}

TEST(Feed, WhatIsNoPictureIsRefused) {
  for (const SignatureTensor& bad :
       {input(DType::kInt32), input(DType::kUInt8, Shape{2, 1, 2, 3}),
        input(DType::kUInt8, Shape{1, 3, 8, 8}), input(DType::kFloat32, Shape{1, 8}),
        input(DType::kUInt8, Shape::unknown()),
        input(DType::kUInt8, Shape{1, 1 << 20, 1 << 20, 3})})
    EXPECT_EQ(make_feed(bad, nullptr, picture(), {}, {}).error().code(), ErrorCode::kUnsupported);
  const Normalization two{{1, 2}, {1, 2}};
  EXPECT_EQ(make_feed(input(DType::kFloat32), nullptr, picture(), {}, two).error().code(),
            ErrorCode::kUsage);
}

}  // namespace
}  // namespace pumice
