// Non-max suppression. V1 to V3 give as many indices as they select; V4 and V5 may pad.
//
// The evaluation follows TensorFlow's kernel: candidates by falling score (ties: lower index
// first), hard suppression above the overlap threshold, or Gaussian decay of scores (Bodla et al.,
// "Soft-NMS", 2017) where soft_nms_sigma is positive; the overlap threshold means nothing then.
#include <algorithm>
#include <cmath>
#include <limits>
#include <queue>

#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/lowering.h"
#include "ops/nms_kernel.h"
#include "ops/nms_overlap.h"

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

struct Selected {
  std::vector<int32_t> indices;
  std::vector<float> scores;
};

/// Where `half`, every step is rounded to float16 as TensorFlow's kernel does.
Selected select(const float* boxes, const float* scores, int64_t n, int64_t most,
                float overlap_threshold, float score_threshold, float sigma, bool half) {
  auto rounded = [half](float x) { return half ? half_to_float(float_to_half(x)) : x; };
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
  float scale = soft ? rounded(-0.5f / sigma) : 0;
  Selected s;
  while (static_cast<int64_t>(s.indices.size()) < most && !queue.empty()) {
    Candidate next = queue.top();
    queue.pop();
    float original = next.score;
    bool suppressed = false;
    for (size_t j = s.indices.size(); j-- > next.compared;) {
      float similarity = rounded(overlap(boxes + 4 * next.index, boxes + 4 * s.indices[j]));
      // An overlap of NaN (between endless boxes) does not suppress, but takes the score away.
      float decay = rounded(std::exp(rounded(rounded(scale * similarity) * similarity)));
      next.score = rounded(next.score * (soft || similarity <= overlap_threshold ? decay : 0));
      suppressed = !soft && similarity > overlap_threshold;
      if (suppressed) break;
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
  const DType dtype = context.in(0).dtype();
  const bool half = dtype == DType::kFloat16;
  auto widened = [&](const Tensor& x) { return half ? cast_tensor(x, DType::kFloat32) : x; };
  const Tensor boxes = widened(context.in(0)), scores = widened(context.in(1));
  if (boxes.dtype() != DType::kFloat32 || scores.dtype() != DType::kFloat32 || boxes.rank() != 2 ||
      boxes.dims()[1] != 4 || scores.rank() != 1 || scores.dims()[0] != boxes.dims()[0])
    return malformed(context.node, "boxes and scores do not fit")
        .expected("float32 [n,4] and [n]")
        .found(to_string(boxes.dims()) + " and " + to_string(scores.dims()));
  for (size_t i = 2; i < context.inputs.size(); ++i)
    if (context.in(i).elements() != 1) return malformed(context.node, "a limit that is no scalar");
  int64_t most = std::max<int64_t>(context.in(2).integer_at(0), 0);
  auto limit = [&](size_t i) {  // of the precision of the boxes
    auto x = static_cast<float>(context.in(i).number_at(0));
    return half ? half_to_float(float_to_half(x)) : x;
  };
  float overlap_threshold =
      v.number == 1 ? context.node.attributes.real("iou_threshold", 0.5f) : limit(3);
  float score_threshold = v.score_threshold() ? limit(4)
                          : half              ? -65504.0f
                                              : std::numeric_limits<float>::lowest();
  float sigma = v.soft() ? limit(5) : 0;
  Elements<float> b(boxes), s(scores);
  Selected selected = select(b.data(), s.data(), boxes.dims()[0], most, overlap_threshold,
                             score_threshold, sigma, half);
  auto count = static_cast<int32_t>(selected.indices.size());
  if (v.pads(context.node)) {
    PUMICE_CHECK(check_allocatable(context, {most}));
    selected.indices.resize(static_cast<size_t>(most), 0);
    selected.scores.resize(static_cast<size_t>(most), 0);
  }
  auto size = static_cast<int64_t>(selected.indices.size());
  context.outputs = {Tensor::of<int32_t>(DType::kInt32, {size}, selected.indices)};
  if (v.soft())
    context.outputs.push_back(
        cast_tensor(Tensor::of<float>(DType::kFloat32, {size}, selected.scores), dtype));
  if (v.counts()) context.outputs.push_back(Tensor::scalar_i32(count));
  return {};
}

/// A float32 scalar that is `threshold` where float32 overlaps are rounded to float16 before they
/// are compared: what rounds to more than it is above the result.
float before_rounding(float threshold) {
  auto rounded = [](float x) { return half_to_float(float_to_half(x)); };
  float next = half_to_float(static_cast<uint16_t>(float_to_half(threshold) + 1));
  float middle = (threshold + next) / 2;
  return rounded(middle) > threshold ? std::nextafter(middle, 0.0f) : middle;
}

Status lower_nms(Node& node, Lowering& lowering) {
  Version v = version_of(node);
  const DType dtype = node.operand(0)->dtype;
  const bool half = dtype == DType::kFloat16;
  if (dtype != DType::kFloat32 && !half)
    return unsupported(node, "only float32 and float16 boxes are taken");
  if (!node.operand(0)->shape.is_rank(2) && node.operand(0)->shape.known_rank())
    return unsupported(node, "boxes must be of shape [n,4]");
  // Limits have the precision of the boxes, whatever their own dtype.
  auto limit = [&](size_t i) {
    Value* x = node.operand(i);
    if (half) x = lowering.cast(x, DType::kFloat16);
    return lowering.reshape(lowering.cast(x, DType::kFloat32), Shape::scalar());
  };
  auto constant = [&](double value) { return lowering.scalar(DType::kFloat32, value); };
  Suppression s;
  s.boxes = lowering.cast(node.operand(0), DType::kFloat32);
  s.scores = lowering.cast(node.operand(1), DType::kFloat32);
  s.most = lowering.reshape(lowering.as_i32(node.operand(2)), Shape::scalar());
  Value* threshold =
      v.number == 1 ? constant(node.attributes.real("iou_threshold", 0.5f)) : limit(3);
  if (half) {
    auto known = constant_number(threshold);
    if (!known) return unsupported(node, "a run-time overlap threshold of float16 boxes");
    if (*known < 1) threshold = constant(before_rounding(static_cast<float>(*known)));
  }
  s.iou_threshold = kernel_threshold(lowering, threshold);
  s.score_threshold = v.score_threshold()
                          ? limit(4)
                          : constant(half ? -65504.0 : std::numeric_limits<float>::lowest());
  if (v.soft()) s.sigma = limit(5);
  if (half && v.soft()) {
    auto sigma = constant_number(s.sigma);
    if (!sigma || *sigma > 0) return unsupported(node, "soft suppression of float16 boxes");
  }
  Selection selected = suppress(lowering, s, v.soft());
  auto valid = [&](Value* x, const Value* like) {
    if (v.pads(node)) return x;
    return lowering.emit(
        "SLICE", {x, lowering.constant_i32({0}), lowering.reshape(selected.count, Shape{1})}, {},
        x->dtype, like->shape);
  };
  lowering.replace(node, 0, valid(selected.indices, node.result(0)));
  if (v.soft())
    lowering.replace(node, 1, lowering.cast(valid(selected.scores, node.result(1)), dtype));
  if (v.counts()) lowering.replace(node, v.soft() ? 2 : 1, selected.count);
  return {};
}

constexpr char kLimits[] =
    "equal scores go by index, of more than 4,096 boxes (and in soft suppression) in the order of "
    "the runtime's heap; in soft suppression, a box equal to a selected one is dropped; boxes must "
    "be finite; float16 with constant limits, not soft";

constexpr OpDef kOps[] = {
    {"NonMaxSuppression", infer_nms, evaluate_nms, lower_nms, "NON_MAX_SUPPRESSION_V4 + SLICE",
     kLimits},
    {"NonMaxSuppressionV2", infer_nms, evaluate_nms, lower_nms, "NON_MAX_SUPPRESSION_V4 + SLICE",
     kLimits},
    {"NonMaxSuppressionV3", infer_nms, evaluate_nms, lower_nms, "NON_MAX_SUPPRESSION_V4 + SLICE",
     kLimits},
    {"NonMaxSuppressionV4", infer_nms, evaluate_nms, lower_nms, "NON_MAX_SUPPRESSION_V4", kLimits},
    {"NonMaxSuppressionV5", infer_nms, evaluate_nms, lower_nms, "NON_MAX_SUPPRESSION_V5", kLimits},
};

}  // namespace

std::span<const OpDef> nms_ops() { return kOps; }

}  // namespace pumice
