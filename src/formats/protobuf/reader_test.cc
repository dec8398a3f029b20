#include "formats/protobuf/reader.h"

#include <vector>

#include <gtest/gtest.h>

namespace pumice {
namespace {

using std::string_literals::operator""s;

TEST(ProtoReader, ReadsEveryWireType) {
  const std::string bytes =
      "\x08\x96\x01\x12\x02hi\x1d\x00\x00\x80\x3f\x21\x00\x00\x00\x00\x00\x00\xf0\x3f"s;
  ProtoReader r(bytes);
  ASSERT_TRUE(r.next());
  EXPECT_EQ(r.field(), 1u);
  EXPECT_EQ(r.integer(), 150);
  ASSERT_TRUE(r.next());
  EXPECT_EQ(r.bytes(), "hi");
  ASSERT_TRUE(r.next());
  EXPECT_EQ(r.real32(), 1.0f);
  ASSERT_TRUE(r.next());
  EXPECT_EQ(r.real64(), 1.0);
  EXPECT_FALSE(r.next());
  EXPECT_TRUE(r.status().ok());
}

TEST(ProtoReader, SkipsWhatIsNotRead) {
  const std::string bytes = "\x0a\x02hi\x10\x07"s;
  ProtoReader r(bytes);
  ASSERT_TRUE(r.next());
  ASSERT_TRUE(r.next());
  EXPECT_EQ(r.field(), 2u);
  EXPECT_EQ(r.integer(), 7);
}

TEST(ProtoReader, RepeatedNumbersMayBePackedOrNot) {
  const std::string bytes = "\x0a\x03\x01\x02\x03\x08\x04"s;
  ProtoReader r(bytes);
  std::vector<int64_t> all;
  while (r.next()) r.integers([&](int64_t v) { all.push_back(v); });
  EXPECT_TRUE(r.ok());
  EXPECT_EQ(all, (std::vector<int64_t>{1, 2, 3, 4}));
}

TEST(ProtoReader, EveryTruncationIsAStickyFault) {
  const std::string bytes = "\x12\x05hello\x08\x96\x01\x1d\x01\x02\x03\x04"s;
  for (size_t n = 0; n < bytes.size(); ++n) {
    ProtoReader r(std::string_view(bytes).substr(0, n));
    while (r.next()) {
      if (r.field() == 2) r.bytes();
      if (r.field() == 1) r.integer();
      if (r.field() == 3) r.real32();
    }
    const bool whole_field = n == 0 || n == 7 || n == 10;
    EXPECT_EQ(r.ok(), whole_field) << n;
    if (!whole_field) {
      EXPECT_EQ(r.status().error().code(), ErrorCode::kTruncated) << n;
    }
    EXPECT_FALSE(r.next());
  }
}

TEST(ProtoReader, AnotherWireTypeThanTheFormatSaysIsMalformed) {
  const std::string bytes = "\x08\x01"s;
  ProtoReader r(bytes);
  ASSERT_TRUE(r.next());
  EXPECT_EQ(r.bytes(), "");
  EXPECT_EQ(r.status().error().code(), ErrorCode::kMalformed);
}

TEST(ProtoReader, InvalidTagsAreMalformed) {
  for (const std::string& bytes : {"\x00\x01"s, "\x0f\x01"s, "\x0b\x01"s}) {
    ProtoReader r(bytes);
    EXPECT_FALSE(r.next());
    EXPECT_EQ(r.status().error().code(), ErrorCode::kMalformed);
  }
}

TEST(ProtoReader, DepthIsLimited) {
  ProtoReader r("\x0a\x00", ProtoReader::kMaxDepth);
  ASSERT_TRUE(r.next());
  r.message();
  EXPECT_EQ(r.status().error().code(), ErrorCode::kTooLarge);
}

}  // namespace
}  // namespace pumice
