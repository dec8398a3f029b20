#include "runtime/compare.h"

#include <cmath>
#include <limits>
#include <set>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace pumice {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

Tensor f32(const std::vector<float>& v) {
  return Tensor::of<float>(DType::kFloat32, {static_cast<int64_t>(v.size())}, v);
}

OutputComparison one(const Tensor& a, const Tensor& b, double tolerance = 1e-4) {
  return compare_outputs({{"o", a}}, {{"o", b}}, tolerance).outputs.at(0);
}

TEST(Compare, FloatsAgainstTheLargestMagnitude) {
  EXPECT_EQ(one(f32({1, 2}), f32({1, 2})).verdict, Verdict::kEqual);
  OutputComparison c = one(f32({0.001f, -100}), f32({0.006f, -100}));
  EXPECT_EQ(c.verdict, Verdict::kClose);
  EXPECT_NEAR(c.largest_absolute, 0.005, 1e-6);
  EXPECT_NEAR(c.largest_relative, 0.00005, 1e-8);
  EXPECT_EQ(c.worst, 0);
  EXPECT_EQ(one(f32({0.001f, 1}), f32({0.006f, 1})).verdict, Verdict::kDifferent);
  EXPECT_EQ(one(f32({0, 0}), f32({0, 1e-5f})).verdict, Verdict::kClose);
  EXPECT_EQ(one(f32({0, 0}), f32({0, 1})).verdict, Verdict::kDifferent);
  EXPECT_EQ(one(f32({}), f32({})).verdict, Verdict::kEqual);
}

TEST(Compare, WhatIsNotFiniteMustBeAtTheSamePlaces) {
  EXPECT_EQ(one(f32({kNan, kInf, 1}), f32({kNan, kInf, 1})).verdict, Verdict::kEqual);
  EXPECT_EQ(one(f32({1, kNan}), f32({kNan, 1})).verdict, Verdict::kNotFinite);
  EXPECT_EQ(one(f32({kInf}), f32({-kInf})).verdict, Verdict::kNotFinite);
  EXPECT_EQ(one(f32({3, 1}), f32({3, kInf})).verdict, Verdict::kNotFinite);
  EXPECT_EQ(one(f32({3, 1}), f32({3, kInf})).worst, 1);
}

TEST(Compare, IntegersAndBoolsExactly) {
  auto i64 = [](int64_t v) { return Tensor::scalar_i64(v); };
  EXPECT_EQ(one(i64(7), i64(7)).verdict, Verdict::kEqual);
  EXPECT_EQ(one(i64(1000000), i64(1000001)).verdict, Verdict::kDifferent);
  EXPECT_EQ(one(i64((int64_t{1} << 62) + 1), i64(int64_t{1} << 62)).verdict, Verdict::kDifferent);
  Tensor yes = Tensor::of<uint8_t>(DType::kBool, {1}, {1});
  Tensor no = Tensor::of<uint8_t>(DType::kBool, {1}, {0});
  EXPECT_EQ(one(yes, no).verdict, Verdict::kDifferent);
  EXPECT_EQ(one(Tensor::of_strings({1}, {"a"}), Tensor::of_strings({1}, {"b"})).verdict,
            Verdict::kDifferent);
}

TEST(Compare, NamesDtypesAndShapes) {
  Comparison c =
      compare_outputs({{"b", f32({1})}, {"gone", f32({1})}, {"a", f32({1, 2})}},
                      {{"new", f32({1})}, {"a", f32({1})}, {"b", Tensor::scalar_i32(1)}}, 1);
  ASSERT_EQ(c.outputs.size(), 4u);
  EXPECT_FALSE(c.ok());
  EXPECT_EQ(c.outputs[0].verdict, Verdict::kDtype);
  EXPECT_EQ(c.outputs[1].verdict, Verdict::kMissing);
  EXPECT_EQ(c.outputs[2].verdict, Verdict::kShape);
  EXPECT_EQ(c.outputs[3].verdict, Verdict::kExtra);
}

TEST(Compare, TableAndJson) {
  Comparison c = compare_outputs({{"scores", f32({1, 2})}, {"n", Tensor::scalar_i32(1)}},
                                 {{"scores", f32({1, 2.5f})}, {"n", Tensor::scalar_i32(1)}}, 1e-4);
  EXPECT_EQ(to_table(c),
            "output  shape  dtype    largest abs diff  largest rel diff  verdict\n"
            "scores  [2]    float32               0.5              0.25  DIFFERENT\n"
            "n       []     int32                   0                 0  equal\n");
  nlohmann::json j = to_json(c);
  EXPECT_EQ(j["ok"], false);
  EXPECT_EQ(j["outputs"][0]["verdict"], "different");
  EXPECT_EQ(j["outputs"][0]["largest_relative_difference"], 0.25);
  EXPECT_EQ(j["outputs"][1]["ok"], true);
}

TEST(GenerateInputs, DependOnSeedAndNameAlone) {
  SignatureTensor image{"image", DType::kUInt8, Shape({Dim(), 8, 8, 3})};
  SignatureTensor x{"x", DType::kFloat32, Shape({100})};
  SignatureTensor index{"i", DType::kInt32, Shape({100})};
  InputOptions options;
  options.unknown_size = 3;
  Result<std::vector<NamedTensor>> a = generate_inputs({image, x, index}, options);
  Result<std::vector<NamedTensor>> b = generate_inputs({x, image}, options);
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_EQ((*a)[0].tensor.dims(), (Dims{3, 8, 8, 3}));
  EXPECT_EQ((*a)[0].tensor.integers(), (*b)[1].tensor.integers());
  std::set<float> distinct;
  for (float v : (*a)[1].tensor.values<float>()) {
    EXPECT_LE(std::fabs(v), 1.0f);
    distinct.insert(v);
  }
  EXPECT_GT(distinct.size(), 90u);
  for (int64_t v : (*a)[2].tensor.integers()) EXPECT_TRUE(v >= 0 && v < 8);
  options.seed = 1;
  EXPECT_NE((*a)[0].tensor.integers(), (*generate_inputs({image}, options))[0].tensor.integers());
}

TEST(GenerateInputs, WhatCannotBeMadeUp) {
  auto code = [](DType d, Shape s) {
    return generate_inputs({{"t", d, std::move(s)}}).error().code();
  };
  EXPECT_EQ(code(DType::kFloat32, Shape()), ErrorCode::kUsage);
  EXPECT_EQ(code(DType::kString, Shape({1})), ErrorCode::kUnsupported);
  EXPECT_EQ(code(DType::kFloat32, Shape({1 << 20, 1 << 20})), ErrorCode::kTooLarge);
}

}  // namespace
}  // namespace pumice
