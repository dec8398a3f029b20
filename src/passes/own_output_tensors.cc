// BEFORE  Return(x, y, y, c)            with x an Input, c a Const
// AFTER   Return(RESHAPE(x), y, RESHAPE(y), RESHAPE(c))
//
// The compiled-model runtime leaves an output uninitialised when its tensor is also an input or
// stands under two output names; a same-shape RESHAPE gives each output a tensor of its own. It
// takes no output that a kernel allocates while it runs: where the sizes are known, the RESHAPE
// tells them. Nor does it see what the runtime computes of sizes between two kernels: an addition
// of 0 writes that into the output. Between the graphs of loops and branches the runtime moves
// tensors about, and frees twice what it computed before the run, as it does the RESHAPE of a
// constant: there, constants are added to 0 or cast. So are empty ones everywhere: of what a RESHAPE
// makes of them, the runtime has nothing to read.
#include <unordered_set>

#include "graph/cast.h"
#include "ops/lowering.h"
#include "passes/data_dependence.h"
#include "passes/pipeline.h"

namespace pumice {
namespace {

bool is_entry(const Model& model, const Graph& graph) {
  for (const Signature& signature : model.signatures)
    if (signature.graph == graph.name) return true;
  return model.signatures.empty();
}

/// A constant as a value that is computed while the model runs; null for dtypes without a kernel
/// for it.
Value* at_run_time(Lowering& lowering, const Constant& constant) {
  Value* value = lowering.constant(constant);
  switch (constant.dtype()) {
    case DType::kFloat32:
      // Not +0: it would make a +0 of -0.
      return lowering.binary("ADD", value, lowering.constant(Tensor::scalar_f32(-0.0f)));
    case DType::kInt32:
    case DType::kInt64: return lowering.binary("ADD", value, lowering.scalar(constant.dtype(), 0));
    case DType::kBool:
    case DType::kInt8:
    case DType::kUInt8:
    case DType::kInt16:
    case DType::kFloat16: {
      const DType through = constant.dtype() == DType::kFloat16 ? DType::kFloat32 : DType::kInt32;
      Value* wide = lowering.constant(Constant(cast_tensor(constant.materialize(), through)));
      return lowering.cast(wide, constant.dtype());
    }
    default: return nullptr;
  }
}

}  // namespace

Result<size_t> own_output_tensors(Model& model, Graph& graph) {
  size_t applied = 0;
  std::unordered_set<const Value*> taken;
  const bool entry = is_entry(model, graph);
  ShapesAtRunTime shapes = shapes_at_run_time(graph);
  for (size_t i = 0; i < graph.output_count(); ++i) {
    Value* output = graph.output(i);
    bool produced = !output->node()->is("Input") && !output->node()->is("Const") &&
                    !(shapes.allocated.count(output) && output->shape.fully_known());
    const bool late = shapes.late.count(output) != 0;
    if (produced && !late && taken.insert(output).second) continue;
    Lowering lowering(graph, graph.return_node());
    Value* own = nullptr;
    if (const Constant* constant = constant_of(output);
        constant && (!entry || constant->elements() == 0))
      own = at_run_time(lowering, *constant);
    if (own) {
      // A constant of a loop or a branch.
    } else if (late) {
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
