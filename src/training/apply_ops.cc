#include "training/apply_ops.h"

#include <algorithm>
#include <iterator>

namespace pumice {
namespace {

constexpr ApplyOp kApplyOps[] = {
    {"AdaMax", "adamax", "AdaMaxOptimizer",
     "var *m *v .power learning_rate beta_1 beta_2 epsilon grad"},
    {"Adadelta", "adadelta", "AdadeltaOptimizer",
     "var *accum *accum_update learning_rate rho epsilon grad"},
    {"Adagrad", "adagrad", "AdagradOptimizer", "var *accumulator learning_rate grad"},
    {"AdagradDA", "adagrad_da", "AdagradDAOptimizer",
     "var *gradient_accumulator *gradient_squared_accumulator grad learning_rate l1 l2 ."},
    {"AdagradV2", "adagrad", "AdagradOptimizer", "var *accumulator learning_rate epsilon grad"},
    {"Adam", "adam", "AdamOptimizer",
     "var *m *v .power .power learning_rate beta_1 beta_2 epsilon grad"},
    {"AdamWithAmsgrad", "adam", "AdamOptimizer",
     "var *m *v *vhat .power .power learning_rate beta_1 beta_2 epsilon grad"},
    {"AddSign", "addsign", "AddSignOptimizer", "var *m learning_rate alpha sign_decay beta grad"},
    {"CenteredRMSProp", "rmsprop", "RMSPropOptimizer",
     "var *mg *ms *mom learning_rate rho momentum epsilon grad"},
    {"Ftrl", "ftrl", "FtrlOptimizer",
     "var *accum *linear grad learning_rate l1 l2 learning_rate_power"},
    {"FtrlV2", "ftrl", "FtrlOptimizer",
     "var *accum *linear grad learning_rate l1 l2 l2_shrinkage learning_rate_power"},
    {"GradientDescent", "sgd", "GradientDescentOptimizer", "var learning_rate grad"},
    {"KerasMomentum", "momentum", "MomentumOptimizer", "var *momentum learning_rate grad momentum"},
    {"Momentum", "momentum", "MomentumOptimizer", "var *momentum learning_rate grad momentum"},
    {"PowerSign", "powersign", "PowerSignOptimizer",
     "var *m learning_rate logbase sign_decay beta grad"},
    {"ProximalAdagrad", "proximal_adagrad", "ProximalAdagradOptimizer",
     "var *accumulator learning_rate l1 l2 grad"},
    {"ProximalGradientDescent", "proximal_sgd", "ProximalGradientDescentOptimizer",
     "var learning_rate l1 l2 grad"},
    {"RMSProp", "rmsprop", "RMSPropOptimizer",
     "var *rms *momentum learning_rate rho momentum epsilon grad"},
};

}  // namespace

const ApplyOp* apply_op(std::string_view op, bool* sparse) {
  if (op.starts_with("Resource")) op.remove_prefix(8);
  *sparse = op.starts_with("Sparse");
  if (*sparse) op.remove_prefix(6);
  if (!op.starts_with("Apply")) return nullptr;
  op.remove_prefix(5);
  const auto it =
      std::lower_bound(std::begin(kApplyOps), std::end(kApplyOps), op,
                       [](const ApplyOp& a, std::string_view name) { return a.name < name; });
  return it != std::end(kApplyOps) && it->name == op ? it : nullptr;
}

const Node* origin(const Value* value) {
  const Node* node = value->node();
  // A chain of copies is short; a graph that claims otherwise must not cost more.
  for (int i = 0; i < 16; ++i) {
    const bool copy = node->is("Identity") || node->is("ReadVariableOp") || node->is("Cast") ||
                      node->is("Enter") || node->is("RefEnter");
    if (!copy || node->operand_count() == 0 || !node->operand(0)) break;
    node = node->operand(0)->node();
  }
  return node;
}

}  // namespace pumice
