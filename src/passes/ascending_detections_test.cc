#include "ops/detection_post_process.h"
#include "ops/infer.h"
#include "passes/rewrite_test.h"

namespace pumice {
namespace {

struct AscendingDetectionsTest : RewriteTest {
  Value* x = input({1});

  std::vector<Value*> operation() {
    Value* const operands[] = {x};
    Node* op = make.emit_node(std::string("custom:") + kDetectionPostProcess, operands, {}, 4);
    const Shape shapes[] = {{1, 10, 4}, {1, 10}, {1, 10}, {1}};
    std::vector<Value*> results;
    for (size_t i = 0; i < 4; ++i) {
      set_result(*op, i, DType::kFloat32, shapes[i]);
      results.push_back(op->result(i));
    }
    return results;
  }
  std::vector<Value*> either() {
    const auto a = operation(), b = operation();
    Value* first = graph.add_input("first", DType::kBool, {});
    std::vector<Value*> results;
    for (size_t i = 0; i < 4; ++i)
      results.push_back(make.emit("SELECT_V2", {first, a[i], b[i]}, {}, a[i]->dtype, a[i]->shape));
    return results;
  }
  size_t run_on(const std::vector<Value*>& outputs) {
    for (Value* value : outputs) output(value);
    return run(ascending_detections);
  }
  /// Whether the outputs' nodes come in the outputs' order.
  bool ascend() {
    size_t next = 0;
    for (Node& node : graph)
      if (next < graph.output_count() && graph.output(next)->node() == &node) ++next;
    return next == graph.output_count();
  }
};

TEST_F(AscendingDetectionsTest, TheOperatorsOwnStay) {
  EXPECT_EQ(run_on(operation()), 0u);
  EXPECT_EQ(ops(), "custom:TFLite_Detection_PostProcess");
}

TEST_F(AscendingDetectionsTest, BoxesThatComeLater) {
  auto outputs = operation();
  outputs[0] = make.unary("RELU_0_TO_1", outputs[0]);
  EXPECT_EQ(run_on(outputs), 1u);
  EXPECT_TRUE(ascend());
}

TEST_F(AscendingDetectionsTest, BoxesOfEitherThatComeLater) {
  auto outputs = either();
  outputs[0] = make.unary("RELU_0_TO_1", outputs[0]);
  outputs[2] = mul(outputs[2], number(2));
  EXPECT_EQ(run_on(outputs), 1u);
  EXPECT_TRUE(ascend());
}

TEST_F(AscendingDetectionsTest, EitherStays) {
  EXPECT_EQ(run_on(either()), 0u);
  EXPECT_TRUE(ascend());
}

}  // namespace
}  // namespace pumice
