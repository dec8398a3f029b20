#include "tflite/op_version.h"

#include <gtest/gtest.h>

#include "tflite/op_description.h"
#include "tflite/test_models.h"

namespace pumice {
namespace {

TEST(OpDescription, FindsOperatorsByNameAndNumber) {
  for (const OpDescription& op : op_descriptions()) {
    EXPECT_EQ(describe_op(op.name), &op);
    EXPECT_EQ(describe_op(op.code), &op);
  }
  EXPECT_EQ(describe_op("Conv2D"), nullptr);
  EXPECT_EQ(describe_op(kCustomCode), nullptr);
  EXPECT_EQ(describe_op(-1), nullptr);
  EXPECT_EQ(describe_op(100000), nullptr);
}

TEST(OpVersion, EveryWritableOperatorHasARuntime) {
  for (const OpDescription& op : op_descriptions()) {
    if (op.opaque || op.name == "CALL" || op.name == "CONCAT_EMBEDDINGS") continue;
    const int first = op.name == "BROADCAST_TO" ? 2 : 1;
    EXPECT_FALSE(minimum_runtime(op.name, first).empty()) << op.name;
  }
  EXPECT_EQ(minimum_runtime("CONV_2D", 5), "2.4.0");
  EXPECT_EQ(minimum_runtime("CONV_2D", 99), "");
  EXPECT_EQ(minimum_runtime("custom:X", 1), "");
}

TEST(OpVersion, ComparesRuntimesByNumbers) {
  EXPECT_TRUE(runtime_before("1.14.0", "2.3.0"));
  EXPECT_TRUE(runtime_before("2.9.0", "2.14.0"));
  EXPECT_TRUE(runtime_before("", "1.5.0"));
  EXPECT_FALSE(runtime_before("2.3.0", "2.3.0"));
  EXPECT_FALSE(runtime_before("2.10.0", "2.9.0"));
}

/// The version of `op` with operands of these types and shapes.
int version(const std::string& op, std::vector<std::pair<DType, Shape>> operands, DType result,
            Attributes attributes = {}) {
  Graph graph;
  std::vector<Value*> values;
  for (const auto& [dtype, shape] : operands) values.push_back(graph.add_input("x", dtype, shape));
  Node* node = graph.create(op, values);
  node->attributes = std::move(attributes);
  typed(node, result, Shape());
  return op_version(*node);
}

TEST(OpVersion, FollowsTypesRanksAndOptions) {
  const Shape four{1, 2, 2, 4}, five{1, 1, 2, 2, 4}, six{1, 1, 1, 2, 2, 4};
  const DType f = DType::kFloat32, i8 = DType::kInt8, i16 = DType::kInt16;
  EXPECT_EQ(version("CONV_2D", {{f, four}, {f, four}}, f), 1);
  EXPECT_EQ(version("CONV_2D", {{f, four}, {f, Shape{4, 1, 1, 2}}}, f), 6);
  EXPECT_EQ(version("CONV_2D", {{f, four}, {i8, four}}, f), 2);
  EXPECT_EQ(version("CONV_2D", {{i8, four}, {i8, four}}, i8), 3);
  EXPECT_EQ(
      version("DEPTHWISE_CONV_2D", {{f, four}, {f, four}}, f, {{"dilation_w_factor", int64_t{2}}}),
      2);
  EXPECT_EQ(version("TRANSPOSE", {{f, five}}, f), 4);
  EXPECT_EQ(version("TRANSPOSE", {{f, six}}, f), 6);
  EXPECT_EQ(version("MAXIMUM", {{f, five}, {f, four}}, f), 3);
  EXPECT_EQ(version("MAXIMUM", {{f, five}, {f, five}}, f), 1);
  EXPECT_EQ(version("ADD", {{DType::kInt64, four}, {DType::kInt64, four}}, DType::kInt64), 4);
  EXPECT_EQ(version("ADD", {{i16, four}, {i16, four}}, i16), 5);
  EXPECT_EQ(version("STRIDED_SLICE", {{f, four}}, f, {{"new_axis_mask", int64_t{1}}}), 6);
  EXPECT_EQ(version("RESIZE_BILINEAR", {{f, four}}, f, {{"half_pixel_centers", true}}), 3);
  EXPECT_EQ(version("GATHER", {{f, four}}, f, {{"batch_dims", int64_t{1}}}), 5);
  EXPECT_EQ(version("BROADCAST_TO", {{f, four}}, f), 2);
  EXPECT_EQ(version("FULLY_CONNECTED", {{f, four}, {f, four}}, f), 6);
  EXPECT_EQ(version("CAST", {{DType::kFloat16, four}}, f), 5);
  EXPECT_EQ(version("WHERE", {{DType::kBool, four}}, DType::kInt64), 1);
  EXPECT_EQ(version("custom:X", {}, f), 1);
}

}  // namespace
}  // namespace pumice
