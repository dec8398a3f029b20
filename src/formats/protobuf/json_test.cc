#include "formats/protobuf/json.h"

#include <gtest/gtest.h>

#include "formats/protobuf/text.h"

namespace pumice {
namespace {

std::string wire(std::string_view text, std::string_view message) {
  JsonReader json(text);
  auto result = json_to_wire(&json, message);
  return result.ok() ? *result : "error: " + result.error().text();
}

/// Both forms of a message give the same bytes.
void expect_same(std::string_view json, std::string_view text, std::string_view message) {
  EXPECT_EQ(wire(json, message), *text_to_wire(text, message)) << json;
}

TEST(ProtoJson, ScalarsInTheirWireTypes) {
  expect_same(R"({"i": "-7"})", "i: -7", "AttrValue");
  expect_same(R"({"i": 32})", "i: 32", "AttrValue");
  expect_same(R"({"f": 0.5})", "f: 0.5", "AttrValue");
  expect_same(R"({"f": "-Infinity"})", "f: -inf", "AttrValue");
  expect_same(R"({"f": "1e-3"})", "f: 1e-3", "AttrValue");
  expect_same(R"({"b": true})", "b: true", "AttrValue");
  expect_same(R"({"type": "DT_INT32"})", "type: DT_INT32", "AttrValue");
  expect_same(R"({"type": 3})", "type: DT_INT32", "AttrValue");
  expect_same(R"({"uint64Val": ["18446744073709551615"]})", "uint64_val: 18446744073709551615",
              "TensorProto");
  expect_same(R"({"doubleVal": [1.5, "NaN"]})", "double_val: 1.5 double_val: nan", "TensorProto");
}

TEST(ProtoJson, BytesAreBase64OrNumbers) {
  expect_same(R"({"s": "TkhXQw=="})", "s: 'NHWC'", "AttrValue");
  expect_same(R"({"s": "TkhXQw"})", "s: 'NHWC'", "AttrValue");
  expect_same(R"({"s": ""})", "s: ''", "AttrValue");
  expect_same(R"({"s": [78, 72, 87, 67]})", "s: 'NHWC'", "AttrValue");
  expect_same(R"({"s": "-_8="})", "s: '\xfb\xff'", "AttrValue");
  expect_same(R"({"list": {"s": ["QQ==", [66, 67]]}})", "list { s: 'A' s: 'BC' }", "AttrValue");
  expect_same(R"({"dtype": "DT_INT8", "tensorContent": "AQID"})",
              "dtype: DT_INT8 tensor_content: '\\001\\002\\003'", "TensorProto");
  EXPECT_EQ(wire(R"({"s": "T"})", "AttrValue"),
            "error: line 1, column 10: bytes in base64 were expected");
  EXPECT_EQ(wire(R"({"s": "T*=="})", "AttrValue"),
            "error: line 1, column 13: bytes in base64 were expected");
  EXPECT_EQ(wire(R"({"s": [256]})", "AttrValue"),
            "error: line 1, column 11: a byte, 0 to 255, was expected");
}

TEST(ProtoJson, MapsListsAndMessages) {
  expect_same(R"({"name": "n", "op": "Op", "input": ["a", "^b"],
                  "attr": {"T": {"type": "DT_FLOAT"}, "N": {"i": "2"}}})",
              R"(name: "n" op: "Op" input: ["a", "^b"] attr { key: "T" value { type: DT_FLOAT } }
                 attr { key: "N" value { i: 2 } })",
              "NodeDef");
  expect_same(R"({"attr": [{"key": "N", "value": {"i": 2}}]})", "attr { key: 'N' value { i: 2 } }",
              "NodeDef");
  expect_same(R"({"tensorShape": {"dim": [{"size": "1"}, {"size": -1}], "unknownRank": false}})",
              "tensor_shape { dim { size: 1 } dim { size: -1 } unknown_rank: false }",
              "TensorProto");
  expect_same(R"({"tensor_shape": {"dim": {"size": 4}}})", "tensor_shape { dim { size: 4 } }",
              "TensorProto");
  expect_same(R"({"argAttr": {"1": {"attr": {"a": {"b": true}}}}})",
              "arg_attr { key: 1 value { attr { key: 'a' value { b: true } } } }", "FunctionDef");
  expect_same(R"({"func": {"name": "f", "attr": {"a": {"list": {}}}}})",
              "func { name: 'f' attr { key: 'a' value { list { } } } }", "AttrValue");
}

TEST(ProtoJson, WhatTheSchemaDoesNotListIsSkipped) {
  expect_same(R"({"later": {"a": [1, {}]}, "i": 1, "s": null})", "i: 1", "AttrValue");
}

TEST(ProtoJson, FaultsSayWhere) {
  EXPECT_EQ(wire(R"({"i": "x"})", "AttrValue"),
            "error: line 1, column 10: an integer was expected");
  EXPECT_EQ(wire(R"({"type": "DT_NONE"})", "AttrValue"),
            "error: line 1, column 19: an unknown enumerator");
  EXPECT_EQ(wire(R"({"shape": 3})", "AttrValue"),
            "error: line 1, column 11: an object was expected");
  EXPECT_EQ(wire("[]", "AttrValue"), "error: line 1, column 1: an object was expected");
  EXPECT_EQ(wire(R"({"argAttr": {"x": {}}})", "FunctionDef"),
            "error: line 1, column 18: a number was expected as key");
}

}  // namespace
}  // namespace pumice
