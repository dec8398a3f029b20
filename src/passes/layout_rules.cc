#include "passes/layout_rules.h"

#include <algorithm>
#include <array>

#include "ops/lowering.h"

namespace pumice {
namespace {

template <size_t n>
bool among(const Node& node, const std::array<std::string_view, n>& ops) {
  return std::find(ops.begin(), ops.end(), node.op) != ops.end();
}

constexpr std::array<std::string_view, 29> kUnary = {
    "ABS",   "CAST",        "CEIL",         "COS",   "DEQUANTIZE", "ELU",
    "EXP",   "FAKE_QUANT",  "FLOOR",        "GELU",  "HARD_SWISH", "LEAKY_RELU",
    "LOG",   "LOGICAL_NOT", "LOGISTIC",     "NEG",   "QUANTIZE",   "RELU",
    "RELU6", "RELU_0_TO_1", "RELU_N1_TO_1", "ROUND", "RSQRT",      "SIGN",
    "SIN",   "SQRT",        "SQUARE",       "TANH",  "ZEROS_LIKE"};

// Element-wise ops that broadcast their operands.
constexpr std::array<std::string_view, 22> kBroadcasting = {
    "ADD",         "BITWISE_XOR",   "DIV",
    "EQUAL",       "FLOOR_DIV",     "FLOOR_MOD",
    "GREATER",     "GREATER_EQUAL", "LESS",
    "LESS_EQUAL",  "LOGICAL_AND",   "LOGICAL_OR",
    "MAXIMUM",     "MINIMUM",       "MUL",
    "NOT_EQUAL",   "POW",           "PRELU",
    "RIGHT_SHIFT", "SELECT_V2",     "SQUARED_DIFFERENCE",
    "SUB"};

constexpr std::array<std::string_view, 7> kReducing = {
    "MEAN", "REDUCE_ALL", "REDUCE_ANY", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "SUM"};

bool per_axis_quantized(const Value* v) {
  return v->quantization && v->quantization->scales.size() > 1;
}

size_t rank_of(const Value* v) { return v->shape.known_rank() ? v->shape.rank() : SIZE_MAX; }

bool scalar_like(const Value* v) {
  if (!v->shape.known_rank()) return false;
  for (Dim d : v->shape.dims())
    if (d != Dim(1)) return false;
  return true;
}

std::optional<LayoutRole> broadcasting_role(const Node& node, size_t rank) {
  LayoutRole role;
  for (size_t i = 0; i < node.operand_count(); ++i) {
    const Value* v = node.operand(i);
    if (!v || !v->shape.known_rank() || v->shape.rank() > rank) return std::nullopt;
    if (constant_of(v)) continue;  // reordered in change_layout()
    if (v->shape.rank() == rank) {
      role.moving.push_back(i);
    } else if (!scalar_like(v)) {
      return std::nullopt;
    }
  }
  if (role.moving.empty()) return std::nullopt;
  return role;
}

/// Parameters of one entry (or one row) per axis.
const std::vector<size_t>* per_axis_operands(const Node& node) {
  static const std::vector<size_t> kOne{1}, kTwo{1, 2}, kThree{1, 2, 3};
  if (node.is("PAD") || node.is("PADV2") || node.is("MIRROR_PAD") || node.is("TILE") ||
      node.is("BROADCAST_TO"))
    return &kOne;
  if (node.is("SLICE")) return &kTwo;
  if (node.is("STRIDED_SLICE")) return &kThree;
  return nullptr;
}

/// The operand that holds axis numbers, and the one that holds the data.
struct AxisOperand {
  size_t axes, data;
};
std::optional<AxisOperand> axis_operand(const Node& node) {
  if (among(node, kReducing) || node.is("REVERSE_V2") || node.is("CUMSUM"))
    return AxisOperand{1, 0};
  if (node.is("SPLIT")) return AxisOperand{0, 1};
  if (node.is("SPLIT_V")) return AxisOperand{2, 0};
  return std::nullopt;
}

bool axes_known(const Node& node, size_t operand, size_t rank) {
  auto axes = integers_of(node.operand(operand));
  if (!axes) return false;
  for (int64_t a : *axes)
    if (!normalize_axis(a, rank)) return false;
  return true;
}

int64_t moved_mask(int64_t mask, const Permutation& p) {
  int64_t moved = 0;
  for (size_t i = 0; i < p.size(); ++i) moved |= ((mask >> p[i]) & 1) << i;
  return moved;
}

Value* integers_like(const Value* old, const std::vector<int64_t>& values, Lowering& lowering) {
  Dims dims = constant_of(old)->dims();
  if (old->dtype == DType::kInt64)
    return lowering.constant(Tensor::of<int64_t>(DType::kInt64, dims, values));
  return lowering.constant(Constant(Tensor::vector_i32(values)).then(Reshape{std::move(dims)}));
}

/// A constant operand of an element-wise op, in the new order, without the leading ones it had not.
Constant moved_constant(const Constant& c, const Permutation& p) {
  Dims full(p.size() - c.dims().size(), 1);
  full.insert(full.end(), c.dims().begin(), c.dims().end());
  Dims to = permuted(full, p);
  Constant moved = c;
  if (full != c.dims()) moved = moved.then(Reshape{full});
  if (!moves_no_element(p, Shape(full))) {
    moved = moved.then(Permute{p});
  } else if (to != full) {
    moved = moved.then(Reshape{to});
  }
  size_t keep = 0;
  while (keep < to.size() && to[keep] == 1) ++keep;
  if (keep > 0)
    moved = moved.then(Reshape{Dims(to.begin() + static_cast<std::ptrdiff_t>(keep), to.end())});
  return moved;
}

}  // namespace

std::optional<LayoutRole> layout_role(const Node& node) {
  if (node.result_count() == 0 || node.operand_count() == 0) return std::nullopt;
  size_t rank = rank_of(node.result());
  for (size_t i = 0; i < node.result_count(); ++i)
    if (rank_of(node.result(i)) != rank || per_axis_quantized(node.result(i))) return std::nullopt;
  if (rank == SIZE_MAX) return std::nullopt;
  if (among(node, kUnary)) {
    if (rank_of(node.operand(0)) != rank || per_axis_quantized(node.operand(0)))
      return std::nullopt;
    return LayoutRole{{0}};
  }
  if (among(node, kBroadcasting)) return rank < 2 ? std::nullopt : broadcasting_role(node, rank);
  if (node.is("CONCATENATION")) {
    LayoutRole role;
    for (size_t i = 0; i < node.operand_count(); ++i) {
      if (rank_of(node.operand(i)) != rank) return std::nullopt;
      role.moving.push_back(i);
    }
    if (!normalize_axis(node.attributes.integer("axis"), rank)) return std::nullopt;
    return role;
  }
  if (auto operands = per_axis_operands(node)) {
    if (rank_of(node.operand(0)) != rank) return std::nullopt;
    for (size_t i : *operands) {
      auto values = integers_of(node.operand(i));
      size_t entries =
          node.is("PAD") || node.is("PADV2") || node.is("MIRROR_PAD") ? 2 * rank : rank;
      if (!values || values->size() != entries) return std::nullopt;
    }
    for (const char* mask : {"ellipsis_mask", "new_axis_mask", "shrink_axis_mask"})
      if (node.attributes.integer(mask)) return std::nullopt;
    return LayoutRole{{0}};
  }
  if (auto axis = axis_operand(node)) {
    size_t data_rank = rank_of(node.operand(axis->data));
    if (data_rank == SIZE_MAX || !axes_known(node, axis->axes, data_rank)) return std::nullopt;
    bool drops = among(node, kReducing) && !node.attributes.boolean("keep_dims");
    if (!drops && data_rank != rank) return std::nullopt;
    return LayoutRole{{axis->data}, !drops};
  }
  return std::nullopt;
}

bool drops_in_order(const Node& node, const Permutation& p) {
  auto axes = integers_of(node.operand(1));
  if (!axes) return false;
  std::vector<bool> dropped(p.size(), false);
  for (int64_t a : *axes)
    if (auto n = normalize_axis(a, p.size())) dropped[*n] = true;
  int last = -1;
  for (int a : p) {
    if (dropped[static_cast<size_t>(a)]) continue;
    if (a < last) return false;
    last = a;
  }
  return true;
}

void change_layout(Node& node, const LayoutRole& role, const Permutation& p, Lowering& lowering) {
  Permutation back = inverse(p);
  if (among(node, kBroadcasting)) {
    for (size_t i = 0; i < node.operand_count(); ++i) {
      const Constant* c = constant_of(node.operand(i));
      if (!c || c->elements() == 1) continue;
      Constant moved = moved_constant(*c, p);
      // PRELU's alpha lacks the batch axis only.
      if (node.is("PRELU") && moved.dims().size() + 1 < p.size()) {
        Dims dims(p.size() - 1 - moved.dims().size(), 1);
        dims.insert(dims.end(), moved.dims().begin(), moved.dims().end());
        moved = moved.then(Reshape{std::move(dims)});
      }
      node.set_operand(i, lowering.constant(std::move(moved)));
    }
  } else if (node.is("CONCATENATION")) {
    auto axis = *normalize_axis(node.attributes.integer("axis"), p.size());
    node.attributes.set("axis", int64_t{back[axis]});
  } else if (auto operands = per_axis_operands(node)) {
    for (size_t i : *operands) {
      std::vector<int64_t> old = *integers_of(node.operand(i)), moved;
      size_t each = old.size() / p.size();
      for (int axis : p)
        for (size_t k = 0; k < each; ++k)
          moved.push_back(old[static_cast<size_t>(axis) * each + k]);
      node.set_operand(i, integers_like(node.operand(i), moved, lowering));
    }
    if (node.is("STRIDED_SLICE"))
      for (const char* mask : {"begin_mask", "end_mask"})
        node.attributes.set(mask, moved_mask(node.attributes.integer(mask), p));
  } else if (auto axis = axis_operand(node)) {
    std::vector<int64_t> axes = *integers_of(node.operand(axis->axes));
    for (int64_t& a : axes) a = back[*normalize_axis(a, p.size())];
    if (among(node, kReducing)) std::sort(axes.begin(), axes.end());
    node.set_operand(axis->axes, integers_like(node.operand(axis->axes), axes, lowering));
  }
  if (!role.results_move) return;
  for (size_t i = 0; i < node.result_count(); ++i)
    node.result(i)->shape = Shape(permuted(node.result(i)->shape.dims(), p));
}

}  // namespace pumice
