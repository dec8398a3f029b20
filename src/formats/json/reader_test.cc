#include "formats/json/reader.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

namespace pumice {
namespace {

/// The error of reading `text` as one value; "" where there is none.
std::string fault(const std::string& text) {
  JsonReader json(text);
  json.skip();
  json.finish();
  return json.ok() ? "" : json.status().error().text();
}

ErrorCode code(const std::string& text) {
  JsonReader json(text);
  json.skip();
  json.finish();
  return json.status().error().code();
}

TEST(Json, MembersAndElementsInOrder) {
  const std::string text = R"( {"a": [1, -2.5e1, true, null], "b" : {"c": "d"}, "e": []} )";
  JsonReader json(text);
  std::string key;
  std::vector<std::string> seen;
  json.begin_object();
  while (json.next_member(&key)) {
    seen.push_back(key);
    if (key != "a") {
      json.skip();
      continue;
    }
    json.begin_array();
    ASSERT_TRUE(json.next_element());
    EXPECT_EQ(json.integer(), 1);
    ASSERT_TRUE(json.next_element());
    EXPECT_EQ(json.real(), -25);
    ASSERT_TRUE(json.next_element());
    EXPECT_TRUE(json.boolean());
    ASSERT_TRUE(json.next_element());
    EXPECT_EQ(json.kind(), JsonKind::kNull);
    json.skip();
    EXPECT_FALSE(json.next_element());
  }
  json.finish();
  ASSERT_TRUE(json.ok()) << json.status().error().text();
  EXPECT_EQ(seen, (std::vector<std::string>{"a", "b", "e"}));
}

TEST(Json, ACopyReadsOnFromItsPlace) {
  JsonReader json(R"([[1, 2], 3])");
  json.begin_array();
  ASSERT_TRUE(json.next_element());
  JsonReader inner = json;
  json.skip();
  ASSERT_TRUE(json.next_element());
  EXPECT_EQ(json.integer(), 3);
  inner.begin_array();
  ASSERT_TRUE(inner.next_element());
  EXPECT_EQ(inner.integer(), 1);
}

TEST(Json, Strings) {
  const auto read = [](const std::string& text) { return JsonReader(text).string(); };
  EXPECT_EQ(read(R"("a\"\\\/\b\f\n\r\tz")"), "a\"\\/\b\f\n\r\tz");
  EXPECT_EQ(read(R"("\u0041\u00e9\u20ac\ud83d\ude00")"), "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  EXPECT_EQ(read("\xef\xbb\xbf\"b\""), "b");
  EXPECT_NE(fault(R"("\ud83d")"), "");
  EXPECT_NE(fault(R"("\ude00")"), "");
  EXPECT_NE(fault(R"("\ud83dA")"), "");
  EXPECT_NE(fault(R"("\x41")"), "");
  EXPECT_NE(fault(R"("\u00g0")"), "");
  EXPECT_NE(fault("\"a\nb\""), "");
}

TEST(Json, Numbers) {
  for (const char* good : {"0", "-0", "10", "1.5", "-1e9", "2E-3", "1e+2"})
    EXPECT_EQ(fault(good), "");
  for (const char* bad : {"01", "+1", ".5", "1.x", "1e", "-", "NaN", "Infinity", "0x1"}) {
    EXPECT_NE(fault(bad), "") << bad;
  }
  EXPECT_EQ(JsonReader("3.0").integer(), 3);
  EXPECT_EQ(JsonReader("-2e2").integer(), -200);
  EXPECT_EQ(JsonReader("9223372036854775807").integer(), INT64_MAX);
  EXPECT_TRUE(std::isinf(JsonReader("1e999").real()));
  EXPECT_EQ(JsonReader("1e-999").real(), 0);
  for (const char* bad : {"0.5", "1e300", "9223372036854775808"}) {
    JsonReader json(bad);
    json.integer();
    EXPECT_FALSE(json.ok()) << bad;
  }
}

TEST(Json, FaultsSayWhere) {
  EXPECT_EQ(fault("{\"a\": 1,\n  \"b\" 2}"), "line 2, column 7: ':' was expected");
  EXPECT_EQ(fault("[1 2]"), "line 1, column 4: ',' or ']' was expected");
  EXPECT_EQ(fault("[1,]"), "line 1, column 4: a value was expected");
  EXPECT_EQ(fault("{\"a\": 1,}"), "line 1, column 9: a member's name was expected");
  EXPECT_EQ(fault("1 2"), "line 1, column 3: more text behind the end of the JSON value");
  EXPECT_EQ(fault("[tru]"), "line 1, column 2: a value was expected");
}

TEST(Json, ACutTextIsTruncated) {
  const std::string whole = R"({"a": [1, 2.5, "x\n\u0041", true, null], "b": {}})";
  EXPECT_EQ(fault(whole), "");
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(code(whole.substr(0, size)), ErrorCode::kTruncated) << size;
  }
}

TEST(Json, DeepNestingIsRefused) {
  for (const char* bracket : {"[", "{\"a\":"}) {
    std::string deep;
    for (int i = 0; i < 10000; ++i) deep += bracket;
    EXPECT_EQ(code(deep), ErrorCode::kTooLarge);
  }
  EXPECT_EQ(fault(std::string(200, '[') + std::string(200, ']')), "");
}

TEST(Json, AFaultIsSticky) {
  JsonReader json("[1]");
  json.begin_object();
  std::string key;
  EXPECT_FALSE(json.next_member(&key));
  EXPECT_FALSE(json.next_element());
  EXPECT_EQ(json.string(), "");
  EXPECT_EQ(json.integer(), 0);
  EXPECT_EQ(json.kind(), JsonKind::kNone);
  EXPECT_EQ(json.status().error().text(), "line 1, column 1: an object was expected");
}

}  // namespace
}  // namespace pumice
