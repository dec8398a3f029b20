// BEFORE  Shape(x:[a,10,4]) → StridedSlice[0] → Pack(·, 40) → Reshape(x, ·)
// AFTER   Reshape(x, ·):[a,40], and every value that depends on constants alone is a Const.
//
// All knowledge flows forward, so one sweep in topological order reaches the fixpoint; a rewrite that
// puts new nodes before the current one (an unrolled loop) continues at the first of them.
#include "passes/simplify.h"

#include <algorithm>

#include "graph/cast.h"
#include "import/import.h"
#include "ops/infer.h"
#include "ops/op.h"

namespace pumice {
namespace {

void give_symbols(Model& model, Shape& shape, const Shape& earlier) {
  if (!shape.known_rank()) return;
  for (size_t i = 0; i < shape.rank(); ++i) {
    if (shape[i].known() || shape[i].is_symbol()) continue;
    bool had = earlier.is_rank(shape.rank()) && earlier[i].is_symbol();
    shape[i] = had ? earlier[i] : Dim::symbol(model.next_symbol++);
  }
}

/// Ops whose result is another view of a constant's elements: they become pending transforms.
std::optional<Constant> fold_view(const Node& node) {
  if (node.operand_count() == 0) return std::nullopt;
  const Constant* input = constant_of(node.operand(0));
  if (!input || node.result_count() != 1 || input->dtype() == DType::kString) return std::nullopt;
  const Value& result = *node.result();
  if (node.is("Reshape") || node.is("Squeeze") || node.is("ExpandDims")) {
    if (!result.shape.fully_known()) return std::nullopt;
    return input->then(Reshape{result.shape.sizes()});
  }
  if (node.is("Identity") || node.is("StopGradient") || node.is("Snapshot")) return *input;
  if (node.is("Cast") && castable(input->dtype(), result.dtype) && result.dtype != DType::kInvalid &&
      !node.attributes.boolean("Truncate"))
    return input->dtype() == result.dtype ? *input : input->then(CastTo{result.dtype});
  if (node.is("Transpose") && result.shape.fully_known()) {
    auto perm = constant_integers(node.operand(1));
    if (!perm || perm->size() != input->dims().size()) return std::nullopt;
    std::vector<int> p;
    for (int64_t axis : *perm) {
      auto normal = normalize_axis(axis, perm->size());
      if (!normal) return std::nullopt;
      p.push_back(static_cast<int>(*normal));
    }
    return input->then(Permute{std::move(p)});
  }
  return std::nullopt;
}

/// A small integer result whose elements are all known, although its operands are no constants
/// (the shape of a value): a constant.
std::optional<Constant> fold_known_elements(const Value& value) {
  if (value.partial.empty() || !value.shape.fully_known() || !is_integer(value.dtype))
    return std::nullopt;
  std::vector<int64_t> elements;
  for (Dim d : value.partial) {
    if (!d.known()) return std::nullopt;
    elements.push_back(d.size());
  }
  if (value.shape.elements() != static_cast<int64_t>(elements.size())) return std::nullopt;
  Tensor wide = Tensor::of<int64_t>(DType::kInt64, value.shape.sizes(), elements);
  return Constant(cast_tensor(wide, value.dtype));
}

class Simplifier {
 public:
  Simplifier(Model& model, Graph& graph, const SimplifyLimits& limits)
      : model_(model), graph_(graph), limits_(limits) {}

  Result<SimplifySummary> run() {
    for (Value* input : graph_.inputs()) give_symbols(model_, input->shape, Shape());
    for (Node* node = graph_.first(); node; node = node->next()) {
      if (node->is("Return") || node->is("Input") || node->is("Const")) continue;
      PUMICE_CHECK(infer_node(model_, *node));
      PUMICE_CHECK(fold(*node));
    }
    graph_.erase_dead();
    return summary_;
  }

 private:
  void replace(Node& node, size_t i, Constant value) {
    Value* constant = graph_.constant(std::move(value), &node, node.name);
    graph_.replace_uses(node.result(i), constant);
    ++summary_.folded;
  }

  Status fold(Node& node) {
    for (size_t i = 0; i < node.result_count(); ++i)
      if (auto known = fold_known_elements(*node.result(i)); known && !node.result(i)->unused())
        replace(node, i, *std::move(known));
    if (auto view = fold_view(node)) {
      replace(node, 0, *std::move(view));
      return {};
    }
    const OpDef* op = find_op(node.op);
    if (!op || !op->evaluate || has_side_effect(node) || node.result_count() == 0) return {};
    bool used = false;
    uint64_t in_bytes = 0, out_bytes = 0;
    for (size_t i = 0; i < node.operand_count(); ++i) {
      const Constant* constant = constant_of(node.operand(i));
      if (!constant) return {};
      in_bytes += constant->byte_size();
    }
    for (size_t i = 0; i < node.result_count(); ++i) {
      used |= !node.result(i)->unused();
      auto elements = node.result(i)->shape.elements();
      if (elements) out_bytes += byte_size(node.result(i)->dtype, *elements);
    }
    if (!used) return {};
    if (out_bytes > limits_.largest_growth && out_bytes > 2 * in_bytes) return {};
    if (spent_ + in_bytes + out_bytes > limits_.fold_budget) return {};
    EvalContext context{node, {}, {}, &model_};
    for (size_t i = 0; i < node.operand_count(); ++i)
      context.inputs.push_back(constant_of(node.operand(i))->materialize());
    PUMICE_CHECK(op->evaluate(context));
    if (context.outputs.size() != node.result_count())
      return Error(ErrorCode::kInternal, "the evaluation gave the wrong number of results")
          .at(node.name, node.op);
    for (size_t i = 0; i < context.outputs.size(); ++i) {
      spent_ += byte_size(context.outputs[i].dtype(), context.outputs[i].elements());
      if (context.outputs[i].dtype() != DType::kInvalid && !node.result(i)->unused())
        replace(node, i, Constant(std::move(context.outputs[i])));
    }
    return {};
  }

  Model& model_;
  Graph& graph_;
  const SimplifyLimits& limits_;
  SimplifySummary summary_;
  uint64_t spent_ = 0;
};

}  // namespace

Status infer_node(Model& model, Node& node) {
  const OpDef* op = find_op(node.op);
  if (!op || !op->infer) {
    for (size_t i = 0; i < node.result_count(); ++i)
      node.result(i)->dtype = dtype_by_attributes(*node.result(i));
    return {};
  }
  std::vector<Shape> earlier;
  for (size_t i = 0; i < node.result_count(); ++i) {
    earlier.push_back(node.result(i)->shape);
    node.result(i)->partial.clear();
  }
  PUMICE_CHECK(op->infer(node));
  for (size_t i = 0; i < node.result_count(); ++i)
    give_symbols(model, node.result(i)->shape, earlier[i]);
  return {};
}

Result<SimplifySummary> simplify(Model& model, Graph& graph, const SimplifyLimits& limits) {
  return Simplifier(model, graph, limits).run();
}

}  // namespace pumice
