// BEFORE  Mul(Mul(0.5, x), AddV2(1, Erf(RealDiv(x, 1.4142135))))
//         (or Erfc(-x / sqrt(2)) for 1 + Erf)
//         Mul(Mul(0.5, x), AddV2(1, Tanh(Mul(0.7978845, AddV2(x, Mul(0.044715, Pow(x, 3)))))))
// AFTER   Gelu(x)
//
// On TensorFlow ops in float32: TensorFlow Lite has no error function, so that it would not be
// recognized after the lowering.
#include <array>
#include <cmath>

#include "passes/pipeline.h"
#include "passes/rewrite.h"

namespace pumice {
namespace {

constexpr float kSlack = 1e-4f;
constexpr float kRootHalf = 0.70710678f;     // 1 / sqrt(2)
constexpr float kRootTwoByPi = 0.79788456f;  // sqrt(2 / pi)
constexpr float kCubic = 0.044715f;

bool nearly(float a, float b) { return std::fabs(a - b) <= kSlack * std::fabs(b); }

/// A value as number * factor * factor …; what is not a product of TensorFlow's is a factor.
struct Product {
  std::array<Value*, 4> factors{};
  size_t count = 0;
  float number = 1;
  bool fits = true;

  void take(Value* v, int depth) {
    const Node& node = *v->node();
    if (auto f = float_of(v)) {
      number *= *f;
    } else if (depth > 0 && node.is("Mul")) {
      take(node.operand(0), depth - 1);
      take(node.operand(1), depth - 1);
    } else if (depth > 0 && node.is("RealDiv") && float_of(node.operand(1))) {
      number /= *float_of(node.operand(1));
      take(node.operand(0), depth - 1);
    } else if (depth > 0 && node.is("Neg")) {
      number = -number;
      take(node.operand(0), depth - 1);
    } else if (depth > 0 && node.is("Pow") && is_number(node.operand(1), 3)) {
      for (int i = 0; i < 3; ++i) take(node.operand(0), 0);
    } else if (depth > 0 && node.is("Square")) {
      for (int i = 0; i < 2; ++i) take(node.operand(0), 0);
    } else if (count == factors.size()) {
      fits = false;
    } else {
      factors[count++] = v;
    }
  }
};

Product product_of(Value* v, int depth) {
  Product p;
  p.take(v, depth);
  return p;
}

/// Whether v is number * x to the power.
bool is_power(Value* v, const Value* x, size_t power, float number) {
  for (int depth = 0; depth <= 4; ++depth) {
    Product p = product_of(v, depth);
    if (!p.fits || p.count != power || !nearly(p.number, number)) continue;
    bool all = true;
    for (size_t i = 0; i < power; ++i) all &= p.factors[i] == x;
    if (all) return true;
  }
  return false;
}

/// The other operand of 1 + y, or null.
Value* beyond_one(const Node& node) {
  if (!node.is("AddV2") && !node.is("Add")) return nullptr;
  for (size_t i = 0; i < 2; ++i)
    if (is_number(node.operand(i), 1)) return node.operand(1 - i);
  return nullptr;
}

/// Whether v is 0.7978845 * (x + 0.044715 * x^3).
bool is_tanh_argument(Value* v, const Value* x) {
  Product p = product_of(v, 1);
  if (p.count != 1 || !nearly(p.number, kRootTwoByPi)) return false;
  const Node& sum = *p.factors[0]->node();
  if (!sum.is("AddV2") && !sum.is("Add")) return false;
  for (size_t i = 0; i < 2; ++i)
    if (sum.operand(i) == x && is_power(sum.operand(1 - i), x, 3, kCubic)) return true;
  return false;
}

enum class Gate { kNone, kExact, kApproximate };

Gate gate_of(const Value* v, const Value* x) {
  const Node& node = *v->node();
  if (node.is("Erfc"))
    return is_power(node.operand(0), x, 1, -kRootHalf) ? Gate::kExact : Gate::kNone;
  Value* inner = beyond_one(node);
  if (!inner) return Gate::kNone;
  if (inner->node()->is("Erf") && is_power(inner->node()->operand(0), x, 1, kRootHalf))
    return Gate::kExact;
  if (inner->node()->is("Tanh") && is_tanh_argument(inner->node()->operand(0), x))
    return Gate::kApproximate;
  return Gate::kNone;
}

bool rewrite(Graph& graph, Node& node) {
  if (!node.is("Mul") || node.result()->dtype != DType::kFloat32) return false;
  for (int depth = 1; depth <= 3; ++depth) {
    Product p = product_of(node.result(), depth);
    if (!p.fits || p.count != 2 || !nearly(p.number, 0.5f)) continue;
    for (size_t i = 0; i < 2; ++i) {
      Value* x = p.factors[i];
      Gate gate = gate_of(p.factors[1 - i], x);
      if (gate == Gate::kNone || !same_type(x, node.result())) continue;
      Node* gelu = graph.create("Gelu", {x}, 1, &node);
      gelu->name = node.name;
      gelu->attributes.set("approximate", gate == Gate::kApproximate);
      gelu->result()->dtype = x->dtype;
      gelu->result()->shape = node.result()->shape;
      replace_node(&node, gelu->result());
      return true;
    }
  }
  return false;
}

}  // namespace

Result<size_t> recognize_gelu(Model&, Graph& graph) {
  return for_each_node(graph, [&](Node& node) { return rewrite(graph, node); });
}

}  // namespace pumice
