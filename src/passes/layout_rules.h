// Which ops may change the order of their axes, and what becomes of their parameters.
#pragma once

#include "passes/permutation.h"

namespace pumice {

class Lowering;

/// How an op that does its work in any order of axes takes part in a change of layout.
struct LayoutRole {
  std::vector<size_t> moving;  // operands that must come in the new order
  bool results_move = true;    // false: the results (of lower rank) stay as they are
};

/// The role of `node`, all of whose results and moving operands have one known rank; nullopt where
/// the op ties its axes to an order. Looks at the node alone.
std::optional<LayoutRole> layout_role(const Node& node);

/// For a reduction that drops axes: whether its result is the same when the operand's axes come in
/// the order `p`.
bool drops_in_order(const Node& node, const Permutation& p);

/// Adapts axes, paddings, sizes and constant operands that broadcast to an operand in order `p`,
/// and the results' shapes. The moving operands are the caller's.
void change_layout(Node& node, const LayoutRole& role, const Permutation& p, Lowering& lowering);

}  // namespace pumice
