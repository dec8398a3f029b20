#include "formats/tfjs/tfjs.h"

#include <map>

#include <gtest/gtest.h>

namespace pumice {
namespace {

using Files = std::map<std::string, std::string>;

Bytes owned(std::string text) {
  auto owner = std::make_shared<const std::string>(std::move(text));
  return Bytes(owner, std::as_bytes(std::span<const char>(owner->data(), owner->size())));
}

Result<Source> read(const std::string& json, const Files& files = {}) {
  std::map<std::string, Bytes> bytes;
  for (const auto& [name, content] : files) bytes["folder/" + name] = owned(content);
  return read_tfjs_json(owned(json), "folder/model.json",
                        [&](const std::string& path) -> Result<Bytes> {
                          const auto it = bytes.find(path);
                          if (it == bytes.end())
                            return Error(ErrorCode::kNotFound, "none").in(path);
                          return it->second;
                        });
}

/// A model with one constant "w" of this dtype, and a manifest with these members.
std::string model(const std::string& dtype, const std::string& weights,
                  const std::string& paths = R"("a.bin")") {
  return R"({"format": "graph-model", "modelTopology": {"node": [
      {"name": "w", "op": "Const", "attr": {"dtype": {"type": ")" +
         dtype + R"("}, "value": {"tensor": {"dtype": ")" + dtype +
         R"(", "tensorShape": {"dim": [{"size": "3"}]}}}}}]},
      "weightsManifest": [{"paths": [)" +
         paths + R"(], "weights": [)" + weights + "]}]}";
}

const Constant& constant(const Source& source, const std::string& name = "w") {
  for (const Node& node : *source.graph) {
    if (node.name == name) return *node.attributes.find<Constant>("value");
  }
  static const Constant none;
  return none;
}

std::string raw(std::initializer_list<int> bytes) {
  std::string text;
  for (const int b : bytes) text.push_back(static_cast<char>(b));
  return text;
}

std::string error_of(const Result<Source>& source) {
  return source.ok()
             ? "no error"
             : std::string(error_code_name(source.error().code())) + ": " + source.error().text();
}

TEST(Tfjs, WeightsInOneFileAreViewsOfIt) {
  auto source = read(model("DT_INT32", R"({"name": "other", "shape": [1], "dtype": "bool"},
                                          {"name": "w", "shape": [3], "dtype": "int32"})"),
                     {{"a.bin", raw({9, 1, 0, 0, 0, 2, 0, 0, 0, 255, 255, 255, 255})}});
  ASSERT_TRUE(source.ok()) << source.error().text();
  EXPECT_EQ(source->format, "tfjs");
  EXPECT_EQ(source->files, (std::vector<std::string>{"folder/model.json", "folder/a.bin"}));
  const Constant& w = constant(*source);
  EXPECT_TRUE(w.transforms().empty());
  EXPECT_EQ(w.source().values<int32_t>(), (std::vector<int32_t>{1, 2, -1}));
  EXPECT_EQ(static_cast<int>(w.source().data()[-1]), 9);  // the file itself
  EXPECT_EQ(source->graph->first()->result()->dtype, DType::kInt32);
}

TEST(Tfjs, AWeightMayStraddleFiles) {
  auto source = read(model("DT_INT32", R"({"name": "w", "shape": [3], "dtype": "int32"})",
                           R"("a.bin", "b.bin", "empty.bin", "c.bin")"),
                     {{"a.bin", raw({1})},
                      {"b.bin", raw({0, 0, 0, 2, 0, 0})},
                      {"empty.bin", ""},
                      {"c.bin", raw({0, 3, 0, 0, 0})}});
  ASSERT_TRUE(source.ok()) << source.error().text();
  EXPECT_EQ(constant(*source).materialize().values<int32_t>(), (std::vector<int32_t>{1, 2, 3}));
}

TEST(Tfjs, QuantizedFloatsKeepTheirBytes) {
  auto source =
      read(model("DT_FLOAT", R"({"name": "w", "shape": [3], "dtype": "float32", "quantization":
        {"dtype": "uint8", "scale": 0.5, "min": -1, "original_dtype": "float32"}})"),
           {{"a.bin", raw({0, 4, 255})}});
  ASSERT_TRUE(source.ok()) << source.error().text();
  EXPECT_EQ(constant(*source).source().dtype(), DType::kUInt8);
  EXPECT_EQ(constant(*source).materialize().values<float>(), (std::vector<float>{-1, 1, 126.5}));

  source = read(model("DT_FLOAT", R"({"name": "w", "shape": [3], "dtype": "float32", "quantization":
        {"dtype": "uint16", "scale": 2, "min": 1}})"),
                {{"a.bin", raw({0, 0, 1, 0, 0, 1})}});
  ASSERT_TRUE(source.ok()) << source.error().text();
  EXPECT_EQ(constant(*source).materialize().values<float>(), (std::vector<float>{1, 3, 513}));

  source = read(model("DT_FLOAT", R"({"name": "w", "shape": [3], "dtype": "float32", "quantization":
        {"dtype": "float16"}})"),
                {{"a.bin", raw({0, 0x3c, 0, 0xc0, 1, 0})}});
  ASSERT_TRUE(source.ok()) << source.error().text();
  EXPECT_EQ(constant(*source).materialize().values<float>(),
            (std::vector<float>{1, -2, 5.9604644775390625e-8f}));
}

TEST(Tfjs, QuantizedIntegersAreRounded) {
  auto source =
      read(model("DT_INT32", R"({"name": "w", "shape": [3], "dtype": "int32", "quantization":
        {"dtype": "uint8", "scale": 0.5, "min": -2.5}})"),
           {{"a.bin", raw({0, 2, 255})}});
  ASSERT_TRUE(source.ok()) << source.error().text();
  // Halves go up, as Math.round() does: -2.5, -1.5, 125.
  EXPECT_EQ(constant(*source).materialize().values<int32_t>(), (std::vector<int32_t>{-2, -1, 125}));
}

TEST(Tfjs, TheGraphsDtypeHolds) {
  auto source = read(model("DT_INT64", R"({"name": "w", "shape": [3], "dtype": "int32"})"),
                     {{"a.bin", raw({1, 0, 0, 0, 254, 255, 255, 255, 3, 0, 0, 0})}});
  ASSERT_TRUE(source.ok()) << source.error().text();
  EXPECT_EQ(constant(*source).materialize().values<int64_t>(), (std::vector<int64_t>{1, -2, 3}));
  EXPECT_EQ(source->graph->first()->result()->dtype, DType::kInt64);
}

TEST(Tfjs, StringsAndEmptyWeights) {
  auto source = read(model("DT_STRING", R"({"name": "w", "shape": [2], "dtype": "string"},
                                           {"name": "none", "shape": [0, 4], "dtype": "float32"})",
                           R"("a.bin", "b.bin")"),
                     {{"a.bin", raw({2, 0, 0, 0, 'a'})}, {"b.bin", raw({'b', 0, 0, 0, 0})}});
  ASSERT_TRUE(source.ok()) << source.error().text();
  EXPECT_EQ(constant(*source).source().strings(), (std::vector<std::string>{"ab", ""}));
}

TEST(Tfjs, ConstantsOfFunctionsAreFilled) {
  auto source = read(R"({"format": "graph-model", "modelTopology": {
      "node": [{"name": "c", "op": "PartitionedCall", "attr": {"f": {"func": {"name": "body"}},
                "Tout": {"list": {"type": ["DT_INT32"]}}}}],
      "library": {"function": [{"signature": {"name": "body", "outputArg": [{"name": "y", "type": "DT_INT32"}]},
        "nodeDef": [{"name": "body/w", "op": "Const", "attr": {"dtype": {"type": "DT_INT32"},
                     "value": {"tensor": {"dtype": "DT_INT32", "tensorShape": {}}}}}],
        "ret": {"y": "body/w:output:0"}}]}},
      "weightsManifest": [{"paths": ["a.bin"], "weights": [{"name": "body/w", "shape": [], "dtype": "int32"}]}]})",
                     {{"a.bin", raw({7, 0, 0, 0})}});
  ASSERT_TRUE(source.ok()) << source.error().text();
  ASSERT_TRUE(source->functions);
  for (int again = 0; again < 2; ++again) {
    auto body = source->functions->find("body");
    ASSERT_TRUE(body.ok()) << body.error().text();
    EXPECT_EQ(constant_of((*body)->output(0))->materialize().at<int32_t>(0), 7);
  }
}

TEST(Tfjs, SignaturesAreInTheOrderOfTheirNumbers) {
  std::string json = model("DT_INT32", R"({"name": "w", "shape": [3], "dtype": "int32"})");
  json.pop_back();
  const std::string signature = R"({"inputs": {"x:0": {"name": "w:0", "dtype": "DT_INT32",
        "tensorShape": {"dim": [{"size": "-1"}]}}}, "outputs": {"Identity_10:0": {"name": "w:0"},
        "Identity_2:0": {"name": "w:0"}, "Identity:0": {"name": "w"}, "a:1": {"name": "w:1"}}})";
  const Files files = {{"a.bin", std::string(12, '\0')}};
  for (const std::string& where :
       {R"("signature": )" + signature + "}",
        R"("signature": {}, "userDefinedMetadata": {"signature": )" + signature + "}}"}) {
    auto source = read(json + "," + where, files);
    ASSERT_TRUE(source.ok()) << source.error().text();
    ASSERT_EQ(source->signatures.size(), 1u);
    const SourceSignature& s = source->signatures[0];
    EXPECT_EQ(s.key, "serving_default");
    EXPECT_EQ(s.inputs[0].name, "x");
    EXPECT_EQ(to_string(s.inputs[0].shape), "[?]");
    std::string names;
    for (const auto& output : s.outputs) names += output.name + " ";
    EXPECT_EQ(names, "Identity Identity_2 Identity_10 a:1 ");
    EXPECT_EQ(s.outputs[3].tensor.result, 1u);
  }
}

TEST(Tfjs, WeightsThatDoNotFit) {
  const std::string w = R"({"name": "w", "shape": [3], "dtype": "int32"})";
  EXPECT_EQ(
      error_of(read(model("DT_INT32", w), {{"a.bin", "12345678901"}})),
      "truncated: folder/a.bin: node 'w' (weight): the weights files end before their weights do; "
      "expected 12 bytes in the group's 1 file, found 11. A file is probably incomplete: copy or "
      "download them again.");
  EXPECT_EQ(
      error_of(read(model("DT_INT32", w))),
      "not_found: folder/a.bin: a weights file that the model names is missing; expected 1 weights "
      "files in the group. Copy all files of the model into one folder.");
  EXPECT_NE(error_of(read(model("DT_INT32", w + "," + w)))
                .find("malformed: folder/model.json: node 'w' (weight): two weights have one name"),
            std::string::npos);
  EXPECT_NE(error_of(read(model("DT_STRING", w), {{"a.bin", std::string(12, 'x')}}))
                .find("dtype does not fit"),
            std::string::npos);
  EXPECT_NE(error_of(read(model("DT_INT32", R"({"name": "v", "shape": [], "dtype": "bool"})"),
                          {{"a.bin", "x"}}))
                .find("the constant has no value"),
            std::string::npos);
  // Sizes that no file can have.
  EXPECT_NE(
      error_of(read(model("DT_INT32",
                          R"({"name": "w", "shape": [4611686018427387904], "dtype": "int32"})"),
                    {{"a.bin", "x"}}))
          .find("truncated"),
      std::string::npos);
  EXPECT_NE(error_of(read(model("DT_STRING",
                                R"({"name": "w", "shape": [9999999999], "dtype": "string"})"),
                          {{"a.bin", "x"}}))
                .find("truncated"),
            std::string::npos);
  auto longer = read(model("DT_INT32", w), {{"a.bin", std::string(15, '\0')}});
  ASSERT_TRUE(longer.ok());
  EXPECT_EQ(longer->facts.warnings.size(), 1u);
}

TEST(Tfjs, ManifestsThatMakeNoSense) {
  const auto weight = [](const std::string& members) {
    return error_of(
        read(model("DT_FLOAT", "{" + members + "}"), {{"a.bin", std::string(12, '\0')}}));
  };
  const std::string head = R"("name": "w", "shape": [3], )";
  for (const char* members :
       {R"("dtype": "float32", "quantization": {"dtype": "uint8", "scale": 1})",
        R"("dtype": "float32", "quantization": {"dtype": "uint8", "min": 1})",
        R"("dtype": "float32", "quantization": {"dtype": "uint8", "min": 1, "scale": 1e999})",
        R"("dtype": "float32", "quantization": {"dtype": "int8", "min": 0, "scale": 1})",
        R"("dtype": "float32", "quantization": {})",
        R"("dtype": "int32", "quantization": {"dtype": "float16"})",
        R"("dtype": "bool", "quantization": {"dtype": "uint8", "min": 0, "scale": 1})",
        R"("dtype": "float33")", R"("dtype": "resource")"}) {
    EXPECT_EQ(weight(head + members).rfind("malformed: folder/model.json: node 'w'", 0), 0u)
        << members;
  }
  EXPECT_NE(weight(R"("name": "w", "dtype": "float32")").find("impossible"), std::string::npos);
  EXPECT_NE(weight(R"("name": "w", "dtype": "float32", "shape": [-1])").find("impossible"),
            std::string::npos);
  EXPECT_NE(weight(R"("shape": [3], "dtype": "float32")").find("no name"), std::string::npos);
  for (const char* path : {"/etc/passwd", "../a.bin", "x/../../a.bin", "..", "", "a\\\\b"}) {
    EXPECT_NE(error_of(read(model("DT_FLOAT", "", "\"" + std::string(path) + "\"")))
                  .find("beside the model"),
              std::string::npos)
        << path;
  }
  EXPECT_NE(error_of(read(model("DT_FLOAT", "", R"("a.bin", "a.bin")"))).find("twice"),
            std::string::npos);
}

TEST(Tfjs, OtherJson) {
  EXPECT_EQ(
      error_of(read(
          R"({"format": "layers-model", "modelTopology": {"model_config": {}}, "weightsManifest": []})")),
      "unsupported: folder/model.json: is a Keras model in TensorFlow.js form, not a graph model; "
      "expected "
      "\"format\": \"graph-model\", found \"format\": \"layers-model\". Convert the Keras model "
      "that it was "
      "made from, or export a graph model.");
  EXPECT_EQ(error_of(read("{}")).rfind("unknown_format", 0), 0u);
  EXPECT_EQ(error_of(read(R"({"modelTopology": {"node": []}, "weightsManifest": [}")"))
                .rfind("malformed", 0),
            0u);
  EXPECT_EQ(error_of(read(R"({"modelTopology": {"node": []}, "weightsManifest": []})"))
                .rfind("malformed", 0),
            0u);
  EXPECT_TRUE(is_tfjs_text(" \n{\"a\": 1}"));
  EXPECT_FALSE(is_tfjs_text("\n{\n\"name\x12\x05"));
  EXPECT_FALSE(is_tfjs_text("[]"));
}

}  // namespace
}  // namespace pumice
