// BEFORE  op: TFLite_Detection_PostProcess → b, c, s, n   Return(RELU_0_TO_1(b), c, s, n)
// AFTER   the same op
//         Return(RELU_0_TO_1(b), RESHAPE(c), RESHAPE(s), RESHAPE(n))
//
// Who reads detectors' metadata tells boxes, classes, scores and count by ascending tensor numbers,
// and tensors are numbered in the order of their nodes. Where the boxes come later than the
// operator, or than what selects among two of it, the other three do as well.
#include "ops/detection_post_process.h"
#include "ops/lowering.h"
#include "passes/pipeline.h"
#include "tflite/op_description.h"

namespace pumice {
namespace {

/// Which of the results the value is, of the operator or of either of two; -1: none.
int detection(const Value* value) {
  if (value->node()->is("SELECT_V2")) value = value->node()->operand(1);
  const bool op = value->node()->is(std::string(kCustomPrefix) + kDetectionPostProcess);
  return op ? static_cast<int>(value->index()) : -1;
}

}  // namespace

Result<size_t> ascending_detections(Model& model, Graph& graph) {
  if (graph.output_count() != 4 || detection(graph.output(1)) != 1 ||
      detection(graph.output(3)) != 3 || detection(graph.output(0)) == 0)
    return size_t{0};
  for (Node& node : graph) {
    if (node.result_count() == 0 || detection(node.result()) < 0) continue;
    // The outputs take the names that these results have had, or would have.
    node.name += "/all";
    for (size_t i = 0; i < node.result_count(); ++i) node.result(i)->name.clear();
  }
  for (size_t i = 1; i < 4; ++i) {
    Value* output = graph.output(i);
    if (detection(output) != static_cast<int>(i)) {
      graph.move_before(output->node(), graph.return_node());
      continue;
    }
    Lowering lowering(graph, graph.return_node());
    Value* own =
        lowering.emit("RESHAPE", {output, lowering.constant_i32(output->shape.sizes())},
                      {{"new_shape", output->shape.sizes()}}, output->dtype, output->shape);
    graph.set_output(i, own);
  }
  for (const Signature& signature : model.signatures)
    for (size_t i = 0; signature.graph == graph.name && i < 4; ++i)
      graph.output(i)->name = signature.outputs[i].name;
  return size_t{1};
}

}  // namespace pumice
