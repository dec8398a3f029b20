// BEFORE  RELU6(CONV_2D(x, W, b))
// AFTER   CONV_2D(x, W, b) {fused_activation_function=RELU6}
//
// For RELU, RELU6 and RELU_N1_TO_1 after the float32 ops whose kernels clamp their results.
#include <array>
#include <string_view>

#include "passes/pipeline.h"
#include "passes/rewrite.h"
#include "tflite/enums.h"

namespace pumice {
namespace {

constexpr std::array<std::string_view, 10> kClamping = {
    "ADD", "AVERAGE_POOL_2D", "CONV_2D",     "CONV_3D", "DEPTHWISE_CONV_2D",
    "DIV", "FULLY_CONNECTED", "MAX_POOL_2D", "MUL",     "SUB"};

int64_t clamp_of(const Node& node) {
  if (node.is("RELU")) return kActivationRelu;
  if (node.is("RELU6")) return kActivationRelu6;
  if (node.is("RELU_N1_TO_1")) return kActivationReluN1To1;
  return kActivationNone;
}

}  // namespace

Result<size_t> fuse_activation(Model& model, Graph& graph) {
  size_t applied = 0;
  for (Node* node = graph.first(); node;) {
    Node* next = node->next();
    int64_t clamp = clamp_of(*node);
    if (clamp != kActivationNone && node->result()->dtype == DType::kFloat32) {
      Value* input = node->operand(0);
      Node& producer = *input->node();
      bool clamping = false;
      for (std::string_view op : kClamping) clamping |= producer.is(op);
      if (clamping && input->single_use() && activation_of(producer) == kActivationNone) {
        set_activation(producer, clamp);
        producer.name = node->name;
        input->name = node->result()->name;
        graph.replace_uses(node->result(), input);
        graph.erase(node);
        ++applied;
      }
    }
    node = next;
  }
  return applied;
}

}  // namespace pumice
