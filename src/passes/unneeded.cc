// BEFORE  ADD(x, 0)   MUL(x, 1)   PAD(x, 0s)   SLICE(x, all of it)   CONCAT(a, CONCAT(b, c))
// AFTER   x           x           x            x                     CONCAT(a, b, c)
//
// Also casts to the same dtype, splits into one part, tiles by 1, broadcasts to the same shape; two
// additions (multiplications) of constants in a row become one; a division by a constant becomes a
// multiplication; MEAN and its like with a RESHAPE that only takes away or puts back what they
// reduced do it themselves.
#include <algorithm>
#include <cmath>

#include "ops/lowering.h"
#include "passes/pipeline.h"
#include "passes/rewrite.h"

namespace pumice {
namespace {

/// Constants of at most so many elements are computed with here.
constexpr int64_t kLargestFolded = 4096;

bool is_float_constant(const Value* v) {
  const Constant* c = constant_of(v);
  return c && c->dtype() == DType::kFloat32 && c->elements() <= kLargestFolded;
}

/// The operand that passes through unchanged, or null.
Value* passed_through(const Node& node) {
  Value* result = node.result();
  auto same = [&](size_t i) {
    Value* x = node.operand(i);
    return x && same_type(x, result) ? x : nullptr;
  };
  if (activation_of(node) != 0) return nullptr;
  bool add = node.is("ADD"), mul = node.is("MUL");
  double neutral = add || node.is("SUB") ? 0 : 1;
  if (add || mul || node.is("SUB") || node.is("DIV") || node.is("POW")) {
    if (is_filled_with(node.operand(1), neutral)) return same(0);
    if ((add || mul) && is_filled_with(node.operand(0), neutral)) return same(1);
    return nullptr;
  }
  if (node.is("CAST") || node.is("BROADCAST_TO")) return same(0);
  if (node.is("PAD") || node.is("PADV2") || node.is("MIRROR_PAD"))
    return is_filled_with(node.operand(1), 0) ? same(0) : nullptr;
  if (node.is("TILE")) return is_filled_with(node.operand(1), 1) ? same(0) : nullptr;
  // Of the same shape as what it is cut from: all of it.
  if (node.is("SLICE")) return same(0);
  if (node.is("STRIDED_SLICE")) {
    for (const char* mask : {"ellipsis_mask", "new_axis_mask", "shrink_axis_mask"})
      if (node.attributes.integer(mask)) return nullptr;
    return is_filled_with(node.operand(3), 1) ? same(0) : nullptr;
  }
  if (node.is("CONCATENATION") && node.operand_count() == 1) return same(0);
  if (node.result_count() == 1) {
    if (node.is("SPLIT")) return same(1);
    if (node.is("SPLIT_V")) return same(0);
  }
  return nullptr;
}

/// Operands that are concatenations along the same axis bring their own operands; empty ones go.
bool flatten_concatenation(Node& node) {
  if (activation_of(node) != 0 || !node.result()->shape.known_rank()) return false;
  size_t rank = node.result()->shape.rank();
  auto axis = normalize_axis(node.attributes.integer("axis"), rank);
  if (!axis) return false;
  std::vector<Value*> parts;
  std::vector<Node*> gone;
  bool changed = false;
  for (size_t i = 0; i < node.operand_count(); ++i) {
    Value* part = node.operand(i);
    Node& inner = *part->node();
    if (part->shape.is_rank(rank) && part->shape[*axis] == Dim(0) && node.operand_count() > 1) {
      changed = true;
      continue;
    }
    if (inner.is("CONCATENATION") && part->single_use() && activation_of(inner) == 0 &&
        normalize_axis(inner.attributes.integer("axis"), rank) == axis) {
      for (size_t k = 0; k < inner.operand_count(); ++k) parts.push_back(inner.operand(k));
      gone.push_back(&inner);
      changed = true;
      continue;
    }
    parts.push_back(part);
  }
  if (!changed || parts.empty()) return false;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i < node.operand_count()) {
      node.set_operand(i, parts[i]);
    } else {
      node.add_operand(parts[i]);
    }
  }
  while (node.operand_count() > parts.size()) node.remove_operand(node.operand_count() - 1);
  for (Node* inner : gone) erase_unused(inner);
  return true;
}

/// The elements of `c` inverted (1/e), or negated; nullopt where that is not finite.
std::optional<Constant> turned(const Constant& c, bool invert) {
  std::vector<float> values = c.materialize().values<float>();
  for (float& v : values) {
    v = invert ? 1 / v : -v;
    if (!std::isfinite(v) || (invert && std::fpclassify(v) != FP_NORMAL)) return std::nullopt;
  }
  return Constant(Tensor::of<float>(DType::kFloat32, c.dims(), values));
}

/// A lowering wants each rounding as it is: something is decided by the last bit.
bool is_exact(const Node& node) { return node.attributes.boolean("_exact"); }

bool division_to_multiplication(Graph& graph, Node& node) {
  if (is_exact(node) || !node.is("DIV") || node.result()->dtype != DType::kFloat32 ||
      !is_float_constant(node.operand(1)) || constant_of(node.operand(0)))
    return false;
  auto inverted = turned(*constant_of(node.operand(1)), true);
  if (!inverted) return false;
  node.set_operand(1, Lowering(graph, &node).constant(*std::move(inverted)));
  node.op = "MUL";
  return true;
}

/// x + c or x * c as (x, c); SUB by its negative.
struct Step {
  Value* x;
  Constant c;
};
std::optional<Step> step_of(const Node& node, bool additive) {
  if (node.operand_count() != 2 || node.result()->dtype != DType::kFloat32) return std::nullopt;
  bool sub = additive && node.is("SUB");
  if (!node.is(additive ? "ADD" : "MUL") && !sub) return std::nullopt;
  size_t data = constant_of(node.operand(0)) && !sub ? 1 : 0;
  if (!is_float_constant(node.operand(1 - data)) || constant_of(node.operand(data)))
    return std::nullopt;
  const Constant& c = *constant_of(node.operand(1 - data));
  if (!sub) return Step{node.operand(data), c};
  auto negative = turned(c, false);
  if (!negative) return std::nullopt;
  return Step{node.operand(data), *negative};
}

bool join_constants(Graph& graph, Node& node) {
  bool additive = !node.is("MUL");
  auto second = step_of(node, additive);
  if (!second) return false;
  Node& inner = *second->x->node();
  if (!second->x->single_use() || activation_of(inner) != 0 || is_exact(node) || is_exact(inner))
    return false;
  auto first = step_of(inner, additive);
  if (!first || !same_type(first->x, node.result()) || !same_type(inner.result(), node.result()))
    return false;
  Constant &a = first->c, &b = second->c;
  if (a.dims() != b.dims() && a.elements() != 1 && b.elements() != 1) return false;
  std::vector<float> x = a.materialize().values<float>(), y = b.materialize().values<float>();
  const Dims dims = x.size() >= y.size() ? a.dims() : b.dims();
  // A large constant that others read too would stand in the file twice.
  auto shared = [](const Node& n) {
    for (size_t i = 0; i < 2; ++i)
      if (const Constant* k = constant_of(n.operand(i)))
        return k->elements() > 256 && !n.operand(i)->single_use();
    return false;
  };
  if (shared(node) || shared(inner)) return false;
  std::vector<float> both(std::max(x.size(), y.size()));
  for (size_t i = 0; i < both.size(); ++i) {
    float u = x[x.size() == 1 ? 0 : i], v = y[y.size() == 1 ? 0 : i];
    both[i] = additive ? u + v : u * v;
    if (!std::isfinite(both[i]) || (both[i] == 0 && !additive && u != 0 && v != 0)) return false;
  }
  Value* c = Lowering(graph, &node).constant(Tensor::of<float>(DType::kFloat32, dims, both));
  node.op = additive ? "ADD" : "MUL";
  Value* data = first->x;
  node.set_operand(0, data);
  node.set_operand(1, c);
  erase_unused(&inner);
  return true;
}

/// RESHAPE(MEAN(x)) that differs in the reduced axes' ones only.
bool reduction_keeps_dims(Node& node) {
  if (!node.is("RESHAPE")) return false;
  Node& reduction = *node.operand(0)->node();
  bool reduces = reduction.op.rfind("REDUCE_", 0) == 0 && !reduction.is("REDUCE_WINDOW");
  if (!reduces && !reduction.is("MEAN") && !reduction.is("SUM")) return false;
  const Value* x = reduction.operand(0);
  auto axes = integers_of(reduction.operand(1));
  if (!axes || !reduction.result()->single_use() || !x->shape.known_rank()) return false;
  bool keeps = reduction.attributes.boolean("keep_dims");
  std::vector<Dim> other = x->shape.dims();
  std::vector<bool> reduced(other.size(), false);
  for (int64_t a : *axes) {
    auto n = normalize_axis(a, other.size());
    if (!n) return false;
    reduced[*n] = true;
  }
  std::vector<Dim> kept;
  for (size_t i = 0; i < other.size(); ++i) {
    if (reduced[i])
      other[i] = 1;
    else
      kept.push_back(other[i]);
  }
  Shape wanted(keeps ? kept : other);
  if (!same_shape(wanted, node.result()->shape)) return false;
  reduction.attributes.set("keep_dims", !keeps);
  reduction.result()->shape = node.result()->shape;
  replace_node(&node, reduction.result());
  return true;
}

bool simplify_node(Graph& graph, Node& node) {
  if (node.result_count() != 1 || node.operand_count() == 0 || node.is("Return")) return false;
  if (node.is("CONCATENATION") && flatten_concatenation(node)) return true;
  if (Value* x = passed_through(node)) {
    replace_node(&node, x);
    return true;
  }
  bool multiplied = division_to_multiplication(graph, node);
  return join_constants(graph, node) || multiplied || reduction_keeps_dims(node);
}

}  // namespace

Result<size_t> unneeded(Model&, Graph& graph) {
  return for_each_node(graph, [&](Node& node) { return simplify_node(graph, node); });
}

}  // namespace pumice
