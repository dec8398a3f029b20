#include <cstring>

#include <gtest/gtest.h>

#include "formats/hdf5/checksum.h"
#include "formats/hdf5/reader.h"
#include "formats/hdf5/writer.h"

namespace pumice {
namespace {

Hdf5Object scalar(double value) {
  Hdf5Object object;
  object.dataset = true;
  // Float64 as libhdf5 describes it: little-endian, 52 bits of mantissa, 11 of exponent.
  object.data.type = {
      Hdf5Type::Kind::kNumber, 8, DType::kFloat64, false,
      std::string("\x11\x20\x3f\0\x08\0\0\0\0\0\x40\0\x34\x0b\0\x34\xff\x03\0\0", 20)};
  std::vector<std::byte> bytes(8);
  std::memcpy(bytes.data(), &value, 8);
  object.data.bytes = Bytes::own(std::move(bytes));
  return object;
}

Hdf5Object sample() {
  Hdf5Object root;
  EXPECT_TRUE(root.insert("layers/dense/vars/0", scalar(1.5)));
  EXPECT_TRUE(root.insert("layers/dense/vars/1", scalar(2.5)));
  EXPECT_TRUE(root.insert("optimizer/vars/0", scalar(7)));
  root.set_attribute("model_config", Hdf5Data::of_text(std::string(100'000, 'c')));
  root.find("optimizer")
      ->set_attribute("weight_names", Hdf5Data::of_names({"a", "", "conv/kernel:0"}));
  return root;
}

Bytes joined(const std::vector<Bytes>& parts) {
  std::vector<std::byte> all;
  for (const Bytes& part : parts) all.insert(all.end(), part.view().begin(), part.view().end());
  return Bytes::own(std::move(all));
}

TEST(Hdf5Tree, IsEditedByPath) {
  Hdf5Object root = sample();
  EXPECT_EQ(root.find("layers/dense/vars/1")->data.number(), 2.5);
  EXPECT_EQ(root.find(""), &root);
  EXPECT_EQ(root.find("layers/none"), nullptr);
  EXPECT_EQ(root.find("layers/dense/vars/1/x"), nullptr);
  EXPECT_FALSE(root.insert("layers/dense/vars/1", scalar(0)));
  EXPECT_FALSE(root.insert("layers/dense/vars/1/below", scalar(0)));
  EXPECT_FALSE(root.insert("layers//x", scalar(0)));
  EXPECT_TRUE(root.rename("layers/dense/vars/0", "2"));
  EXPECT_FALSE(root.rename("layers/dense/vars/0", "3"));
  EXPECT_FALSE(root.rename("layers/dense/vars/1", "2"));
  EXPECT_FALSE(root.rename("layers/dense/vars/1", "a/b"));
  EXPECT_EQ(root.find("layers/dense/vars/2")->data.number(), 1.5);
  EXPECT_TRUE(root.remove("optimizer"));
  EXPECT_FALSE(root.remove("optimizer"));
  EXPECT_FALSE(root.remove(""));
  EXPECT_TRUE(root.remove_attribute("model_config"));
  EXPECT_FALSE(root.remove_attribute("model_config"));
}

TEST(Hdf5Writer, WhatIsWrittenIsRead) {
  const Hdf5Object root = sample();
  const auto parts = write_hdf5(root);
  ASSERT_TRUE(parts.ok());
  const auto again = read_whole_hdf5(joined(*parts));
  ASSERT_TRUE(again.ok()) << again.error().text();
  EXPECT_EQ(again->find("optimizer/vars/0")->data.number(), 7);
  EXPECT_EQ(again->text_attribute("model_config"), std::string(100'000, 'c'));
  const auto names = again->find("optimizer")->attribute("weight_names")->data.strings();
  EXPECT_EQ(names, (std::vector<std::string>{"a", "", "conv/kernel:0"}));
  EXPECT_EQ(joined(*write_hdf5(*again)).size(), joined(*parts).size());
}

TEST(Hdf5Writer, LargeDataStayViews) {
  Hdf5Object root;
  Hdf5Object large = scalar(0);
  large.data.dims = {100'000};
  large.data.bytes = Bytes::own(std::vector<std::byte>(800'000));
  const std::byte* where = large.data.bytes.data();
  ASSERT_TRUE(root.insert("d", std::move(large)));
  const auto parts = write_hdf5(root);
  ASSERT_TRUE(parts.ok());
  bool found = false;
  for (const Bytes& part : *parts) found |= part.data() == where;
  EXPECT_TRUE(found);
}

TEST(Hdf5Writer, RefusesWhatDoesNotFit) {
  Hdf5Object root;
  root.set_attribute("names",
                     Hdf5Data::of_names(std::vector<std::string>(700, std::string(100, 'n'))));
  const auto parts = write_hdf5(root);
  ASSERT_FALSE(parts.ok());
  EXPECT_EQ(parts.error().code(), ErrorCode::kTooLarge);
  EXPECT_NE(parts.error().text().find("names"), std::string::npos) << parts.error().text();

  Hdf5Object wrong;
  Hdf5Object short_one = scalar(1);
  short_one.data.dims = {2};
  ASSERT_TRUE(wrong.insert("d", std::move(short_one)));
  EXPECT_FALSE(write_hdf5(wrong).ok());
}

TEST(Hdf5Reader, DamageIsTold) {
  const Bytes whole = joined(*write_hdf5(sample()));
  for (size_t size = 0; size < whole.size(); size += size < 200 ? 1 : 997) {
    const auto cut = read_hdf5(whole.slice(0, size));
    ASSERT_FALSE(cut.ok()) << size;
  }
  // A bit of an object's header: the checksum tells.
  std::vector<std::byte> damaged(whole.view().begin(), whole.view().end());
  const std::string_view text(reinterpret_cast<const char*>(damaged.data()), damaged.size());
  damaged[text.rfind("OHDR") + 30] ^= std::byte{1};
  const auto read = read_hdf5(Bytes::own(std::move(damaged)));
  ASSERT_FALSE(read.ok());
  EXPECT_NE(read.error().text().find("checksum"), std::string::npos);
}

TEST(Hdf5Checksum, KnownValues) {
  const auto sum = [](std::string_view text) {
    return hdf5_checksum(std::as_bytes(std::span<const char>(text.data(), text.size())));
  };
  // Published with the function: hashlittle() of these with an initial value of 0.
  EXPECT_EQ(sum(""), 0xdeadbeefu);
  EXPECT_EQ(sum("Four score and seven years ago"), 0x17770551u);
}

}  // namespace
}  // namespace pumice
