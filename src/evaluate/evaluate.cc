#include "evaluate/evaluate.h"

#include <unordered_map>

#include "ops/infer.h"
#include "ops/op.h"

namespace pumice {
namespace {

Status check_inputs(const Graph& graph, std::span<const Tensor> inputs) {
  if (inputs.size() != graph.inputs().size())
    return Error(ErrorCode::kUsage, "wrong number of input tensors")
        .expected(std::to_string(graph.inputs().size()))
        .found(std::to_string(inputs.size()));
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Value& value = *graph.inputs()[i];
    if (value.dtype == inputs[i].dtype() && merge(value.shape, Shape(inputs[i].dims()))) continue;
    return Error(ErrorCode::kUsage, "the tensor does not fit input '" + value.node()->name + "'")
        .expected(std::string(dtype_name(value.dtype)) + to_string(value.shape))
        .found(std::string(dtype_name(inputs[i].dtype())) + to_string(inputs[i].dims()));
  }
  return {};
}

}  // namespace

Result<std::vector<Tensor>> evaluate(const Model& model, const Graph& graph,
                                     std::span<const Tensor> inputs) {
  PUMICE_CHECK(check_inputs(graph, inputs));
  struct Slot {
    Tensor tensor;
    size_t readers;
  };
  std::unordered_map<const Value*, Slot> slots;
  slots.reserve(graph.node_count());
  for (size_t i = 0; i < inputs.size(); ++i)
    slots[graph.inputs()[i]] = {inputs[i], graph.inputs()[i]->uses().size()};
  for (Node& node : graph) {
    if (node.is("Input") || node.is("Return")) continue;
    if (const Constant* constant = node.attributes.find<Constant>("value"); constant && node.is("Const")) {
      slots[node.result()] = {constant->materialize(), node.result()->uses().size()};
      continue;
    }
    const OpDef* op = find_op(node.op);
    if (!op || !op->evaluate) return unsupported(node, "the reference evaluator does not know this op");
    EvalContext context{node, {}, {}, &model};
    for (size_t i = 0; i < node.operand_count(); ++i) {
      if (!node.operand(i)) {
        context.inputs.emplace_back();
        continue;
      }
      Slot& slot = slots[node.operand(i)];
      context.inputs.push_back(slot.tensor);
      if (--slot.readers == 0) slot.tensor = Tensor();
    }
    if (auto status = op->evaluate(context); !status.ok())
      return std::move(status).error().at(node.name, node.op);
    if (context.outputs.size() != node.result_count())
      return Error(ErrorCode::kInternal, "the evaluation gave the wrong number of results")
          .at(node.name, node.op);
    for (size_t i = 0; i < node.result_count(); ++i)
      if (!node.result(i)->unused())
        slots[node.result(i)] = {std::move(context.outputs[i]), node.result(i)->uses().size()};
  }
  std::vector<Tensor> outputs;
  for (size_t i = 0; i < graph.output_count(); ++i)
    outputs.push_back(slots[graph.output(i)].tensor);
  return outputs;
}

}  // namespace pumice
