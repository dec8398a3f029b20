#include "runtime/wire.h"

#include <gtest/gtest.h>

namespace pumice {
namespace {

std::vector<NamedTensor> tensors() {
  return {{"a", Tensor::of<float>(DType::kFloat32, {2, 1}, {1, 2})},
          {"b", Tensor::of<uint8_t>(DType::kBool, {}, {1})},
          {"c", Tensor::zeros(DType::kInt64, {0, 3})}};
}

std::vector<Signature> signatures() {
  Signature s;
  s.key = "serve";
  s.inputs = {{"x", DType::kUInt8, Shape({Dim(), 4})}, {"y", DType::kFloat32, Shape()}};
  s.outputs = {{"z", DType::kInt32, Shape::scalar()}};
  return {s};
}

TEST(Wire, TensorsSignaturesAndErrorsComeBack) {
  auto t = wire::decode_tensors(Bytes::own(wire::encode(Result(tensors()))));
  ASSERT_TRUE(t.ok()) << t.error().text();
  ASSERT_EQ(t->size(), 3u);
  EXPECT_EQ((*t)[0].tensor.values<float>(), (std::vector<float>{1, 2}));
  EXPECT_EQ((*t)[2].tensor.dims(), (Dims{0, 3}));

  auto s = wire::decode_signatures(Bytes::own(wire::encode(Result(signatures()))));
  ASSERT_TRUE(s.ok()) << s.error().text();
  EXPECT_EQ((*s)[0].inputs[0].shape, Shape({Dim(), 4}));
  EXPECT_FALSE((*s)[0].inputs[1].shape.known_rank());
  EXPECT_EQ((*s)[0].outputs[0].shape.rank(), 0u);

  Error e = Error(ErrorCode::kUsage, "m").in("f").at("n", "o").expected("e").found("d").hint("h");
  std::string text = e.text();
  auto failure = wire::decode_tensors(
      Bytes::own(wire::encode(Result<std::vector<NamedTensor>>(std::move(e)))));
  EXPECT_EQ(failure.error().code(), ErrorCode::kUsage);
  EXPECT_EQ(failure.error().text(), text);
}

TEST(Wire, EveryTruncationAndManyChangesAreSurvived) {
  for (const wire::Buffer& whole :
       {wire::encode(Result(tensors())), wire::encode(Result(signatures()))}) {
    for (size_t n = 0; n < whole.size(); ++n) {
      Bytes cut = Bytes::own({whole.begin(), whole.begin() + n});
      EXPECT_FALSE(wire::decode_tensors(cut).ok());
      EXPECT_FALSE(wire::decode_signatures(cut).ok());
      wire::Buffer changed = whole;
      changed[n] ^= std::byte{0xff};
      Bytes bytes = Bytes::own(std::move(changed));
      (void)wire::decode_tensors(bytes);
      (void)wire::decode_signatures(bytes);
    }
  }
}

}  // namespace
}  // namespace pumice
