// NonMaxSuppressionWithOverlaps: greedy selection by score, where what overlaps with a selected box
// is given as a matrix. There is no kernel for it: a loop takes the best box that is left, as often
// as there is one.
#include <algorithm>
#include <limits>

#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/lower_math.h"
#include "ops/lowering.h"

namespace pumice {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Operands: overlaps [n, n], scores [n], the most boxes, overlap and score thresholds.
Status infer_with_overlaps(Node& node) {
  PUMICE_CHECK(expect_operands(node, 5, 5));
  const Shape &overlaps = node.operand(0)->shape, &scores = node.operand(1)->shape;
  if ((overlaps.known_rank() && (overlaps.rank() != 2 || !merge(overlaps[0], overlaps[1]))) ||
      (scores.known_rank() && scores.rank() != 1))
    return malformed(node, "overlaps and scores do not fit")
        .expected("[n,n] and [n]")
        .found(to_string(overlaps) + " and " + to_string(scores));
  set_result(node, 0, DType::kInt32, Shape::of_rank(1));
  return {};
}

Status evaluate_with_overlaps(EvalContext& context) {
  const Tensor &overlaps = context.in(0), &scores = context.in(1);
  const int64_t n = scores.elements();
  if (overlaps.dtype() != DType::kFloat32 || scores.dtype() != DType::kFloat32 ||
      overlaps.dims() != Dims{n, n} || scores.rank() != 1)
    return malformed(context.node, "overlaps and scores do not fit")
        .expected("float32 [n,n] and [n]")
        .found(to_string(overlaps.dims()) + " and " + to_string(scores.dims()));
  for (size_t i = 2; i < 5; ++i)
    if (context.in(i).elements() != 1) return malformed(context.node, "a limit that is no scalar");
  const int64_t most = context.in(2).integer_at(0);
  const auto threshold = static_cast<float>(context.in(3).number_at(0));
  const auto score_threshold = static_cast<float>(context.in(4).number_at(0));
  Elements<float> o(overlaps), s(scores);
  std::vector<int32_t> order, selected;
  for (int64_t i = 0; i < n; ++i)
    if (s[i] > score_threshold) order.push_back(static_cast<int32_t>(i));
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return s[a] > s[b]; });
  for (int32_t i : order) {
    if (static_cast<int64_t>(selected.size()) >= most) break;
    auto suppresses = [&](int32_t j) { return o[i * n + j] > threshold; };
    if (std::none_of(selected.begin(), selected.end(), suppresses)) selected.push_back(i);
  }
  context.outputs = {Tensor::vector_i32(selected)};
  return {};
}

/// What the loop carries, as inputs of its condition and body.
struct State {
  Value* count;     // int32 scalar: how many are selected
  Value* left;      // float32 [n]: scores of what may still be selected, minus infinity for others
  Value* selected;  // int32 [most]
  // The same in every round: overlaps with each selected box [n, n], its threshold, 0 to n - 1, 0
  // to most - 1.
  Value *overlaps, *threshold, *boxes, *places;

  std::vector<Value*> all() const {
    return {count, left, selected, overlaps, threshold, boxes, places};
  }
};

State inputs_of(Graph& graph, const State& outside) {
  std::vector<Value*> made;
  for (const Value* value : outside.all())
    made.push_back(
        graph.add_input("state" + std::to_string(made.size()), value->dtype, value->shape));
  return {made[0], made[1], made[2], made[3], made[4], made[5], made[6]};
}

/// Something is left, and wanted.
void build_condition(Graph& graph, const State& outside) {
  State s = inputs_of(graph, outside);
  Lowering lowering(graph, nullptr);
  Value* best = lowering.emit("REDUCE_MAX", {s.left, lowering.constant_i32({0})},
                              {{"keep_dims", false}}, DType::kFloat32, Shape::scalar());
  // No minus infinity: the largest of no scores is the lowest finite number.
  Value* lowest = lowering.scalar(DType::kFloat32, std::numeric_limits<float>::lowest());
  Value* most = lowering.reshape(lowering.size_of(s.places, 0), Shape::scalar());
  graph.add_output(lowering.compare("LOGICAL_AND", lowering.compare("GREATER", best, lowest),
                                    lowering.compare("LESS", s.count, most)));
}

/// Selects the best; it and what overlaps with it are not left.
void build_body(Graph& graph, const State& outside) {
  State s = inputs_of(graph, outside);
  Lowering lowering(graph, nullptr);
  Value* best = lowering.emit("ARG_MAX", {s.left, lowering.scalar(DType::kInt32, 0)},
                              {{"output_type", DType::kInt32}}, DType::kInt32, Shape::scalar());
  Value* overlaps = lowering.emit("GATHER", {s.overlaps, best},
                                  {{"axis", int64_t{0}}, {"batch_dims", int64_t{0}}},
                                  DType::kFloat32, s.left->shape);
  Value* gone = lowering.compare("LOGICAL_OR", lowering.compare("GREATER", overlaps, s.threshold),
                                 lowering.compare("EQUAL", s.boxes, best));
  s.left = select(lowering, gone, lowering.scalar(DType::kFloat32, -kInfinity), s.left);
  s.selected = select(lowering, lowering.compare("EQUAL", s.places, s.count), best, s.selected);
  s.count = lowering.binary("ADD", s.count, lowering.scalar(DType::kInt32, 1));
  for (Value* value : s.all()) graph.add_output(value);
}

Status lower_with_overlaps(Node& node, Lowering& lowering) {
  Model* model = lowering.model();
  if (!model) return Error(ErrorCode::kInternal, "a loop needs a model").at(node.name, node.op);
  auto scalar = [&](size_t i, DType dtype) {
    return lowering.reshape(lowering.cast(node.operand(i), dtype), Shape::scalar());
  };
  auto range = [&](Value* size, Dim length) {
    return lowering.emit(
        "RANGE", {lowering.scalar(DType::kInt32, 0), size, lowering.scalar(DType::kInt32, 1)}, {},
        DType::kInt32, {length});
  };
  Value *scores = node.operand(1), *most = scalar(2, DType::kInt32),
        *minimum = scalar(4, DType::kFloat32);
  const Dim n = scores->shape.known_rank() ? scores->shape[0] : Dim();
  auto limit = constant_integer(node.operand(2));
  const Dim length = limit && *limit >= 0 ? Dim(*limit) : Dim();
  State s;
  s.count = lowering.scalar(DType::kInt32, 0);
  s.left = select(lowering, lowering.compare("GREATER", scores, minimum), scores,
                  lowering.scalar(DType::kFloat32, -kInfinity));
  s.overlaps = lowering.transpose(node.operand(0), {1, 0});
  s.threshold = scalar(3, DType::kFloat32);
  s.boxes = range(lowering.reshape(lowering.size_of(scores, 0), Shape::scalar()), n);
  s.places = range(most, length);
  s.selected = lowering.binary("MUL", s.places, lowering.scalar(DType::kInt32, 0));
  Graph* condition = model->add_graph(model->unique_name("nms_condition"));
  build_condition(*condition, s);
  Graph* body = model->add_graph(model->unique_name("nms_body"));
  build_body(*body, s);
  const std::vector<Value*> operands = s.all();
  Node* loop = lowering.emit_node(
      "WHILE", operands,
      {{"cond", FunctionRef{condition->name, nullptr}}, {"body", FunctionRef{body->name, nullptr}}},
      operands.size());
  for (size_t i = 0; i < operands.size(); ++i)
    set_result(*loop, i, operands[i]->dtype, operands[i]->shape);
  Value* count = lowering.reshape(loop->result(0), Shape{1});
  lowering.replace(node, 0,
                   lowering.emit("SLICE", {loop->result(2), lowering.constant_i32({0}), count}, {},
                                 DType::kInt32, node.result()->shape));
  return {};
}

constexpr OpDef kOps[] = {
    {"NonMaxSuppressionWithOverlaps", infer_with_overlaps, evaluate_with_overlaps,
     lower_with_overlaps, "WHILE", "overlaps must be numbers"},
};

}  // namespace

std::span<const OpDef> nms_with_overlaps_ops() { return kOps; }

}  // namespace pumice
