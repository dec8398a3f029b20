#include <random>

#include <gtest/gtest.h>

#include "graph/constant.h"

namespace pumice {
namespace {

/// A transposition one element after the other.
template <typename T>
Tensor permuted(const Tensor& in, const std::vector<int>& perm) {
  const std::vector<int64_t> strides = strides_of(in.dims());
  Dims dims;
  for (int p : perm) dims.push_back(in.dims()[static_cast<size_t>(p)]);
  std::vector<T> values;
  for (int64_t i = 0; i < in.elements(); ++i) {
    int64_t rest = i, from = 0;
    for (size_t d = dims.size(); d-- > 0; rest /= dims[d]) {
      from += rest % dims[d] * strides[static_cast<size_t>(perm[d])];
    }
    values.push_back(in.at<T>(from));
  }
  return Tensor::of<T>(in.dtype(), dims, values);
}

template <typename T>
Tensor counted(DType dtype, const Dims& dims) {
  std::vector<T> values(static_cast<size_t>(element_count(dims).value()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<T>(i);
  return Tensor::of<T>(dtype, dims, values);
}

std::string bytes_of(const Tensor& t) {
  return std::string(reinterpret_cast<const char*>(t.data()), t.bytes().size());
}

std::string streamed(const Constant& constant) {
  std::string bytes;
  EXPECT_TRUE(constant
                  .stream([&](std::span<const std::byte> block) -> Status {
                    bytes.append(reinterpret_cast<const char*>(block.data()), block.size());
                    return {};
                  })
                  .ok());
  return bytes;
}

template <typename T>
void check_permutations(DType dtype) {
  std::mt19937 random(7);
  const auto pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  for (int round = 0; round < 40; ++round) {
    const int rank = 1 + pick(5);
    Dims dims;
    std::vector<int> perm;
    for (int i = 0; i < rank; ++i) {
      dims.push_back(pick(8) == 0 ? 65 + pick(40) : 1 + pick(9));
      perm.insert(perm.begin() + pick(i + 1), i);
    }
    const Tensor source = counted<T>(dtype, dims);
    const Constant constant = Constant(source).then(Permute{perm});
    const std::string expected = bytes_of(permuted<T>(source, perm));
    ASSERT_EQ(streamed(constant), expected) << to_string(dims);
    ASSERT_EQ(bytes_of(constant.materialize()), expected) << to_string(dims);
  }
}

TEST(ConstantStream, PermutesElementsOfEverySize) {
  check_permutations<uint8_t>(DType::kUInt8);
  check_permutations<uint16_t>(DType::kUInt16);
  check_permutations<uint32_t>(DType::kUInt32);
  check_permutations<uint64_t>(DType::kUInt64);
}

TEST(ConstantStream, PermutesMoreThanABlock) {
  const Tensor source = counted<uint32_t>(DType::kUInt32, {3, 3, 300, 130});
  const Constant constant = Constant(source).then(Permute{{3, 0, 1, 2}});
  EXPECT_EQ(streamed(constant), bytes_of(permuted<uint32_t>(source, {3, 0, 1, 2})));
}

TEST(ConstantStream, ReshapesBetweenPermutations) {
  const Tensor source = counted<uint32_t>(DType::kUInt32, {4, 6, 10});
  const Constant constant =
      Constant(source).then(Permute{{1, 0, 2}}).then(Reshape{{3, 2, 40}}).then(Permute{{2, 0, 1}});
  const Tensor first = permuted<uint32_t>(source, {1, 0, 2}).reshaped({3, 2, 40});
  EXPECT_EQ(streamed(constant), bytes_of(permuted<uint32_t>(first, {2, 0, 1})));
  EXPECT_EQ(constant.dims(), (Dims{40, 3, 2}));
}

TEST(ConstantStream, ScalesTheAxisThatMoves) {
  auto factors = std::make_shared<const std::vector<float>>(std::vector<float>{1, 10, 100});
  const Tensor source = counted<float>(DType::kFloat32, {2, 3, 4});
  std::vector<float> scaled;
  for (int i = 0; i < 24; ++i) {
    scaled.push_back(static_cast<float>(i) * (*factors)[static_cast<size_t>(i / 4 % 3)]);
  }
  const Tensor expected = Tensor::of<float>(DType::kFloat32, {2, 3, 4}, scaled);
  const Constant constant = Constant(source).then(ScaleAxis{1, factors});
  EXPECT_EQ(streamed(constant), bytes_of(expected));
  EXPECT_EQ(streamed(constant.then(Permute{{1, 2, 0}})),
            bytes_of(permuted<float>(expected, {1, 2, 0})));
  EXPECT_EQ(streamed(Constant(source).then(Permute{{1, 2, 0}}).then(ScaleAxis{0, factors})),
            bytes_of(permuted<float>(expected, {1, 2, 0})));
  EXPECT_EQ(streamed(constant.then(Reshape{{6, 2, 2}}).then(Permute{{1, 2, 0}})),
            bytes_of(permuted<float>(expected.reshaped({6, 2, 2}), {1, 2, 0})));
}

TEST(ConstantStream, WidensAndDequantizes) {
  const Tensor source = counted<uint8_t>(DType::kUInt8, {200, 900});
  const Constant constant = Constant(source)
                                .then(Dequantize{0.5f, -1.0f})
                                .then(Permute{{1, 0}})
                                .then(CastTo{DType::kFloat16});
  const Tensor result = constant.materialize();
  ASSERT_EQ(result.dims(), (Dims{900, 200}));
  ASSERT_EQ(result.dtype(), DType::kFloat16);
  for (int64_t i = 0; i < result.elements(); ++i) {
    const float from = source.at<uint8_t>(i % 200 * 900 + i / 200);
    ASSERT_EQ(half_to_float(result.at<uint16_t>(i)), 0.5f * from - 1.0f);
  }
  EXPECT_EQ(streamed(constant), bytes_of(result));
}

TEST(ConstantStream, RepeatsASplatAndKeepsStringsInOrder) {
  const Constant splat =
      Constant(Tensor::scalar_f32(2)).then(CastTo{DType::kInt32}).then(Splat{{3, 2}});
  EXPECT_EQ(splat.materialize().values<int32_t>(), (std::vector<int32_t>(6, 2)));
  const Constant text =
      Constant(Tensor::of_strings({2, 2}, {"a", "b", "c", "d"})).then(Permute{{1, 0}});
  EXPECT_EQ(text.materialize().strings(), (std::vector<std::string>{"a", "c", "b", "d"}));
}

TEST(ConstantStream, HasNoBytesWithoutElements) {
  EXPECT_EQ(streamed(Constant(Tensor::zeros(DType::kFloat32, {0, 3})).then(Permute{{1, 0}})), "");
  EXPECT_EQ(streamed(Constant(Tensor::zeros(DType::kFloat32, {0, 3})).then(Reshape{{3, 0}})), "");
}

}  // namespace
}  // namespace pumice
