#include "tflite/reader.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include <gtest/gtest.h>

#include "tflite/test_models.h"
#include "tflite/validator.h"
#include "tflite/writer.h"

namespace pumice {
namespace {

std::vector<std::byte> written(const Model& model) {
  std::string path = ::testing::TempDir() + "pumice-reader-XXXXXX";
  const int fd = mkstemp(path.data());
  EXPECT_GE(fd, 0);
  close(fd);
  const auto result = write_model(model, path);
  EXPECT_TRUE(result.ok()) << result.error().text();
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> content((std::istreambuf_iterator<char>(file)), {});
  std::filesystem::remove(path);
  const auto* data = reinterpret_cast<const std::byte*>(content.data());
  return {data, data + content.size()};
}

Result<TfliteFile> read(std::vector<std::byte> bytes) {
  return read_tflite(Bytes::own(std::move(bytes)), "x.tflite");
}

const Node* find(const Graph& graph, const std::string& op) {
  for (const Node& node : graph) {
    if (node.op == op) return &node;
  }
  return nullptr;
}

TEST(Reader, GivesBackWhatWasWritten) {
  const auto file = read(written(mixed_model()));
  ASSERT_TRUE(file.ok()) << file.error().text();
  EXPECT_TRUE(file->not_represented.empty());
  EXPECT_EQ(file->description.substr(0, 7), "pumice ");
  EXPECT_EQ(file->minimum_runtime, "2.8.0");
  EXPECT_EQ(file->graphs, (std::vector<std::string>{"main", "cond", "body"}));
  EXPECT_EQ(file->model.metadata.at("NOTES"), "text");
  ASSERT_EQ(file->model.signatures.size(), 1u);
  const Signature& signature = file->model.signatures[0];
  EXPECT_EQ(signature.key, "serving_default");
  EXPECT_EQ(signature.inputs[0].name, "x");
  EXPECT_EQ(signature.outputs[3].name, "squeeze0");
  const Graph& g = *file->model.find("main");
  EXPECT_TRUE(verify_graph(g).ok());
  EXPECT_EQ(to_string(g.inputs()[0]->shape), "[?,8,8,3]");

  const Node* conv = find(g, "CONV_2D");
  ASSERT_NE(conv, nullptr);
  EXPECT_EQ(conv->attributes.integer("fused_activation_function"), kActivationRelu6);
  EXPECT_EQ(conv->attributes.integer("dilation_w_factor"), 1);
  EXPECT_EQ(conv->operand(1)->name, "conv/kernel");
  EXPECT_EQ(constant_of(conv->operand(1))->dims(), (Dims{4, 3, 3, 3}));
  EXPECT_EQ(find(g, "WHILE")->attributes.find<FunctionRef>("body")->name, "body");
  const Node* custom = find(g, "custom:Special");
  ASSERT_NE(custom, nullptr);
  EXPECT_EQ(custom->operand(1), nullptr);
  EXPECT_EQ(custom->attributes.string("custom_options"), std::string("\1\0\2", 3));
  EXPECT_FALSE(custom->result(0)->shape.known_rank());
  EXPECT_EQ(custom->result(1)->quantization->scales, (std::vector<float>{0.5f, 0.25f}));
  EXPECT_EQ(custom->result(1)->quantization->zero_points, (std::vector<int64_t>{1, -2}));
  const Node* squeeze = find(g, "SQUEEZE");
  EXPECT_EQ(squeeze->attributes.integers("squeeze_dims"), (std::vector<int64_t>{0}));
  EXPECT_EQ(constant_of(squeeze->operand(0))->materialize().strings(),
            (std::vector<std::string>{"one", ""}));
  EXPECT_EQ(find(g, "BUCKETIZE")->attributes.get<std::vector<float>>("boundaries"),
            (std::vector<float>{0, 1.5f}));
  EXPECT_EQ(find(g, "CAST")->attributes.dtype("out_data_type"), DType::kInt64);
  EXPECT_EQ(find(g, "VAR_HANDLE")->attributes.string("shared_name"), "v");
}

TEST(Reader, WrittenAgainTheModelReadsTheSame) {
  const auto first = read(written(mixed_model()));
  ASSERT_TRUE(first.ok());
  const std::vector<std::byte> bytes = written(first->model);
  const auto second = read(bytes);
  ASSERT_TRUE(second.ok());
  for (const auto& [name, graph] : first->model.graphs) {
    EXPECT_EQ(to_text(*graph), to_text(*second->model.find(name)));
  }
  EXPECT_EQ(written(second->model), bytes);
}

TEST(Reader, GivesAModelWithoutSignaturesANamelessOne) {
  Model model = conv_model(3, 4);
  model.signatures.clear();
  const auto file = read(written(model));
  ASSERT_TRUE(file.ok());
  ASSERT_EQ(file->model.signatures.size(), 1u);
  EXPECT_EQ(file->model.signatures[0].key, "");
  EXPECT_EQ(file->model.signatures[0].inputs[0].name, "x");
}

TEST(Reader, SaysWhatIsNoModel) {
  EXPECT_EQ(read({}).error().code(), ErrorCode::kTruncated);
  EXPECT_EQ(read(std::vector<std::byte>(100, std::byte{'x'})).error().code(),
            ErrorCode::kUnknownFormat);
}

TEST(Reader, TakesEveryTruncationForAnError) {
  const std::vector<std::byte> bytes = written(mixed_model());
  for (size_t n = 0; n < bytes.size(); ++n) {
    const auto file = read({bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(n)});
    if (file.ok()) continue;  // what was cut off is padding
    EXPECT_TRUE(file.error().code() == ErrorCode::kTruncated ||
                file.error().code() == ErrorCode::kMalformed)
        << n << ": " << file.error().text();
  }
}

TEST(Reader, SurvivesFlippedBits) {
  const std::vector<std::byte> bytes = written(mixed_model());
  for (size_t bit = 0; bit < bytes.size() * 8; bit += 3) {
    std::vector<std::byte> damaged = bytes;
    damaged[bit / 8] ^= std::byte{1} << (bit % 8);
    const auto file = read(damaged);
    if (!file.ok()) continue;
    for (const auto& [name, graph] : file->model.graphs) ASSERT_TRUE(verify_graph(*graph).ok());
    (void)validate_tflite(Bytes::own(damaged), "x.tflite");
  }
}

TEST(Reader, SurvivesRandomWords) {
  const std::vector<std::byte> bytes = written(mixed_model());
  std::mt19937 random(11);
  for (int round = 0; round < 1000; ++round) {
    std::vector<std::byte> damaged = bytes;
    for (int k = 0; k < 3; ++k) {
      const size_t at = random() % (bytes.size() - 4);
      const uint32_t word = random() % 2 ? random() : random() % 64;
      std::memcpy(damaged.data() + at, &word, 4);
    }
    (void)read(damaged);
  }
}

TEST(Validator, FindsSubgraphsInACircle) {
  Model model = mixed_model();
  Graph* body = model.find("body");
  Node* loop = body->create("WHILE", {body->output(0)});
  loop->attributes = {{"cond", FunctionRef{"cond", nullptr}},
                      {"body", FunctionRef{"body", nullptr}}};
  body->set_output(0, typed(loop, DType::kInt32, Shape::scalar()));
  const auto result = write_model(model, ::testing::TempDir() + "pumice-circle.tflite");
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().text().find("circle"), std::string::npos) << result.error().text();
}

TEST(Validator, FindsACallThatDoesNotFit) {
  Model model = mixed_model();
  model.find("body")->add_input("more", DType::kInt32, Shape::scalar());
  const auto result = write_model(model, ::testing::TempDir() + "pumice-call.tflite");
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().text().find("does not fit the call"), std::string::npos)
      << result.error().text();
}

}  // namespace
}  // namespace pumice
