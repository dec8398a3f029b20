#include "formats/protobuf/text.h"

#include <cmath>
#include <iterator>
#include <limits>

#include <gtest/gtest.h>

#include "formats/protobuf/reader.h"

namespace pumice {
namespace {

std::string wire(std::string_view text, std::string_view message) {
  auto result = text_to_wire(text, message);
  return result.ok() ? *result : "error: " + result.error().text();
}

TEST(ProtoText, FieldsAreFoundByBinarySearch) {
  for (size_t i = 1; i < kTextFieldsCount; ++i) {
    const std::pair<std::string_view, std::string_view> a(kTextFields[i - 1].message,
                                                          kTextFields[i - 1].name);
    const std::pair<std::string_view, std::string_view> b(kTextFields[i].message,
                                                          kTextFields[i].name);
    EXPECT_LT(a, b);
  }
  EXPECT_TRUE(text_schema_has("GraphDef", "node"));
  EXPECT_FALSE(text_schema_has("GraphDef", "nodes"));
  EXPECT_EQ(text_enumerator("DT_BFLOAT16"), 14);
  EXPECT_EQ(text_enumerator("DT_NONE"), -1);
}

TEST(ProtoText, ScalarsInTheirWireTypes) {
  EXPECT_EQ(wire("i: -1", "AttrValue"), "\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
  EXPECT_EQ(wire("i: 0x10 ", "AttrValue"), "\x18\x10");
  EXPECT_EQ(wire("b: true", "AttrValue"), "\x28\x01");
  EXPECT_EQ(wire("type: DT_INT32", "AttrValue"), "\x30\x03");
  EXPECT_EQ(wire("type: 3", "AttrValue"), "\x30\x03");
  EXPECT_EQ(wire("s: 'a' \"b\"", "AttrValue"),
            "\x12\x02"
            "ab");
}

TEST(ProtoText, Escapes) {
  EXPECT_EQ(wire(R"(s: "\n\\\"\'\101\x42\u00e4\t")", "AttrValue"), "\x12\x09\n\\\"'AB\xc3\xa4\t");
}

TEST(ProtoText, RealNumbers) {
  const auto value = [](const char* text) {
    const std::string bytes = wire(text, "AttrValue");
    ProtoReader r(bytes);
    return r.next() ? r.real32() : -12345.0f;
  };
  EXPECT_EQ(value("f: 0.5"), 0.5f);
  EXPECT_EQ(value("f: -1e3"), -1000.0f);
  EXPECT_EQ(value("f: 1.5f"), 1.5f);
  EXPECT_EQ(value("f: inf"), std::numeric_limits<float>::infinity());
  EXPECT_EQ(value("f: -inf"), -std::numeric_limits<float>::infinity());
  EXPECT_EQ(value("f: - inf"), -std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(value("f: nan")));
  EXPECT_EQ(value("f: 1e60"), std::numeric_limits<float>::infinity());
  EXPECT_EQ(value("f: 1e-60"), 0.0f);
}

TEST(ProtoText, MessagesListsCommentsAndUnknownFields) {
  const std::string same = wire("dim { size: 2 } dim { size: 3 }", "TensorShapeProto");
  EXPECT_EQ(wire("# two\ndim: < size: 2 >, dim <size:3>;", "TensorShapeProto"), same);
  EXPECT_EQ(wire("dim: [{size: 2}, <size: 3>]", "TensorShapeProto"), same);
  EXPECT_EQ(
      wire("future { x: [1, 'a', {y: 2}] [a.b/c] { d: e } } dim { size: 2 } z: 1 dim { size: 3 }",
           "TensorShapeProto"),
      same);
}

TEST(ProtoText, FaultsSayWhereTheyAre) {
  const auto fault = [](std::string_view text) {
    auto result = text_to_wire(text, "GraphDef");
    return result.ok() ? std::string("no error") : result.error().message();
  };
  EXPECT_EQ(fault("node {\n  name: 3\n}"), "line 2, column 10: a quoted string was expected");
  EXPECT_EQ(fault("node {\n  name: \"a\n\"}"),
            "line 2, column 11: a string without its closing quote");
  EXPECT_EQ(fault("node {"), "line 1, column 7: the text ends inside a message");
  EXPECT_EQ(fault("node name"), "line 1, column 6: a ':' was expected");
  EXPECT_EQ(text_to_wire("node {", "GraphDef").error().code(), ErrorCode::kTruncated);
}

TEST(ProtoText, EveryTruncationIsAnErrorOrAPrefix) {
  const std::string text =
      "node { name: \"a\\\\b\" op: 'Const' attr { key: \"x\" value { list { i: [1, -2] } } } }";
  for (size_t n = 0; n < text.size(); ++n) {
    (void)text_to_wire(std::string_view(text).substr(0, n), "GraphDef");
  }
  EXPECT_FALSE(text_to_wire(std::string(100000, '{'), "GraphDef").ok());
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "x{";
  EXPECT_EQ(text_to_wire(deep, "GraphDef").error().code(), ErrorCode::kTooLarge);
  deep.assign("x:");
  deep.append(100000, '[');
  EXPECT_EQ(text_to_wire(deep, "GraphDef").error().code(), ErrorCode::kTooLarge);
}

}  // namespace
}  // namespace pumice
