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

constexpr int64_t kMostIterations = 100'000'000;

const Graph* called(const Model& model, const Node& node, const char* attribute) {
  const auto* ref = node.attributes.find<FunctionRef>(attribute);
  return ref ? model.find(ref->name) : nullptr;
}

Result<bool> is_true(const Node& node, const Tensor& condition) {
  if (condition.dtype() == DType::kString || condition.elements() != 1)
    return unsupported(node, "the reference evaluator takes one number as a condition");
  return condition.number_at(0) != 0;
}

/// Loops and branches, on the graphs that they name. False: the node is none.
Result<bool> evaluate_call(EvalContext& context) {
  const Node& node = context.node;
  const Model& model = *context.model;
  if (node.is("While") || node.is("StatelessWhile")) {
    const Graph *cond = called(model, node, "cond"), *body = called(model, node, "body");
    if (!cond || !body || cond->output_count() != 1 ||
        body->output_count() != context.inputs.size())
      return malformed(node, "the loop's functions do not fit its inputs");
    context.outputs = context.inputs;
    for (int64_t i = 0;; ++i) {
      if (i == kMostIterations) return unsupported(node, "the loop does not end");
      PUMICE_TRY(auto again, evaluate(model, *cond, context.outputs));
      PUMICE_TRY(bool more, is_true(node, again[0]));
      if (!more) return true;
      PUMICE_TRY(context.outputs, evaluate(model, *body, context.outputs));
    }
  }
  if (node.is("If") || node.is("StatelessIf")) {
    if (context.inputs.empty()) return malformed(node, "a branch without a condition");
    PUMICE_TRY(bool then, is_true(node, context.in(0)));
    const Graph* branch = called(model, node, then ? "then_branch" : "else_branch");
    if (!branch) return malformed(node, "the branch's function does not fit");
    PUMICE_TRY(context.outputs, evaluate(model, *branch, std::span(context.inputs).subspan(1)));
    return true;
  }
  const auto* branches = node.attributes.find<std::vector<FunctionRef>>("branches");
  if ((node.is("Case") || node.is("StatelessCase")) && branches && !branches->empty()) {
    if (context.inputs.empty() || context.in(0).dtype() != DType::kInt32 ||
        context.in(0).elements() != 1)
      return malformed(node, "a case without an index");
    int64_t index = context.in(0).integer_at(0), last = static_cast<int64_t>(branches->size()) - 1;
    const Graph* branch =
        model.find((*branches)[static_cast<size_t>(index < 0 || index > last ? last : index)].name);
    if (!branch) return malformed(node, "the branch's function does not fit");
    PUMICE_TRY(context.outputs, evaluate(model, *branch, std::span(context.inputs).subspan(1)));
    return true;
  }
  return false;
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
    if (const Constant* constant = node.attributes.find<Constant>("value");
        constant && node.is("Const")) {
      slots[node.result()] = {constant->materialize(), node.result()->uses().size()};
      continue;
    }
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
    PUMICE_TRY(bool call, evaluate_call(context));
    const OpDef* op = find_op(node.op);
    if (!call && (!op || !op->evaluate))
      return unsupported(node, "the reference evaluator does not know this op");
    if (!call)
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
