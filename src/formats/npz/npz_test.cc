#include "formats/npz/npz.h"

#include <filesystem>

#include <gtest/gtest.h>

namespace pumice {
namespace {

Bytes document(const std::string& dictionary, const std::string& data) {
  std::string text("\x93NUMPY\x01\x00", 8);
  text += static_cast<char>(dictionary.size() & 0xff);
  text += static_cast<char>(dictionary.size() >> 8);
  text += dictionary + data;
  std::vector<std::byte> b(text.size());
  std::memcpy(b.data(), text.data(), text.size());
  return Bytes::own(std::move(b));
}

Bytes document(const std::string& descr, const std::string& order, const std::string& shape,
               const std::string& data) {
  return document(
      "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }\n",
      data);
}

TEST(Npy, PlainArrays) {
  Result<Tensor> t =
      parse_npy(document("<i2", "False", "(2, 3)", std::string("\1\0\2\0\3\0\4\0\5\0\6\0", 12)));
  ASSERT_TRUE(t.ok()) << t.error().text();
  EXPECT_EQ(t->dims(), (Dims{2, 3}));
  EXPECT_EQ(t->integers(), (std::vector<int64_t>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(parse_npy(document("|b1", "False", "()", "\1"))->rank(), 0u);
  EXPECT_EQ(parse_npy(document("|u1", "False", "(0, 7)", ""))->dims(), (Dims{0, 7}));
  EXPECT_EQ(parse_npy(document("|u1", "False", "(3,)", "abc"))->integer_at(2), 'c');
}

TEST(Npy, OtherOrders) {
  EXPECT_EQ(parse_npy(document(">i4", "False", "(1,)", std::string("\0\0\1\2", 4)))->integer_at(0),
            258);
  // Columns first: (0,0) (1,0) (0,1) (1,1) (0,2) (1,2).
  Result<Tensor> t = parse_npy(document("|i1", "True", "(2, 3)", std::string("\0\1\2\3\4\5", 6)));
  EXPECT_EQ(t->integers(), (std::vector<int64_t>{0, 2, 4, 1, 3, 5}));
}

TEST(Npy, Strings) {
  Result<Tensor> s = parse_npy(document("|S3", "False", "(2,)", std::string("ab\0cde", 6)));
  ASSERT_TRUE(s.ok()) << s.error().text();
  EXPECT_EQ(s->strings(), (std::vector<std::string>{"ab", "cde"}));
  Result<Tensor> u = parse_npy(document("<U2", "False", "()", std::string("\xe9\0\0\0z\0\0\0", 8)));
  EXPECT_EQ(u->strings()[0], "éz");
}

TEST(Npy, BadDocumentsAreRefused) {
  auto code = [](const Bytes& b) { return parse_npy(b).error().code(); };
  EXPECT_EQ(code(document("<f4", "False", "(2,)", "1234")), ErrorCode::kTruncated);
  EXPECT_EQ(code(document("<f4", "False", "(2,)", "123456789")), ErrorCode::kMalformed);
  EXPECT_EQ(code(document("<f4", "False", "(4611686018427387904, 8)", "")), ErrorCode::kMalformed);
  EXPECT_EQ(code(document("<f4", "False", "(-1,)", "")), ErrorCode::kUnsupported);
  EXPECT_EQ(code(document("<f4", "Maybe", "(1,)", "1234")), ErrorCode::kUnsupported);
  EXPECT_EQ(code(document("|O", "False", "(1,)", "12345678")), ErrorCode::kUnsupported);
  EXPECT_EQ(code(document("<f3", "False", "(1,)", "123")), ErrorCode::kUnsupported);
  EXPECT_EQ(code(document("|S0", "False", "(1000000000000,)", "")), ErrorCode::kMalformed);
  EXPECT_EQ(code(document("[('a', '<f4')]", "")), ErrorCode::kUnsupported);
  EXPECT_EQ(code(Bytes{}), ErrorCode::kTruncated);
  Bytes whole = document("<f4", "False", "(2,)", "12345678");
  for (size_t n = 0; n < whole.size(); ++n) EXPECT_FALSE(parse_npy(whole.slice(0, n)).ok()) << n;
}

TEST(Npz, WhatIsWrittenIsRead) {
  std::string path = testing::TempDir() + "/pumice_npz_test.npz";
  std::vector<NamedTensor> tensors = {
      {"z/first:0", Tensor::of<float>(DType::kFloat32, {2, 2}, {1, 2, 3, 4})},
      {"a", Tensor::scalar_i64(-5)},
      {"flags", Tensor::of<uint8_t>(DType::kBool, {3}, {1, 0, 1})},
      {"half", Tensor::of<uint16_t>(DType::kFloat16, {1}, {float_to_half(1.5f)})},
      {"brain", Tensor::of<uint16_t>(DType::kBFloat16, {1}, {float_to_bfloat16(2.5f)})},
      {"empty", Tensor::zeros(DType::kInt32, {0, 4})}};
  Status written = write_npz(path, tensors);
  ASSERT_TRUE(written.ok()) << written.error().text();
  Result<std::vector<NamedTensor>> read = read_npz(path);
  ASSERT_TRUE(read.ok()) << read.error().text();
  ASSERT_EQ(read->size(), tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    EXPECT_EQ((*read)[i].name, tensors[i].name);
    EXPECT_EQ((*read)[i].tensor.dims(), tensors[i].tensor.dims());
    EXPECT_EQ(reinterpret_cast<uintptr_t>((*read)[i].tensor.data()) % 64, 0u);
  }
  EXPECT_EQ((*read)[0].tensor.values<float>(), (std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ((*read)[1].tensor.integer_at(0), -5);
  EXPECT_EQ((*read)[4].tensor.at<float>(0), 2.5f);
  std::filesystem::remove(path);
}

TEST(Npz, WritingFailsCleanly) {
  EXPECT_EQ(write_npz("/nowhere/at/all.npz", {}).error().code(), ErrorCode::kUnwritable);
  std::string path = testing::TempDir() + "/pumice_npz_twice.npz";
  Tensor t = Tensor::scalar_i32(1);
  EXPECT_EQ(write_npz(path, {{"a", t}, {"a", t}}).error().code(), ErrorCode::kUsage);
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_EQ(read_npz(path).error().code(), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace pumice
