// BEFORE  op: TFLite_Detection_PostProcess → b, c, s, n   Return(RELU_0_TO_1(b), c, s, n)
// AFTER   the same op
//         Return(RELU_0_TO_1(b), RESHAPE(c), RESHAPE(s), RESHAPE(n))
//
// Who reads detectors' metadata tells boxes, classes, scores and count by ascending tensor numbers,
// and tensors are numbered in the order of their nodes. Where the boxes come later than the
// operator, the other three do as well.
#include "ops/detection_post_process.h"
#include "ops/lowering.h"
#include "passes/pipeline.h"
#include "tflite/op_description.h"

namespace pumice {

Result<size_t> ascending_detections(Model& model, Graph& graph) {
  if (graph.output_count() != 4) return size_t{0};
  Node* op = graph.output(1)->node();
  const std::string name = std::string(kCustomPrefix) + kDetectionPostProcess;
  if (!op->is(name) || graph.output(1) != op->result(1) || graph.output(3) != op->result(3) ||
      graph.output(0)->node() == op)
    return size_t{0};
  for (size_t i = 1; i < 4; ++i) {
    Value* output = graph.output(i);
    if (output->node() != op) {
      graph.move_before(output->node(), graph.return_node());
      continue;
    }
    Lowering lowering(graph, graph.return_node());
    Value* own =
        lowering.emit("RESHAPE", {output, lowering.constant_i32(output->shape.sizes())},
                      {{"new_shape", output->shape.sizes()}}, output->dtype, output->shape);
    graph.set_output(i, own);
  }
  // The outputs take the names that the operator's own results would have had.
  op->name += "/all";
  for (const Signature& signature : model.signatures)
    for (size_t i = 0; signature.graph == graph.name && i < 4; ++i)
      graph.output(i)->name = signature.outputs[i].name;
  return size_t{1};
}

}  // namespace pumice
