// What pumice knows of one TensorFlow op: its shape rule, its evaluation and its lowering.
//
// Each op family is one file (`conv.cc`, `pool.cc`, …) that exports its rows; op_table.cc lists the
// families and finds rows by name.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "graph/graph.h"
#include "graph/model.h"
#include "graph/tensor.h"
#include "pumice/error.h"

namespace pumice {

class Lowering;

/// One evaluation of a node on known inputs.
struct EvalContext {
  const Node& node;
  std::vector<Tensor> inputs;    // one per operand
  std::vector<Tensor> outputs;   // to be filled: one per result
  const Model* model = nullptr;  // bodies of While and If

  const Tensor& in(size_t i) const { return inputs[i]; }
};

struct OpDef {
  std::string_view name;  // TensorFlow's: "Conv2D"

  /// Sets dtype and shape (and `partial`, where it can) of every result from the operands and
  /// attributes. Operand shapes may be unknown in part or whole; says only what surely holds. An
  /// error means that the node cannot be right: kMalformed, with expected and found.
  Status (*infer)(Node& node) = nullptr;

  /// TensorFlow's own result on known inputs. Null: the op neither folds nor serves as reference.
  /// Inputs may come from hostile files: every index is checked.
  Status (*evaluate)(EvalContext& context) = nullptr;

  /// Builds the equal TensorFlow Lite nodes before `node` and replaces its results through the
  /// Lowering. What cannot be expressed returns kUnsupported with the reason; nothing may have
  /// been replaced then. Null: such an op must have been folded or rewritten before.
  Status (*lower)(Node& node, Lowering& lowering) = nullptr;

  std::string_view lowers_to;  // for the documentation: "CONV_2D", "MUL + ADD"
  std::string_view limits;     // for the documentation: what is refused, or empty
};

/// The row of an op, or null.
const OpDef* find_op(std::string_view name);
/// All rows, sorted by name.
std::span<const OpDef* const> all_ops();

}  // namespace pumice
