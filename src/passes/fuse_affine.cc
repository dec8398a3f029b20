// BEFORE  MUL(CONV_2D(x, W, b), m)   ADD(CONV_2D(x, W, b), a)     m, a constant, per channel or one
// AFTER   CONV_2D(x, W*m, b*m)       CONV_2D(x, W, b+a)
//
// Also SUB and DIV, either way round where it is linear; for CONV_2D, DEPTHWISE_CONV_2D, CONV_3D,
// TRANSPOSE_CONV and FULLY_CONNECTED. Repeated along the chain, this folds batch normalization in
// every algebraic form. A constant after a residual, ADD(ADD(CONV_2D(x), y), a), is added to the
// convolution first. Weights stay views of the source with a pending scale; weights that several
// convolutions share get a scale for each.
#include <algorithm>
#include <cmath>
#include <optional>

#include "ops/lowering.h"
#include "passes/pipeline.h"
#include "passes/rewrite.h"

namespace pumice {
namespace {

/// Where a linear op keeps its weights and bias.
struct Linear {
  const char* op;
  size_t weights, bias;  // operand numbers
  int channel_axis;      // of the weights
};
constexpr Linear kLinear[] = {
    {"CONV_2D", 1, 2, 0},         {"CONV_3D", 1, 2, 4},        {"DEPTHWISE_CONV_2D", 1, 2, 3},
    {"FULLY_CONNECTED", 1, 2, 0}, {"TRANSPOSE_CONV", 1, 3, 0},
};

const Linear* linear_of(const Node& node) {
  for (const Linear& l : kLinear)
    if (node.is(l.op)) return &l;
  return nullptr;
}

/// The constant as one factor per channel, if it is a scalar or varies along the last axis only.
std::optional<std::vector<float>> per_channel(const Value* value, size_t result_rank,
                                              int64_t channels) {
  const Constant* c = constant_of(value);
  if (!c || c->dtype() != DType::kFloat32 || c->dims().size() > result_rank) return std::nullopt;
  int64_t n = c->elements();
  bool last_axis = n == channels && !c->dims().empty() && c->dims().back() == channels;
  if (n != 1 && !last_axis) return std::nullopt;
  std::vector<float> v = c->materialize().values<float>();
  if (n == 1) v.assign(static_cast<size_t>(channels), v[0]);
  return v;
}

/// y = factor * x + offset, per channel.
struct Affine {
  std::vector<float> factor, offset;  // empty factor: 1
};

std::optional<Affine> affine_of(const Node& node, size_t linear_operand, size_t rank,
                                int64_t channels) {
  auto c = per_channel(node.operand(1 - linear_operand), rank, channels);
  if (!c) return std::nullopt;
  Affine a;
  a.offset.assign(c->size(), 0);
  bool first = linear_operand == 0;
  if (node.is("MUL")) {
    a.factor = *c;
  } else if (node.is("ADD")) {
    a.offset = *c;
  } else if (node.is("SUB")) {
    for (size_t i = 0; i < c->size(); ++i) a.offset[i] = first ? -(*c)[i] : (*c)[i];
    if (!first) a.factor.assign(c->size(), -1);
  } else if (node.is("DIV") && first) {
    for (float f : *c) a.factor.push_back(1 / f);
  } else {
    return std::nullopt;
  }
  for (float f : a.factor)
    if (!std::isfinite(f)) return std::nullopt;
  return a;
}

/// weights * factors along `axis`; joins a scale that is pending on that axis already.
Constant scaled(const Constant& weights, int axis, const std::vector<float>& factors) {
  const auto& transforms = weights.transforms();
  const auto* last = transforms.empty() ? nullptr : std::get_if<ScaleAxis>(&transforms.back());
  if (!last || last->axis != axis)
    return weights.then(ScaleAxis{axis, std::make_shared<std::vector<float>>(factors)});
  Constant joined(weights.source());
  for (size_t i = 0; i + 1 < transforms.size(); ++i) joined = joined.then(transforms[i]);
  auto both = std::make_shared<std::vector<float>>(*last->factors);
  for (size_t i = 0; i < both->size(); ++i) (*both)[i] *= factors[i];
  return joined.then(ScaleAxis{axis, std::move(both)});
}

bool fuse_into(Graph& graph, Node& linear, const Linear& how) {
  Value* result = linear.result();
  if (!result->single_use() || activation_of(linear) != 0 || result->dtype != DType::kFloat32)
    return false;
  auto [reader, operand] = result->uses()[0];
  if (reader->operand_count() != 2 || reader->is("Return") || !result->shape.known_rank())
    return false;
  const Value* weights = linear.operand(how.weights);
  const Constant* constant = constant_of(weights);
  size_t rank = result->shape.rank();
  if (rank == 0 || !result->shape[rank - 1].known()) return false;
  if (!(reader->result()->shape == result->shape)) return false;
  int64_t channels = result->shape[rank - 1].size();
  auto affine = affine_of(*reader, operand, rank, channels);
  if (!affine) return false;
  bool scales = !affine->factor.empty();
  if (scales && (!constant || constant->dtype() != DType::kFloat32)) return false;
  if (scales && constant->dims()[static_cast<size_t>(how.channel_axis)] != channels) return false;

  std::vector<float> bias(static_cast<size_t>(channels), 0);
  if (how.bias < linear.operand_count() && linear.operand(how.bias)) {
    auto old = per_channel(linear.operand(how.bias), 1, channels);
    if (!old) return false;
    bias = *old;
  }
  for (size_t i = 0; i < bias.size(); ++i)
    bias[i] = (scales ? bias[i] * affine->factor[i] : bias[i]) + affine->offset[i];

  Lowering lowering(graph, &linear);
  if (scales)
    linear.set_operand(how.weights,
                       lowering.constant(scaled(*constant, how.channel_axis, affine->factor)));
  bool has_bias = how.bias < linear.operand_count() && linear.operand(how.bias);
  if (has_bias || std::any_of(bias.begin(), bias.end(), [](float b) { return b != 0; })) {
    while (linear.operand_count() <= how.bias) linear.add_operand(nullptr);
    linear.set_operand(how.bias,
                       lowering.constant(Tensor::of<float>(DType::kFloat32, {channels}, bias)));
  }
  set_activation(linear, activation_of(*reader));
  result->name = reader->result()->name;
  linear.name = reader->name;
  graph.replace_uses(reader->result(), result);
  graph.erase(reader);
  return true;
}

/// (linear + y) + constant → (linear + constant) + y
bool add_constant_first(Graph& graph, Node& node) {
  if (!node.is("ADD") || node.result()->dtype != DType::kFloat32) return false;
  size_t data = constant_of(node.operand(0)) ? 1 : 0;
  Value* sum = node.operand(data);
  const Constant* c = constant_of(node.operand(1 - data));
  if (!c || !maker(sum, "ADD") || !sum->single_use() || !same_type(sum, node.result()))
    return false;
  Node& inner = *sum->node();
  for (size_t i = 0; i < 2; ++i) {
    Value* v = inner.operand(i);
    const Linear* how = linear_of(*v->node());
    if (!how || !v->single_use() || activation_of(*v->node()) != 0 || !same_type(v, sum) ||
        constant_of(inner.operand(1 - i)))
      continue;
    size_t rank = v->shape.rank();
    if (rank == 0 || !v->shape[rank - 1].known() ||
        !per_channel(node.operand(1 - data), rank, v->shape[rank - 1].size()))
      return false;
    Lowering lowering(graph, &inner);
    Value* constant = lowering.constant(*c);
    inner.set_operand(i, lowering.binary("ADD", v, constant));
    set_activation(inner, activation_of(node));
    replace_node(&node, sum);
    return true;
  }
  return false;
}

}  // namespace

Result<size_t> fuse_affine(Model& model, Graph& graph) {
  size_t applied = for_each_node(graph, [&](Node& n) { return add_constant_first(graph, n); });
  for (Node* node = graph.first(); node; node = node->next())
    if (const Linear* how = linear_of(*node))
      while (fuse_into(graph, *node, *how)) ++applied;
  return applied;
}

}  // namespace pumice
