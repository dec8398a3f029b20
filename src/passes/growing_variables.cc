// BEFORE  body of a WHILE: Return(CONCATENATION(a, x))       a may start empty
// AFTER   body of a WHILE: Return(RESHAPE(c, SHAPE(c) + 0))  with c = CONCATENATION(a, x)
//
// LiteRT's WHILE fails on a variable that starts with no rows and is one row longer after an
// iteration, where its kernels can tell so before they run: "Node number N (WHILE) failed to invoke",
// even if there is no iteration. Sizes behind an addition are found while running only.
#include "ops/lowering.h"
#include "passes/pipeline.h"

namespace pumice {
namespace {

/// Some axis of the variable is of no known positive size before the loop, and none that stays.
bool may_start_empty_and_grow(const Shape& before, const Shape& after) {
  if (!before.known_rank() || !after.is_rank(before.rank())) return true;
  for (size_t i = 0; i < before.rank(); ++i)
    if (!(before[i].known() && before[i].size() > 0) && !before[i].same_as(after[i])) return true;
  return false;
}

/// Its sizes are found while running: this pass made it so.
bool found_while_running(const Value* value) {
  return value->node()->is("RESHAPE") && value->node()->operand_count() == 2 &&
         value->node()->operand(1)->node()->is("ADD");
}

}  // namespace

Result<size_t> growing_variables(Model& model, Graph& graph) {
  size_t applied = 0;
  for (Node& node : graph) {
    if (!node.is("WHILE")) continue;
    const auto* ref = node.attributes.find<FunctionRef>("body");
    Graph* body = ref ? model.find(ref->name) : nullptr;
    if (!body || body->output_count() != node.result_count()) continue;
    for (size_t i = 0; i < node.result_count(); ++i) {
      Value* value = body->output(i);
      if (!may_start_empty_and_grow(node.operand(i)->shape, node.result(i)->shape) ||
          found_while_running(value))
        continue;
      Lowering lowering(*body, body->return_node());
      // SHAPE of known sizes too: a constant would tell them.
      Value* sizes =
          lowering.emit("SHAPE", {value}, {{"out_type", DType::kInt32}}, DType::kInt32,
                        value->shape.known_rank() ? Shape{static_cast<int64_t>(value->shape.rank())}
                                                  : Shape{Dim()});
      sizes = lowering.binary("ADD", sizes, lowering.scalar(DType::kInt32, 0));
      Value* own = lowering.reshape(value, sizes, value->shape);
      own->node()->name = value->node()->name;
      body->set_output(i, own);
      ++applied;
    }
  }
  return applied;
}

}  // namespace pumice
