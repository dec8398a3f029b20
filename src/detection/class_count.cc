#include "detection/class_count.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "ops/detection_post_process.h"
#include "tflite/op_description.h"

namespace pumice {
namespace {

bool is_operator(const Node& node) {
  return is_custom(node.op) && node.op.substr(kCustomPrefix.size()) == kDetectionPostProcess;
}

/// What gives the value, RESHAPEs passed over; of two operators of which one is selected, the
/// first.
const Value* produced(const Value* value) {
  for (;;) {
    const Node& node = *value->node();
    const size_t from = node.is("SELECT_V2") ? 1 : 0;
    if ((from == 0 && !node.is("RESHAPE")) || node.operand_count() <= from) return value;
    value = node.operand(from);
  }
}

/// The largest value of a tensor of whole numbers, where it follows from constants alone.
class LargestValue {
 public:
  std::optional<double> of(const Value* value, int depth = 0) {
    constexpr int kDeepest = 200;
    if (!value || depth > kDeepest) return std::nullopt;
    if (auto it = known_.find(value); it != known_.end()) return it->second;
    return known_[value] = compute(value, depth + 1);
  }

 private:
  using Number = std::optional<double>;

  Number compute(const Value* value, int depth) {
    if (const Constant* constant = constant_of(value)) return of_constant(*constant);
    const Node& node = *value->node();
    const auto operand = [&](size_t i) {
      return i < node.operand_count() ? of(node.operand(i), depth) : Number();
    };
    const auto is_one_of = [&](std::initializer_list<const char*> ops) {
      return std::any_of(ops.begin(), ops.end(), [&](const char* op) { return node.is(op); });
    };
    if (node.is("ZEROS_LIKE")) return 0;
    if (is_one_of({"RESHAPE", "SLICE", "STRIDED_SLICE", "GATHER", "GATHER_ND", "CAST", "SQUEEZE",
                   "EXPAND_DIMS", "TILE", "BROADCAST_TO", "TRANSPOSE", "SPLIT_V", "UNPACK",
                   "REVERSE_V2", "REDUCE_MAX"}))
      return operand(0);
    if (is_one_of({"SPLIT", "FILL"})) return operand(1);
    if (node.is("PAD")) return larger(operand(0), 0);
    if (node.is("PADV2")) return larger(operand(0), operand(2));
    if (is_one_of({"SELECT", "SELECT_V2"})) return larger(operand(1), operand(2));
    if (is_one_of({"CONCATENATION", "PACK", "MAXIMUM"})) {
      Number largest = operand(0);
      for (size_t i = 1; i < node.operand_count(); ++i) largest = larger(largest, operand(i));
      return largest;
    }
    if (node.is("MINIMUM")) {
      const Number a = operand(0), b = operand(1);
      return a && b ? std::min(*a, *b) : a ? a : b;
    }
    if (node.is("ADD")) {
      const Number a = operand(0), b = operand(1);
      return a && b ? Number(*a + *b) : std::nullopt;
    }
    if (node.is("FLOOR_MOD")) return one_less(operand(1));
    if (node.is("FLOOR_DIV")) {
      const Number by = divisor(node.operand(1)), of = operand(0);
      return of && by && *by >= 1 ? Number(std::floor(*of / *by)) : std::nullopt;
    }
    if (node.is("TOPK_V2")) {
      const Shape& shape = node.operand(0)->shape;
      if (value->index() == 0) return operand(0);
      return shape.known_rank() && shape.rank() > 0 ? last_index(shape[shape.rank() - 1])
                                                    : std::nullopt;
    }
    if (node.is("ARG_MAX") && node.operand_count() == 2) return of_arg_max(node);
    return std::nullopt;
  }

  static Number larger(Number a, Number b) {
    return a && b ? Number(std::max(*a, *b)) : std::nullopt;
  }
  static Number one_less(Number a) { return a && *a >= 1 ? Number(*a - 1) : std::nullopt; }

  static Number of_constant(const Constant& constant) {
    constexpr int64_t kMost = 1 << 20;
    if (constant.elements() < 1 || constant.elements() > kMost) return std::nullopt;
    if (constant.dtype() != DType::kFloat32 && constant.dtype() != DType::kInt32 &&
        constant.dtype() != DType::kInt64)
      return std::nullopt;
    const Tensor tensor = constant.materialize();
    double largest = tensor.number_at(0);
    for (int64_t i = 0; i < tensor.elements(); ++i) {
      const double number = tensor.number_at(i);
      if (!(number >= 0) || number != std::floor(number)) return std::nullopt;
      largest = std::max(largest, number);
    }
    return largest;
  }

  static Number of_arg_max(const Node& node) {
    const Constant* axis = constant_of(node.operand(1));
    const Shape& shape = node.operand(0)->shape;
    if (!axis || axis->elements() != 1 || !shape.known_rank()) return std::nullopt;
    auto at = static_cast<int64_t>(axis->materialize().number_at(0));
    if (at < 0) at += static_cast<int64_t>(shape.rank());
    if (at < 0 || at >= static_cast<int64_t>(shape.rank())) return std::nullopt;
    return last_index(shape[static_cast<size_t>(at)]);
  }

  static Number last_index(Dim size) {
    return size.known() ? one_less(static_cast<double>(size.size())) : std::nullopt;
  }

  /// A constant of one element.
  static Number divisor(const Value* value) {
    const Constant* constant = value ? constant_of(value) : nullptr;
    return constant && constant->elements() == 1 ? of_constant(*constant) : std::nullopt;
  }

  std::unordered_map<const Value*, Number> known_;
};

}  // namespace

OutputRoles roles_by_operator(const Graph& graph) {
  OutputRoles roles;
  const Node* node = nullptr;
  int* const members[] = {&roles.boxes, &roles.classes, &roles.scores, &roles.count};
  for (size_t i = 0; i < graph.output_count(); ++i) {
    const Value* value = produced(graph.output(i));
    if (!is_operator(*value->node()) || value->index() >= 4) continue;
    if (node && node != value->node()) return {};
    node = value->node();
    *members[value->index()] = static_cast<int>(i);
  }
  if (roles.boxes < 0 || roles.classes < 0 || roles.scores < 0) return {};
  roles.zero_based = true;
  return roles;
}

std::optional<int64_t> detector_class_count(const Graph& graph, const Signature& signature,
                                            const OutputRoles& roles) {
  const Value* classes = graph.output(static_cast<size_t>(roles.classes));
  for (const Node& node : graph)
    if (is_operator(node))
      if (const auto* count = node.attributes.find<int64_t>("num_classes")) return *count;
  for (const SignatureTensor& output : signature.outputs) {
    if (output.name.rfind("detection_multiclass_scores", 0) != 0 &&
        output.name.rfind("raw_detection_scores", 0) != 0)
      continue;
    if (output.shape.is_rank(3) && output.shape[2].known() && output.shape[2].size() > 1)
      return output.shape[2].size() - 1;  // column 0 is the background
  }
  const auto largest = LargestValue().of(classes);
  if (!largest || *largest > 1e6) return std::nullopt;
  const auto count = static_cast<int64_t>(*largest) + (roles.zero_based ? 1 : 0);
  return count > 0 ? std::optional<int64_t>(count) : std::nullopt;
}

}  // namespace pumice
