// Ops that hand their inputs on unchanged.
#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/lowering.h"

namespace pumice {
namespace {

Status infer_each(Node& node) {
  PUMICE_CHECK(expect_operands(node, node.result_count(), node.result_count()));
  for (size_t i = 0; i < node.result_count(); ++i) {
    set_result(node, i, node.operand(i)->dtype, node.operand(i)->shape);
    node.result(i)->partial = known_elements(node.operand(i)).value_or(std::vector<Dim>{});
  }
  return {};
}

Status evaluate_each(EvalContext& context) {
  context.outputs = context.inputs;
  return {};
}

Status lower_each(Node& node, Lowering& lowering) {
  for (size_t i = 0; i < node.result_count(); ++i) lowering.replace(node, i, node.operand(i));
  return {};
}

// PlaceholderWithDefault stays at its default: a caller who wants to feed it names it as an input.
constexpr OpDef kOps[] = {
    {"CheckNumerics", infer_each, evaluate_each, lower_each, "(nothing)", ""},
    {"EnsureShape", infer_each, evaluate_each, lower_each, "(nothing)", ""},
    {"Identity", infer_each, evaluate_each, lower_each, "(nothing)", ""},
    {"IdentityN", infer_each, evaluate_each, lower_each, "(nothing)", ""},
    {"PlaceholderWithDefault", infer_each, evaluate_each, lower_each, "(nothing)", ""},
    {"PreventGradient", infer_each, evaluate_each, lower_each, "(nothing)", ""},
    {"Snapshot", infer_each, evaluate_each, lower_each, "(nothing)", ""},
    {"StopGradient", infer_each, evaluate_each, lower_each, "(nothing)", ""},
};

}  // namespace

std::span<const OpDef> identity_ops() { return kOps; }

}  // namespace pumice
