// BEFORE  CONV_2D(MUL(x, m), W, b)   CONV_2D(ADD(x, a), W, b) {VALID}   CONV_2D(ADD(MUL(x, m), a), …)
// AFTER   CONV_2D(x, W*m, b)         CONV_2D(x, W, b + sum(W*a))        CONV_2D(ADD(x, a/m), W*m, …)
//
// Normalization of the input, one number or one per channel. A factor always folds (padding with
// zeros stays so); an addend only where nothing is padded. Where both stand before a padded
// convolution, the factor changes places with the addend and folds. Also DEPTHWISE_CONV_2D and
// FULLY_CONNECTED.
#include <cmath>

#include "ops/lowering.h"
#include "passes/pipeline.h"
#include "passes/rewrite.h"
#include "tflite/enums.h"

namespace pumice {
namespace {

/// Weights of at most so many elements are summed up for an addend.
constexpr int64_t kLargestSummed = 1 << 18;

struct Channels {
  int64_t count;       // of the input
  int axis;            // of the weights
  int64_t multiplier;  // indices along that axis for one input channel
};

std::optional<Channels> channels_of(const Node& node) {
  bool depthwise = node.is("DEPTHWISE_CONV_2D");
  if (!node.is("CONV_2D") && !depthwise && !node.is("FULLY_CONNECTED")) return std::nullopt;
  const Constant* w = constant_of(node.operand(1));
  const Shape& x = node.operand(0)->shape;
  if (!w || w->dtype() != DType::kFloat32 || w->dims().empty() || !x.known_rank() || x.rank() < 2 ||
      !x[x.rank() - 1].known() || node.operand(0)->dtype != DType::kFloat32)
    return std::nullopt;
  int64_t n = x[x.rank() - 1].size();
  int axis = static_cast<int>(w->dims().size()) - 1;
  int64_t last = w->dims().back();
  if (n < 1 || (depthwise ? last % n != 0 : last != n)) return std::nullopt;
  return Channels{n, axis, last / n};
}

/// The constant as one number per input channel.
std::optional<std::vector<float>> per_channel(const Value* v, int64_t n) {
  const Constant* c = constant_of(v);
  if (!c || c->dtype() != DType::kFloat32 || (c->elements() != 1 && c->elements() != n) ||
      (c->elements() == n && n > 1 && c->dims().back() != n))
    return std::nullopt;
  std::vector<float> values = c->materialize().values<float>();
  if (values.size() == 1) values.assign(static_cast<size_t>(n), values[0]);
  return values;
}

/// The data and the constant of an ADD, SUB (of the constant) or MUL that only `reader` reads.
struct Affine {
  Node* node;
  Value* x;
  std::vector<float> numbers;
};
std::optional<Affine> affine_before(Value* v, std::string_view op, int64_t n) {
  Node& node = *v->node();
  bool sub = node.is("SUB") && op == "ADD";
  if ((!node.is(op) && !sub) || activation_of(node) != 0 || !v->single_use()) return std::nullopt;
  size_t data = constant_of(node.operand(0)) && !sub ? 1 : 0;
  auto numbers = per_channel(node.operand(1 - data), n);
  if (!numbers || !same_type(node.operand(data), v)) return std::nullopt;
  if (sub)
    for (float& f : *numbers) f = -f;
  return Affine{&node, node.operand(data), *std::move(numbers)};
}

/// Whether every element that the windows read is one of the input's.
bool pads_nothing(const Node& node) {
  if (node.is("FULLY_CONNECTED") || node.attributes.integer("padding") == kPaddingValid)
    return true;
  const Dims& w = constant_of(node.operand(1))->dims();
  return w.size() == 4 && w[1] == 1 && w[2] == 1;
}

void scale_weights(Graph& graph, Node& node, const Channels& c, const std::vector<float>& factors) {
  auto all = std::make_shared<std::vector<float>>();
  for (float f : factors) all->insert(all->end(), static_cast<size_t>(c.multiplier), f);
  Constant scaled = constant_of(node.operand(1))->then(ScaleAxis{c.axis, std::move(all)});
  node.set_operand(1, Lowering(graph, &node).constant(std::move(scaled)));
}

bool fold_factor(Graph& graph, Node& node, const Channels& c) {
  auto mul = affine_before(node.operand(0), "MUL", c.count);
  if (!mul) return false;
  scale_weights(graph, node, c, mul->numbers);
  node.set_operand(0, mul->x);
  erase_unused(mul->node);
  return true;
}

bool fold_addend(Graph& graph, Node& node, const Channels& c) {
  if (!pads_nothing(node)) return false;
  const Constant& weights = *constant_of(node.operand(1));
  if (weights.elements() > kLargestSummed) return false;
  auto add = affine_before(node.operand(0), "ADD", c.count);
  if (!add) return false;
  bool depthwise = node.is("DEPTHWISE_CONV_2D");
  auto outputs = static_cast<size_t>(depthwise ? weights.dims().back() : weights.dims()[0]);
  std::vector<double> bias(outputs, 0);
  if (node.operand_count() > 2 && node.operand(2)) {
    const Constant* old = constant_of(node.operand(2));
    if (!old || old->elements() != static_cast<int64_t>(outputs)) return false;
    Tensor t = old->materialize();
    for (size_t i = 0; i < outputs; ++i) bias[i] = t.number_at(static_cast<int64_t>(i));
  }
  std::vector<float> w = weights.materialize().values<float>();
  size_t each = w.size() / outputs, n = add->numbers.size();
  for (size_t i = 0; i < w.size(); ++i) {
    size_t output = depthwise ? i % outputs : i / each;
    size_t input = depthwise ? output / static_cast<size_t>(c.multiplier) : i % n;
    bias[output] += static_cast<double>(w[i]) * add->numbers[input];
  }
  Lowering lowering(graph, &node);
  while (node.operand_count() < 3) node.add_operand(nullptr);
  node.set_operand(
      2, lowering.constant(Tensor::of<float>(DType::kFloat32, {static_cast<int64_t>(outputs)},
                                             std::vector<float>(bias.begin(), bias.end()))));
  node.set_operand(0, add->x);
  erase_unused(add->node);
  return true;
}

bool swap_and_fold(Graph& graph, Node& node, const Channels& c) {
  auto add = affine_before(node.operand(0), "ADD", c.count);
  if (!add) return false;
  auto mul = affine_before(add->x, "MUL", c.count);
  if (!mul) return false;
  bool one = true;
  std::vector<float> shift;
  for (size_t i = 0; i < mul->numbers.size(); ++i) {
    shift.push_back(add->numbers[i] / mul->numbers[i]);
    if (!std::isfinite(shift[i])) return false;
    one &= shift[i] == shift[0];
  }
  Lowering lowering(graph, add->node);
  Tensor constant =
      one ? Tensor::scalar_f32(shift[0]) : Tensor::of<float>(DType::kFloat32, {c.count}, shift);
  Value* shifted = lowering.emit("ADD", {mul->x, lowering.constant(constant)}, {}, DType::kFloat32,
                                 mul->x->shape);
  scale_weights(graph, node, c, mul->numbers);
  node.set_operand(0, shifted);
  erase_unused(add->node);
  return true;
}

}  // namespace

Result<size_t> fuse_scale_before(Model&, Graph& graph) {
  size_t applied = 0;
  for (Node& node : graph) {
    auto channels = channels_of(node);
    if (!channels) continue;
    while (fold_factor(graph, node, *channels) || fold_addend(graph, node, *channels)) ++applied;
    applied += swap_and_fold(graph, node, *channels);
  }
  return applied;
}

}  // namespace pumice
