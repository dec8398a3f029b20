// BEFORE  Return(x, y, y, c)            with x an Input, c a Const
// AFTER   Return(RESHAPE(x), y, RESHAPE(y), RESHAPE(c))
//
// The compiled-model runtime leaves an output uninitialised when its tensor is also an input or
// stands under two output names; a same-shape RESHAPE gives each output a tensor of its own. It
// takes no output that a kernel allocates while it runs: where the sizes are known, the RESHAPE
// tells them. Nor does it see what the runtime computes of sizes between two kernels: an addition of 0
// writes that into the output.
#include <unordered_set>

#include "ops/lowering.h"
#include "passes/data_dependence.h"
#include "passes/pipeline.h"

namespace pumice {

Result<size_t> own_output_tensors(Model& model, Graph& graph) {
  size_t applied = 0;
  std::unordered_set<const Value*> taken;
  ShapesAtRunTime shapes = shapes_at_run_time(graph);
  for (size_t i = 0; i < graph.output_count(); ++i) {
    Value* output = graph.output(i);
    bool produced = !output->node()->is("Input") && !output->node()->is("Const") &&
                    !(shapes.allocated.count(output) && output->shape.fully_known());
    const bool late = shapes.late.count(output) != 0;
    if (produced && !late && taken.insert(output).second) continue;
    Lowering lowering(graph, graph.return_node());
    Value* own;
    if (late) {
      own = lowering.binary("ADD", output, lowering.scalar(output->dtype, 0));
    } else if (output->shape.known_rank() && output->shape.unknown_dims() <= 1) {
      own = lowering.emit(
          "RESHAPE", {output, lowering.constant_i32(output->shape.sizes_or_minus_one())},
          {{"new_shape", output->shape.sizes_or_minus_one()}}, output->dtype, output->shape);
    } else {
      own = lowering.reshape(output, lowering.shape_of(output), output->shape);
    }
    own->node()->name = output->node()->name;
    graph.set_output(i, own);
    ++applied;
  }
  return applied;
}

}  // namespace pumice
