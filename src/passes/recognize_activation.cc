// BEFORE  MUL(MUL(x, RELU6(ADD(x, 3))), 1/6)   MINIMUM(MAXIMUM(x, 0), 6)   MAXIMUM(x, MUL(x, 0.1))
// AFTER   HARD_SWISH(x)                        RELU6(x)                    LEAKY_RELU(x)
//
// Activations that models spell out in arithmetic, in float32:
//   HARD_SWISH   x * relu6(x + 3) / 6 in any order; x * clip(x / 6 + 1/2, 0, 1), as Keras 3 has it
//   RELU, RELU6, RELU_N1_TO_1, RELU_0_TO_1   from MAXIMUM and MINIMUM in either order
//   LEAKY_RELU   max(x, a * x) for 0 < a < 1; relu(x) - a * relu(-x)
//   PRELU        relu(x) - alpha * relu(-x)
#include <array>

#include "ops/lowering.h"
#include "passes/pipeline.h"
#include "passes/rewrite.h"

namespace pumice {
namespace {

constexpr float kSlack = 2e-6f;

/// The operands of a commutative node as (other, constant), if one is a constant number.
struct WithNumber {
  Value* x;
  float number;
};
std::optional<WithNumber> with_number(const Node* node) {
  if (!node || node->operand_count() != 2) return std::nullopt;
  for (size_t i = 0; i < 2; ++i)
    if (auto f = float_of(node->operand(i)); f && !constant_of(node->operand(1 - i)))
      return WithNumber{node->operand(1 - i), *f};
  return std::nullopt;
}

struct Clamp {
  float low, high;
  const char* op;
};
constexpr Clamp kClamps[] = {{0, 6, "RELU6"}, {-1, 1, "RELU_N1_TO_1"}, {0, 1, "RELU_0_TO_1"}};

/// MAXIMUM and MINIMUM with numbers.
bool clamp(Graph& graph, Node& node) {
  bool maximum = node.is("MAXIMUM");
  if (!maximum && !node.is("MINIMUM")) return false;
  auto outer = with_number(&node);
  if (!outer || !same_type(outer->x, node.result())) return false;
  Lowering lowering(graph, &node);
  Node& inner = *outer->x->node();
  for (const Clamp& c : kClamps) {
    if (outer->number != (maximum ? c.low : c.high)) continue;
    Value* x = nullptr;
    if (!maximum && c.low == 0 && inner.is("RELU")) x = inner.operand(0);
    if (auto i = with_number(&inner);
        i && inner.is(maximum ? "MINIMUM" : "MAXIMUM") && i->number == (maximum ? c.high : c.low))
      x = i->x;
    if (!x || !same_type(x, node.result())) continue;
    replace_node(&node, lowering.unary(c.op, x));
    return true;
  }
  if (maximum && outer->number == 0) {
    replace_node(&node, lowering.unary("RELU", outer->x));
    return true;
  }
  return false;
}

bool leaky(Graph& graph, Node& node) {
  if (!node.is("MAXIMUM")) return false;
  for (size_t i = 0; i < 2; ++i) {
    Value* x = node.operand(i);
    auto scaled = with_number(maker(node.operand(1 - i), "MUL"));
    if (!scaled || scaled->x != x || scaled->number <= 0 || scaled->number >= 1) continue;
    if (!same_type(x, node.result())) continue;
    Lowering lowering(graph, &node);
    replace_node(&node,
                 lowering.emit("LEAKY_RELU", {x}, {{"alpha", scaled->number}}, x->dtype, x->shape));
    return true;
  }
  return false;
}

/// A product as its factors and the number it is multiplied with.
struct Product {
  std::array<Value*, 2> factors{};
  size_t count = 0;
  float number = 1;
  bool fits = true;

  void take(Value* v, int depth) {
    if (auto f = float_of(v)) {
      number *= *f;
      return;
    }
    Node& node = *v->node();
    bool mul = node.is("MUL"), div = node.is("DIV") && float_of(node.operand(1));
    if (depth > 0 && (mul || div) && activation_of(node) == 0 && (depth == 4 || v->single_use())) {
      take(node.operand(0), depth - 1);
      if (mul)
        take(node.operand(1), depth - 1);
      else
        number /= *float_of(node.operand(1));
      return;
    }
    if (count == factors.size()) {
      fits = false;
    } else {
      factors[count++] = v;
    }
  }
};

bool nearly(float a, float b) { return a > b * (1 - kSlack) && a < b * (1 + kSlack); }

/// Whether v is x + number, or x * factor + number.
bool is_shifted(const Value* v, const Value* x, float factor, float number) {
  const Node* add = maker(v, "ADD");
  auto a = with_number(add);
  if (!a) {
    const Node* sub = maker(v, "SUB");
    a = with_number(sub);
    if (!a || !float_of(sub->operand(1))) return false;
    a->number = -a->number;
  }
  if (!nearly(a->number, number)) return false;
  if (factor == 1) return a->x == x;
  const Node* mul = maker(a->x, "MUL");
  if (auto m = with_number(mul)) return m->x == x && nearly(m->number, factor);
  const Node* div = maker(a->x, "DIV");
  return div && div->operand(0) == x && is_number(div->operand(1), 1 / factor, kSlack);
}

bool hard_swish(Graph& graph, Node& node) {
  if (!node.is("MUL") && !node.is("DIV")) return false;
  if (activation_of(node) != 0) return false;
  Product product;
  product.take(node.result(), 4);
  if (!product.fits || product.count != 2) return false;
  for (size_t i = 0; i < 2; ++i) {
    Value *x = product.factors[i], *gate = product.factors[1 - i];
    Node& g = *gate->node();
    bool relu6 =
        g.is("RELU6") && nearly(product.number, 1.0f / 6) && is_shifted(g.operand(0), x, 1, 3);
    bool clip = g.is("RELU_0_TO_1") && nearly(product.number, 1) &&
                is_shifted(g.operand(0), x, 1.0f / 6, 0.5f);
    if ((!relu6 && !clip) || !same_type(x, node.result())) continue;
    replace_node(&node, Lowering(graph, &node).unary("HARD_SWISH", x));
    return true;
  }
  return false;
}

/// relu(x) + c * relu(-x) as PRELU with alpha = -c (or, below a SUB, alpha = c).
bool prelu(Graph& graph, Node& node) {
  bool sub = node.is("SUB");
  if (!sub && !node.is("ADD")) return false;
  for (size_t i = 0; i < (sub ? 1u : 2u); ++i) {
    const Node *relu = maker(node.operand(i), "RELU"), *mul = maker(node.operand(1 - i), "MUL");
    if (!relu || !mul) continue;
    Value* x = relu->operand(0);
    for (size_t k = 0; k < 2; ++k) {
      const Constant* c = constant_of(mul->operand(k));
      const Node* other = maker(mul->operand(1 - k), "RELU");
      const Node* neg = other ? maker(other->operand(0), "NEG") : nullptr;
      if (!c || c->dtype() != DType::kFloat32 || !neg || neg->operand(0) != x ||
          !same_type(x, node.result()))
        continue;
      size_t rank = x->shape.rank();
      Constant alpha = *c;
      if (!sub) {
        if (alpha.dims().empty()) alpha = alpha.then(Reshape{{1}});
        int last = static_cast<int>(alpha.dims().size()) - 1;
        auto minus =
            std::make_shared<std::vector<float>>(static_cast<size_t>(alpha.dims().back()), -1.0f);
        alpha = alpha.then(ScaleAxis{last, std::move(minus)});
      }
      Lowering lowering(graph, &node);
      if (alpha.elements() == 1) {
        float a = alpha.materialize().at<float>(0);
        replace_node(&node, lowering.emit("LEAKY_RELU", {x}, {{"alpha", a}}, x->dtype, x->shape));
        return true;
      }
      // The kernel's alpha has every axis but the batch.
      Dims dims = alpha.dims();
      if (rank < 2 || dims.size() > rank || (dims.size() == rank && dims[0] != 1)) return false;
      while (dims.size() < rank) dims.insert(dims.begin(), 1);
      dims.erase(dims.begin());
      if (dims != alpha.dims()) alpha = alpha.then(Reshape{dims});
      replace_node(&node, lowering.emit("PRELU", {x, lowering.constant(std::move(alpha))}, {},
                                        x->dtype, x->shape));
      return true;
    }
  }
  return false;
}

}  // namespace

Result<size_t> recognize_activation(Model&, Graph& graph) {
  return for_each_node(graph, [&](Node& node) {
    if (node.result_count() != 1 || node.result()->dtype != DType::kFloat32 ||
        activation_of(node) != 0)
      return false;
    return clamp(graph, node) || leaky(graph, node) || hard_swish(graph, node) ||
           prelu(graph, node);
  });
}

}  // namespace pumice
