// CombinedNonMaxSuppression: non-max suppression of every class of every picture, and the best of
// all classes.
//
// Operands: boxes [batch, n, q, 4] (q: 1, or one box a class), scores [batch, n, classes], the most
// detections a class and in all, overlap and score thresholds. Results, padded with zeros to k:
// boxes [batch, k, 4], scores and classes [batch, k], how many are valid [batch].
//
// The kernel runs once a class and picture; all else is done on all of them at once.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <queue>

#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/lower_math.h"
#include "ops/nms_kernel.h"
#include "ops/nms_overlap.h"

namespace pumice {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr int64_t kMostKernels = 4096;

/// The length of the results; unknown unless the limits are constants.
Dim length_of(const Node& node, Dim classes) {
  auto each = constant_integer(node.operand(2)), total = constant_integer(node.operand(3));
  if (!total || *total <= 0) return {};
  if (!node.attributes.boolean("pad_per_class")) return *total;
  if (!each || *each <= 0 || !classes.known()) return {};
  return *each > *total / std::max<int64_t>(classes.size(), 1)
             ? *total
             : std::min(*total, *each * classes.size());
}

Status infer_combined(Node& node) {
  PUMICE_CHECK(expect_operands(node, 6, 6));
  const Shape &boxes = node.operand(0)->shape, &scores = node.operand(1)->shape;
  auto found = [&] { return to_string(boxes) + " and " + to_string(scores); };
  if ((boxes.known_rank() && (boxes.rank() != 4 || !merge(boxes[3], Dim(4)))) ||
      (scores.known_rank() && scores.rank() != 3))
    return malformed(node, "boxes and scores do not fit")
        .expected("[batch,n,q,4] and [batch,n,classes]")
        .found(found());
  Dim batch, classes = scores.known_rank() ? scores[2] : Dim();
  if (boxes.known_rank()) batch = boxes[0];
  if (scores.known_rank()) {
    auto merged = merge(batch, scores[0]);
    if (!merged || (boxes.known_rank() && !merge(boxes[1], scores[1])))
      return malformed(node, "boxes and scores do not fit").found(found());
    batch = *merged;
  }
  if (boxes.known_rank() && boxes[2].known() && boxes[2] != Dim(1) && !merge(boxes[2], classes))
    return malformed(node, "neither one box for all classes nor one for each").found(found());
  Dim k = length_of(node, classes);
  set_result(node, 0, DType::kFloat32, {batch, k, 4});
  set_result(node, 1, DType::kFloat32, {batch, k});
  set_result(node, 2, DType::kFloat32, {batch, k});
  set_result(node, 3, DType::kInt32, {batch});
  return {};
}

struct Detection {
  float score;
  int64_t label;
  const float* box;  // null: none
};

/// One class of one picture; box i stands at boxes + i * stride. Queue and sort as in TensorFlow's
/// kernel, where equal scores have no order of their own.
void select_class(const float* boxes, int64_t stride, const float* scores, int64_t n,
                  int64_t classes, int64_t label, size_t most, float overlap_threshold,
                  float score_threshold, Detection* to) {
  struct Candidate {
    int64_t index;
    float score;
    bool operator<(const Candidate& o) const { return score < o.score; }
  };
  std::priority_queue<Candidate> queue;
  for (int64_t i = 0; i < n; ++i)
    if (float score = scores[i * classes + label]; score > score_threshold) queue.push({i, score});
  std::vector<int64_t> selected;
  for (; selected.size() < most && !queue.empty(); queue.pop()) {
    const float* box = boxes + queue.top().index * stride;
    bool suppressed = false;
    for (size_t j = selected.size(); j-- > 0 && !suppressed;)
      suppressed = overlap(box, boxes + selected[j] * stride) > overlap_threshold;
    if (suppressed) continue;
    to[selected.size()] = {queue.top().score, label, box};
    selected.push_back(queue.top().index);
  }
}

Status evaluate_combined(EvalContext& context) {
  const Tensor &boxes = context.in(0), &scores = context.in(1);
  if (boxes.dtype() != DType::kFloat32 || scores.dtype() != DType::kFloat32 || boxes.rank() != 4 ||
      scores.rank() != 3 || boxes.dims()[3] != 4 || boxes.dims()[0] != scores.dims()[0] ||
      boxes.dims()[1] != scores.dims()[1] ||
      (boxes.dims()[2] != 1 && boxes.dims()[2] != scores.dims()[2]))
    return malformed(context.node, "boxes and scores do not fit")
        .found(to_string(boxes.dims()) + " and " + to_string(scores.dims()));
  for (size_t i = 2; i < 6; ++i)
    if (context.in(i).elements() != 1) return malformed(context.node, "a limit that is no scalar");
  const int64_t batch = boxes.dims()[0], n = boxes.dims()[1], q = boxes.dims()[2],
                classes = scores.dims()[2];
  const int64_t each = context.in(2).integer_at(0), total = context.in(3).integer_at(0);
  if (each <= 0 || total <= 0) return malformed(context.node, "a limit that is not positive");
  const auto overlap_threshold = static_cast<float>(context.in(4).number_at(0));
  const auto score_threshold = static_cast<float>(context.in(5).number_at(0));
  const bool clip = context.node.attributes.boolean("clip_boxes", true);
  int64_t k = total;
  if (context.node.attributes.boolean("pad_per_class") &&
      each <= total / std::max<int64_t>(classes, 1))
    k = std::min(total, each * classes);
  const int64_t most = std::min(each, n);
  PUMICE_CHECK(check_allocatable(context, {batch, k, 4}));
  PUMICE_CHECK(check_allocatable(context, {classes, most}));
  Tensor out[] = {
      Tensor::zeros(DType::kFloat32, {batch, k, 4}), Tensor::zeros(DType::kFloat32, {batch, k}),
      Tensor::zeros(DType::kFloat32, {batch, k}), Tensor::zeros(DType::kInt32, {batch})};
  Elements<float> b(boxes), s(scores);
  for (int64_t picture = 0; picture < batch; ++picture) {
    std::vector<Detection> found(static_cast<size_t>(classes * most), {-kInfinity, -1, nullptr});
    for (int64_t c = 0; c < classes; ++c)
      select_class(b.data() + (picture * n * q + (q > 1 ? c : 0)) * 4, q * 4,
                   s.data() + picture * n * classes, n, classes, c, static_cast<size_t>(most),
                   overlap_threshold, score_threshold, found.data() + c * most);
    std::sort(found.begin(), found.end(),
              [](const Detection& x, const Detection& y) { return y.score < x.score; });
    int64_t valid = 0;
    for (const Detection& d : found) {
      if (!d.box || valid == k) break;
      int64_t at = picture * k + valid++;
      for (int64_t i = 0; i < 4; ++i)
        out[0].mutable_as<float>()[at * 4 + i] =
            clip ? std::max(std::min(d.box[i], 1.0f), 0.0f) : d.box[i];
      out[1].mutable_as<float>()[at] = d.score;
      out[2].mutable_as<float>()[at] = static_cast<float>(d.label);
    }
    out[3].mutable_as<int32_t>()[picture] = static_cast<int32_t>(valid);
  }
  context.outputs.assign(std::begin(out), std::end(out));
  return {};
}

std::vector<Value*> unpack(Lowering& lowering, Value* x, int64_t count) {
  Value* const operands[] = {x};
  Node* node = lowering.emit_node("UNPACK", operands, {{"num", count}, {"axis", int64_t{0}}},
                                  static_cast<size_t>(count));
  std::vector<Value*> parts;
  Shape shape(std::vector<Dim>(x->shape.dims().begin() + 1, x->shape.dims().end()));
  for (size_t i = 0; i < node->result_count(); ++i) {
    set_result(*node, i, x->dtype, shape);
    parts.push_back(node->result(i));
  }
  return parts;
}

Value* pack(Lowering& lowering, const std::vector<Value*>& parts) {
  std::vector<Dim> dims{static_cast<int64_t>(parts.size())};
  for (Dim d : parts[0]->shape.dims()) dims.push_back(d);
  return lowering.emit("PACK", parts,
                       {{"axis", int64_t{0}}, {"values_count", static_cast<int64_t>(parts.size())}},
                       parts[0]->dtype, Shape(dims));
}

Value* gather(Lowering& lowering, Value* x, Value* at, int64_t batch_dims, Shape shape) {
  return lowering.emit("GATHER", {x, at}, {{"axis", batch_dims}, {"batch_dims", batch_dims}},
                       x->dtype, std::move(shape));
}

/// 0, step, 2 step… as int32 [count].
Value* counting(Lowering& lowering, int64_t count, int64_t step) {
  auto number = [&](int64_t value) {
    return lowering.scalar(DType::kInt32, static_cast<double>(value));
  };
  return lowering.emit("RANGE", {number(0), number(count * step), number(step)}, {}, DType::kInt32,
                       {count});
}

/// Sizes of one lowering; n may be unknown.
struct Sizes {
  Dim n;
  int64_t batch, classes, q, most, k, kept;
};

/// What the kernels select: scores [batch * classes, most] and as many numbers of `boxes`, which
/// are [batch * n, 4] or [batch * classes * n, 4]; counts [batch * classes].
struct Candidates {
  Value *boxes, *scores, *numbers, *counts;
};

Candidates candidates(const Node& node, Lowering& lowering, const Sizes& z) {
  auto number = [&](size_t i) {
    return lowering.reshape(lowering.cast(node.operand(i), DType::kFloat32), Shape::scalar());
  };
  const int64_t sets = z.q > 1 ? z.batch * z.classes : z.batch, kernels = z.batch * z.classes;
  Value* scores = lowering.transpose(node.operand(1), {0, 2, 1});
  scores = lowering.reshape(scores, {kernels, z.n});
  Value* boxes = z.q > 1 ? lowering.transpose(node.operand(0), {0, 2, 1, 3}) : node.operand(0);
  boxes = lowering.reshape(boxes, {z.n * Dim(sets), 4});
  Suppression s;
  s.boxes = boxes;
  s.most = lowering.scalar(DType::kInt32, static_cast<double>(z.most));
  s.iou_threshold = kernel_threshold(lowering, number(4));
  s.score_threshold = number(5);
  Overlaps given = self_suppressing(lowering, s);
  s.iou_threshold = given.threshold;
  std::vector<Value*> box_sets =
      unpack(lowering, lowering.reshape(given.boxes, {sets, z.n, 4}), sets);
  std::vector<Value*> score_sets = unpack(lowering, scores, kernels);
  std::vector<Value*> indices, values, counts;
  for (int64_t i = 0; i < kernels; ++i) {
    s.boxes = box_sets[static_cast<size_t>(z.q > 1 ? i : i / z.classes)];
    s.scores = score_sets[static_cast<size_t>(i)];
    Selection one = select_by_kernel(lowering, s, true);
    indices.push_back(one.indices);
    values.push_back(one.scores);
    counts.push_back(one.count);
  }
  Candidates c{boxes, pack(lowering, values), pack(lowering, indices), pack(lowering, counts)};
  if (sets > 1) {  // where each kernel's boxes begin
    Value* begin;
    if (z.n.known()) {
      begin = counting(lowering, sets, z.n.size());
    } else {
      begin =
          lowering.binary("MUL", counting(lowering, sets, 1), lowering.size_of(node.operand(1), 1));
    }
    Shape together{sets, z.most * kernels / sets};
    Value* numbers = lowering.reshape(c.numbers, together);
    c.numbers = lowering.binary("ADD", numbers, lowering.reshape(begin, {sets, 1}));
  }
  return c;
}

Status lower_combined(Node& node, Lowering& lowering) {
  const Shape &boxes = node.operand(0)->shape, &scores = node.operand(1)->shape;
  auto each = constant_integer(node.operand(2));
  if (!scores.known_rank() || !scores[0].known() || !scores[2].known() || !boxes.known_rank() ||
      !boxes[2].known())
    return unsupported(node, "the numbers of pictures and classes must be known")
        .found(to_string(boxes) + " and " + to_string(scores));
  const Dim k = node.result(1)->shape[1];
  if (!each || *each <= 0 || !k.known())
    return unsupported(node, "the numbers of detections are not constants");
  Sizes z{merge(boxes[1], scores[1]).value_or(Dim()),
          scores[0].size(),
          scores[2].size(),
          boxes[2].size(),
          *each,
          k.size(),
          0};
  if (z.batch == 0 || z.classes == 0 || z.n == Dim(0))
    return unsupported(node, "no pictures, boxes or classes");
  if (z.batch > kMostKernels || z.classes > kMostKernels || z.batch * z.classes > kMostKernels)
    return unsupported(node, "more than 4,096 classes and pictures together");
  if (z.n.known()) z.most = std::min(z.most, z.n.size());
  const int64_t at_most = std::numeric_limits<int32_t>::max() / (z.batch * z.classes);
  if (z.most > at_most || (z.n.known() && z.n.size() > at_most))
    return unsupported(node, "boxes and detections that int32 cannot number")
        .found(std::to_string(z.most) + " a class");
  const int64_t in_all = z.classes * z.most;
  z.kept = std::min(z.k, in_all);
  Candidates c = candidates(node, lowering, z);

  // The best of all classes: what is no candidate goes last.
  auto number = [&](double value) { return lowering.scalar(DType::kFloat32, value); };
  auto integer = [&](int64_t value) {
    return lowering.scalar(DType::kInt32, static_cast<double>(value));
  };
  Value* real = lowering.compare("LESS", counting(lowering, z.most, 1),
                                 lowering.reshape(c.counts, {z.batch * z.classes, 1}));
  Value* ranked =
      lowering.reshape(select(lowering, real, c.scores, number(-kInfinity)), {z.batch, in_all});
  Value* const operands[] = {ranked, integer(z.kept)};
  Node* top = lowering.emit_node("TOPK_V2", operands, {}, 2);
  const Shape kept{z.batch, z.kept};
  set_result(*top, 0, DType::kFloat32, kept);
  set_result(*top, 1, DType::kInt32, kept);

  Value* valid = lowering.emit(
      "SUM", {lowering.reshape(c.counts, {z.batch, z.classes}), lowering.constant_i32({1})},
      {{"keep_dims", true}}, DType::kInt32, {z.batch, 1});
  if (z.kept < in_all) valid = lowering.binary("MINIMUM", valid, integer(z.kept));
  Value* is_valid = lowering.compare("LESS", counting(lowering, z.kept, 1), valid);
  Value* numbers =
      gather(lowering, lowering.reshape(c.numbers, {z.batch, in_all}), top->result(1), 1, kept);
  Value* picked = gather(lowering, c.boxes, numbers, 0, {z.batch, z.kept, 4});
  if (node.attributes.boolean("clip_boxes", true)) {
    picked = lowering.binary("MINIMUM", picked, number(1));
    picked = lowering.binary("MAXIMUM", picked, number(0));
  }
  Value* classes =
      lowering.cast(lowering.binary("FLOOR_DIV", top->result(1), integer(z.most)), DType::kFloat32);
  picked = select(lowering, lowering.reshape(is_valid, {z.batch, z.kept, 1}), picked, number(0));
  std::array<Value*, 3> results{picked, select(lowering, is_valid, top->result(0), number(0)),
                                select(lowering, is_valid, classes, number(0))};
  for (size_t i = 0; i < results.size(); ++i) {
    std::vector<std::pair<int64_t, int64_t>> paddings(i == 0 ? 3 : 2, {0, 0});
    paddings[1].second = z.k - z.kept;
    lowering.replace(node, i, lowering.pad(results[i], paddings));
  }
  lowering.replace(node, 3, lowering.reshape(valid, {z.batch}));
  return {};
}

constexpr OpDef kOps[] = {
    {"CombinedNonMaxSuppression", infer_combined, evaluate_combined, lower_combined,
     "NON_MAX_SUPPRESSION_V5 (a class and picture) + TOPK_V2 + GATHER",
     "pictures, classes and numbers of detections must be known, 4,096 classes and pictures "
     "together at most; equal "
     "scores come in no stated order, as in TensorFlow; boxes must be finite"},
};

}  // namespace

std::span<const OpDef> combined_nms_ops() { return kOps; }

}  // namespace pumice
