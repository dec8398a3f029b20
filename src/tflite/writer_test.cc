#include "tflite/writer.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include <gtest/gtest.h>

#include "tflite/test_models.h"

namespace pumice {
namespace {

/// A folder of its own for each test, removed with what is in it.
class WriterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "pumice-writer-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  static std::string read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::stringstream content;
    content << file.rdbuf();
    return content.str();
  }
  size_t files() const {
    const std::filesystem::directory_iterator all(folder_);
    return static_cast<size_t>(std::distance(begin(all), end(all)));
  }
  std::string folder_;
};

TEST_F(WriterTest, WritesTheSameBytesTwice) {
  const Model model = conv_model(3, 4);
  const auto first = write_model(model, path("a.tflite"));
  ASSERT_TRUE(first.ok()) << first.error().text();
  ASSERT_TRUE(write_model(model, path("b.tflite")).ok());
  const std::string bytes = read(path("a.tflite"));
  EXPECT_EQ(bytes, read(path("b.tflite")));
  EXPECT_EQ(bytes.substr(4, 4), "TFL3");
  EXPECT_EQ(first->bytes, bytes.size());
  EXPECT_EQ(first->ops.at("CONV_2D"), 1);
  EXPECT_EQ(first->minimum_runtime, "1.5.0");
  EXPECT_EQ(files(), 2u);
}

TEST_F(WriterTest, LeavesAnExistingFileWhenAGraphIsWrong) {
  std::ofstream(path("a.tflite")) << "precious";
  Model model = conv_model(3, 4);
  model.find("main")->output(0)->node()->attributes.set("strides", int64_t{1});
  const auto result = write_model(model, path("a.tflite"));
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), ErrorCode::kInternal);
  EXPECT_EQ(read(path("a.tflite")), "precious");
  EXPECT_EQ(files(), 1u);
}

TEST_F(WriterTest, SaysThatAFolderIsMissing) {
  const auto result = write_model(conv_model(3, 4), path("missing/a.tflite"));
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), ErrorCode::kUnwritable);
}

TEST_F(WriterTest, SaysThatTheOutputIsAFolder) {
  std::filesystem::create_directory(path("a.tflite"));
  const auto result = write_model(conv_model(3, 4), path("a.tflite"));
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), ErrorCode::kUnwritable);
}

TEST_F(WriterTest, WritesTheSameConstantOnce) {
  Model model = conv_model(64, 64);
  Graph* graph = model.find("main");
  Node* conv = graph->output(0)->node();
  const Constant filter = *constant_of(conv->operand(1));
  Node* second =
      graph->create("CONV_2D", {conv->result(), graph->constant(filter), conv->operand(2)});
  second->attributes = conv->attributes;
  second->result()->dtype = DType::kFloat32;
  second->result()->shape = conv->result()->shape;
  graph->set_output(0, second->result());
  const auto result = write_model(model, path("a.tflite"));
  ASSERT_TRUE(result.ok()) << result.error().text();
  EXPECT_LT(result->bytes, filter.byte_size() + 4096);
}

}  // namespace
}  // namespace pumice
