#include "detection/anchors.h"

#include <fstream>
#include <limits>

#include <gtest/gtest.h>

#include "formats/npz/npz.h"

namespace pumice {
namespace {

std::string path_of(const std::string& name) {
  return testing::TempDir() + "/pumice_anchors_" + name;
}

Result<Tensor> from_text(const std::string& text, std::optional<int64_t> count = std::nullopt) {
  const std::string path = path_of("a.csv");
  std::ofstream(path, std::ios::binary) << text;
  return read_anchors(path, count);
}

Tensor floats(Dims dims, const std::vector<float>& values) {
  return Tensor::of<float>(DType::kFloat32, std::move(dims), values);
}

std::string refusal(const Result<Tensor>& anchors) {
  EXPECT_FALSE(anchors.ok());
  if (anchors.ok()) return {};
  EXPECT_EQ(anchors.error().code(), ErrorCode::kMalformed);
  EXPECT_FALSE(anchors.error().file().empty());
  return anchors.error().text();
}

TEST(Anchors, TextInItsForms) {
  for (const char* text :
       {"0.5,0.25,0.1,0.2\n0.5,.5,1,1e-1\n", "# mine\r\n0.5 0.25\t0.1  0.2\r\n\r\n0.5;+.5;1;1e-1",
        "ycenter,xcenter,h,w\n0.5, 0.25, 0.1, 0.2\n0.5, 0.5, 1, 0.1\n"}) {
    auto anchors = from_text(text, 2);
    ASSERT_TRUE(anchors.ok()) << anchors.error().text();
    EXPECT_EQ(anchors->dims(), (Dims{2, 4}));
    EXPECT_EQ(anchors->values<float>(),
              (std::vector<float>{0.5f, 0.25f, 0.1f, 0.2f, 0.5f, 0.5f, 1, 0.1f}));
  }
}

TEST(Anchors, Arrays) {
  const Tensor anchors = floats({2, 4}, {0, 0, 1, 1, 0.5f, 0.5f, 2, 2}), other = floats({1}, {7});
  const std::string path = path_of("a.npz");
  ASSERT_TRUE(write_npz(path, {{"any", anchors}}).ok());
  EXPECT_EQ(read_anchors(path)->values<float>(), anchors.values<float>());
  ASSERT_TRUE(write_npz(path, {{"other", other}, {"anchors", anchors}}).ok());
  EXPECT_EQ(read_anchors(path, 2)->values<float>(), anchors.values<float>());
  ASSERT_TRUE(write_npz(path, {{"a", anchors}, {"b", anchors}}).ok());
  EXPECT_NE(refusal(read_anchors(path)).find("one array, or one named 'anchors'"),
            std::string::npos);

  const std::string npy = path_of("a.npy");
  const std::vector<double> wide = {0, 0, 1, 1};
  std::ofstream(npy, std::ios::binary)
      << *npy_header(DType::kFloat64, {1, 4})
      << std::string(reinterpret_cast<const char*>(wide.data()), 32);
  auto read = read_anchors(npy);
  ASSERT_TRUE(read.ok()) << read.error().text();
  EXPECT_EQ(read->values<float>(), (std::vector<float>{0, 0, 1, 1}));
  ASSERT_TRUE(
      write_npz(path, {{"a", Tensor::of<int32_t>(DType::kInt32, {1, 4}, {0, 0, 1, 1})}}).ok());
  EXPECT_NE(refusal(read_anchors(path)).find("found int32 [1,4]"), std::string::npos);
  ASSERT_TRUE(write_npz(path, {{"a", floats({4, 2}, {0, 0, 1, 1, 1, 1, 1, 1})}}).ok());
  EXPECT_NE(refusal(read_anchors(path)).find("[N,4]"), std::string::npos);
}

TEST(Anchors, WhatIsNoAnchor) {
  EXPECT_NE(refusal(from_text("0,0,1,1\n0,0,1\n")).find("line 2"), std::string::npos);
  EXPECT_NE(refusal(from_text("xmin,ymin,xmax,ymax\n0,0,1,1\n")).find("line 1"), std::string::npos);
  EXPECT_NE(refusal(from_text("0,0,1,1\n0,nan,1,1\n")).find("number 1"), std::string::npos);
  EXPECT_NE(refusal(from_text("0,0,inf,1\n")).find("positive"), std::string::npos);
  EXPECT_NE(refusal(from_text("0.5,0.5,-0.1,0.2\n")).find("two corners"), std::string::npos);
  EXPECT_NE(refusal(from_text("")).find("[0,4]"), std::string::npos);
  EXPECT_NE(refusal(from_text("0,0,1,1\n", 1917)).find("expected 1917"), std::string::npos);
  EXPECT_EQ(read_anchors(path_of("missing")).error().code(), ErrorCode::kNotFound);
  EXPECT_FALSE(from_text(std::string("\x93NUMPY\x01\x00", 8)).ok());
  EXPECT_FALSE(from_text(std::string("PK\x03\x04", 4)).ok());
}

}  // namespace
}  // namespace pumice
