// Non-max suppression. V1 to V3 give as many indices as they select; V4 and V5 may pad.
//
// The evaluation follows TensorFlow's kernel: candidates by falling score (ties: lower index first),
// hard suppression above the overlap threshold, or Gaussian decay of scores (Bodla et al., "Soft-NMS",
// 2017) where soft_nms_sigma is positive.
#include <algorithm>
#include <cmath>
#include <limits>
#include <queue>

#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/lowering.h"

namespace pumice {
namespace {

/// Which operands a version has. Operands: boxes [n,4], scores [n], max_output_size, thresholds.
struct Version {
  int number;
  bool score_threshold() const { return number >= 3; }
  bool soft() const { return number >= 5; }
  bool pads(const Node& node) const {
    return number >= 4 && node.attributes.boolean("pad_to_max_output_size");
  }
  bool counts() const { return number >= 4; }
};

Version version_of(const Node& node) {
  char last = node.op.back();
  return {last >= '2' && last <= '5' ? last - '0' : 1};
}

size_t operands_of(Version v) { return v.number == 1 ? 3 : v.number == 2 ? 4 : v.soft() ? 6 : 5; }

Status infer_nms(Node& node) {
  Version v = version_of(node);
  size_t n = operands_of(v);
  PUMICE_CHECK(expect_operands(node, n, n));
  auto most = constant_integer(node.operand(2));
  Shape selected{v.pads(node) && most && *most >= 0 ? Dim(*most) : Dim()};
  set_result(node, 0, DType::kInt32, selected);
  if (v.soft()) set_result(node, 1, node.operand(1)->dtype, selected);
  if (v.counts()) set_result(node, v.soft() ? 2 : 1, DType::kInt32, Shape::scalar());
  return {};
}

float overlap(const float* boxes, int64_t i, int64_t j) {
  const float *a = boxes + 4 * i, *b = boxes + 4 * j;
  float a_y0 = std::min(a[0], a[2]), a_y1 = std::max(a[0], a[2]);
  float a_x0 = std::min(a[1], a[3]), a_x1 = std::max(a[1], a[3]);
  float b_y0 = std::min(b[0], b[2]), b_y1 = std::max(b[0], b[2]);
  float b_x0 = std::min(b[1], b[3]), b_x1 = std::max(b[1], b[3]);
  float area_a = (a_y1 - a_y0) * (a_x1 - a_x0), area_b = (b_y1 - b_y0) * (b_x1 - b_x0);
  if (area_a <= 0 || area_b <= 0) return 0;
  float h = std::max(std::min(a_y1, b_y1) - std::max(a_y0, b_y0), 0.0f);
  float w = std::max(std::min(a_x1, b_x1) - std::max(a_x0, b_x0), 0.0f);
  return h * w / (area_a + area_b - h * w);
}

struct Selection {
  std::vector<int32_t> indices;
  std::vector<float> scores;
};

Selection select(const float* boxes, const float* scores, int64_t n, int64_t most,
                 float overlap_threshold, float score_threshold, float sigma) {
  struct Candidate {
    float score;
    int32_t index;
    size_t compared;  // selected boxes below this were compared already
    bool operator<(const Candidate& o) const {
      return score < o.score || (score == o.score && index > o.index);
    }
  };
  std::priority_queue<Candidate> queue;
  for (int64_t i = 0; i < n; ++i)
    if (scores[i] > score_threshold) queue.push({scores[i], static_cast<int32_t>(i), 0});
  bool soft = sigma > 0;
  float scale = soft ? -0.5f / sigma : 0;
  Selection s;
  while (static_cast<int64_t>(s.indices.size()) < most && !queue.empty()) {
    Candidate next = queue.top();
    queue.pop();
    float original = next.score;
    bool suppressed = false;
    for (size_t j = s.indices.size(); j-- > next.compared;) {
      float similarity = overlap(boxes, next.index, s.indices[j]);
      if (!soft && similarity > overlap_threshold) {
        suppressed = true;
        break;
      }
      if (soft)
        next.score *= similarity <= overlap_threshold ? std::exp(scale * similarity * similarity) : 0;
      if (next.score <= score_threshold) break;
    }
    next.compared = s.indices.size();
    if (suppressed) continue;
    if (next.score == original) {
      s.indices.push_back(next.index);
      s.scores.push_back(next.score);
    } else if (next.score > score_threshold) {
      queue.push(next);
    }
  }
  return s;
}

Status evaluate_nms(EvalContext& context) {
  Version v = version_of(context.node);
  if (is_half(context.in(0).dtype())) return evaluate_in_float32(context, context.in(0).dtype(), evaluate_nms);
  const Tensor &boxes = context.in(0), &scores = context.in(1);
  if (boxes.dtype() != DType::kFloat32 || scores.dtype() != DType::kFloat32 || boxes.rank() != 2 ||
      boxes.dims()[1] != 4 || scores.rank() != 1 || scores.dims()[0] != boxes.dims()[0])
    return malformed(context.node, "boxes and scores do not fit")
        .expected("float32 [n,4] and [n]")
        .found(to_string(boxes.dims()) + " and " + to_string(scores.dims()));
  for (size_t i = 2; i < context.inputs.size(); ++i)
    if (context.in(i).elements() != 1) return malformed(context.node, "a limit that is no scalar");
  int64_t most = std::max<int64_t>(context.in(2).integer_at(0), 0);
  float overlap_threshold = v.number == 1 ? context.node.attributes.real("iou_threshold", 0.5f)
                                          : static_cast<float>(context.in(3).number_at(0));
  float score_threshold = v.score_threshold() ? static_cast<float>(context.in(4).number_at(0))
                                              : std::numeric_limits<float>::lowest();
  float sigma = v.soft() ? static_cast<float>(context.in(5).number_at(0)) : 0;
  Elements<float> b(boxes), s(scores);
  Selection selected = select(b.data(), s.data(), boxes.dims()[0], most, overlap_threshold,
                              score_threshold, sigma);
  auto count = static_cast<int32_t>(selected.indices.size());
  if (v.pads(context.node)) {
    PUMICE_CHECK(check_allocatable(context, {most}));
    selected.indices.resize(static_cast<size_t>(most), 0);
    selected.scores.resize(static_cast<size_t>(most), 0);
  }
  auto size = static_cast<int64_t>(selected.indices.size());
  context.outputs = {Tensor::of<int32_t>(DType::kInt32, {size}, selected.indices)};
  if (v.soft()) context.outputs.push_back(Tensor::of<float>(DType::kFloat32, {size}, selected.scores));
  if (v.counts()) context.outputs.push_back(Tensor::scalar_i32(count));
  return {};
}

/// TensorFlow suppresses what overlaps by more than the threshold, the kernel what overlaps by the
/// threshold or more: it gets the next larger number. No denormal, which a runtime may take for zero.
Value* next_larger(Lowering& lowering, Value* threshold) {
  constexpr float kSmallest = std::numeric_limits<float>::min();
  if (auto known = constant_number(threshold)) {
    auto t = static_cast<float>(*known);
    float next = t < 0 || t >= 1 ? t : std::max(std::nextafter(t, std::numeric_limits<float>::infinity()), kSmallest);
    return lowering.scalar(DType::kFloat32, next);
  }
  Value* scaled = lowering.binary("MUL", threshold, lowering.scalar(DType::kFloat32, 1 + 1.2e-7));
  scaled = lowering.binary("MINIMUM", scaled, lowering.scalar(DType::kFloat32, 1));  // the kernel takes no more
  return lowering.binary("MAXIMUM", scaled, lowering.scalar(DType::kFloat32, kSmallest));
}

Status lower_nms(Node& node, Lowering& lowering) {
  Version v = version_of(node);
  if (node.operand(0)->dtype != DType::kFloat32)
    return unsupported(node, "only float32 boxes have a kernel");
  if (!node.operand(0)->shape.is_rank(2) && node.operand(0)->shape.known_rank())
    return unsupported(node, "boxes must be of shape [n,4]");
  auto scalar = [&](size_t i) {
    Value* x = node.operand(i);
    return lowering.reshape(lowering.cast(x, DType::kFloat32), Shape::scalar());
  };
  Value* most = lowering.reshape(lowering.as_i32(node.operand(2)), Shape::scalar());
  std::vector<Value*> operands{node.operand(0), node.operand(1), most};
  operands.push_back(v.number == 1
                         ? next_larger(lowering, lowering.scalar(DType::kFloat32, node.attributes.real("iou_threshold", 0.5f)))
                         : next_larger(lowering, constant_of(node.operand(3)) ? node.operand(3) : scalar(3)));
  operands.push_back(v.score_threshold()
                         ? scalar(4)
                         : lowering.scalar(DType::kFloat32, std::numeric_limits<float>::lowest()));
  if (v.soft()) operands.push_back(scalar(5));
  auto limit = constant_integer(node.operand(2));
  Shape padded{limit && *limit >= 0 ? Dim(*limit) : Dim()};
  Node* nms = lowering.emit_node(v.soft() ? "NON_MAX_SUPPRESSION_V5" : "NON_MAX_SUPPRESSION_V4",
                                 operands, {}, v.soft() ? 3 : 2);
  set_result(*nms, 0, DType::kInt32, padded);
  if (v.soft()) set_result(*nms, 1, DType::kFloat32, padded);
  Value* count = nms->result(v.soft() ? 2 : 1);
  count->dtype = DType::kInt32;
  count->shape = Shape::scalar();
  auto valid = [&](Value* x, const Value* like) {
    if (v.pads(node)) return x;
    return lowering.emit("SLICE",
                         {x, lowering.constant_i32({0}), lowering.reshape(count, Shape{1})}, {},
                         x->dtype, like->shape);
  };
  Value* indices = valid(nms->result(0), node.result(0));
  lowering.replace(node, 0, indices);
  if (v.soft()) lowering.replace(node, 1, valid(nms->result(1), node.result(1)));
  if (v.counts()) lowering.replace(node, v.soft() ? 2 : 1, count);
  return {};
}

constexpr char kLimits[] =
    "float32; boxes whose first corner is the smaller one, no boxes without area, overlap thresholds "
    "below 1";

constexpr OpDef kOps[] = {
    {"NonMaxSuppression", infer_nms, evaluate_nms, lower_nms, "NON_MAX_SUPPRESSION_V4 + SLICE", kLimits},
    {"NonMaxSuppressionV2", infer_nms, evaluate_nms, lower_nms, "NON_MAX_SUPPRESSION_V4 + SLICE", kLimits},
    {"NonMaxSuppressionV3", infer_nms, evaluate_nms, lower_nms, "NON_MAX_SUPPRESSION_V4 + SLICE", kLimits},
    {"NonMaxSuppressionV4", infer_nms, evaluate_nms, lower_nms, "NON_MAX_SUPPRESSION_V4", kLimits},
    {"NonMaxSuppressionV5", infer_nms, evaluate_nms, lower_nms, "NON_MAX_SUPPRESSION_V5", kLimits},
};

}  // namespace

std::span<const OpDef> nms_ops() { return kOps; }

}  // namespace pumice
