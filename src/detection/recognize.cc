#include "detection/recognize.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "detection/compare_tail.h"
#include "ops/infer.h"
#include "passes/rewrite.h"

namespace pumice {
namespace {

Error unrecognized(const Node& node, std::string what) {
  return Error(ErrorCode::kUnsupported, std::move(what)).at(node.name, node.op);
}

/// What one non-max suppression is told.
struct Limits {
  int64_t each = 0;   // detections a class
  int64_t total = 0;  // 0: no limit of its own
  float overlap = 0.5f;
  float score = std::numeric_limits<float>::lowest();
  friend bool operator==(const Limits&, const Limits&) = default;
};

Result<Limits> limits_of(const Node& node) {
  Limits limits;
  auto number = [&](size_t i, float& into) -> Status {
    const auto value = i < node.operand_count() ? constant_number(node.operand(i)) : std::nullopt;
    if (!value) return unrecognized(node, "a threshold of the non-max suppression is no constant");
    into = static_cast<float>(*value);
    return {};
  };
  const bool combined = node.is("CombinedNonMaxSuppression");
  const bool first = node.is("NonMaxSuppression");
  const auto each = constant_integer(node.operand(2));
  const auto total = combined ? constant_integer(node.operand(3)) : std::optional<int64_t>(0);
  if (!each || !total)
    return unrecognized(node, "a limit of the non-max suppression is no constant");
  limits.each = *each;
  limits.total = *total;
  if (first)
    limits.overlap = node.attributes.real("iou_threshold", 0.5f);
  else
    PUMICE_CHECK(number(combined ? 4 : 3, limits.overlap));
  if (!first && !node.is("NonMaxSuppressionV2"))
    PUMICE_CHECK(number(combined ? 5 : 4, limits.score));
  if (node.is("NonMaxSuppressionV5")) {
    float sigma = 0;
    PUMICE_CHECK(number(5, sigma));
    if (sigma != 0)
      return unrecognized(node, "soft non-max suppression has no counterpart in the operator");
  }
  return limits;
}

bool is_nms(const Node& node) {
  for (const char* op : {"NonMaxSuppression", "NonMaxSuppressionV2", "NonMaxSuppressionV3",
                         "NonMaxSuppressionV4", "NonMaxSuppressionV5", "CombinedNonMaxSuppression"})
    if (node.is(op)) return true;
  return false;
}

/// Every non-max suppression of the graph; all of one kind, over the same boxes, with the same
/// limits.
Result<std::vector<Node*>> find_suppressions(const Model& model, Graph& graph) {
  std::vector<Node*> found;
  for (Node& node : graph)
    if (is_nms(node)) found.push_back(&node);
  if (found.empty()) {
    bool in_loop = false;
    for (const auto& [name, other] : model.graphs)
      for (const Node& node : *other) in_loop |= is_nms(node);
    return Error(ErrorCode::kUnsupported, "no post-processing is recognized")
        .expected("NonMaxSuppression (V1 to V5) or CombinedNonMaxSuppression in the graph")
        .found(in_loop ? "one inside a loop that does not unroll" : "none")
        .hint("Raw heads get the operator by --anchors FILE");
  }
  for (const Node* node : found) {
    if (node->operand_count() < 3) return malformed(*node, "it lacks operands");
    if (node->operand(0) != found[0]->operand(0))
      return unrecognized(*node,
                          "the classes have boxes of their own, or there are several stages");
    if (node->op != found[0]->op || (found.size() > 1 && node->is("CombinedNonMaxSuppression")))
      return unrecognized(*node, "several kinds of non-max suppression stand in the graph");
  }
  return found;
}

/// The tensor [N, classes] whose largest column a single suppression takes as scores; null: none.
Value* behind_max(Value* scores, int64_t count) {
  for (int steps = 0; steps < 8; ++steps) {
    const Node& node = *scores->node();
    if (node.is("Max")) {
      const auto dims = sizes_of_one(node.operand(0));
      const auto axes = constant_integers(node.operand(1));
      if (!dims || dims->empty() || !axes || axes->size() != 1) return nullptr;
      const auto axis = normalize_axis((*axes)[0], dims->size());
      const bool last =
          axis && *axis + 1 == dims->size() && element_count(*dims) == count * dims->back();
      return last ? node.operand(0) : nullptr;
    }
    if (!node.is("Reshape") && !node.is("Squeeze") && !node.is("Identity") &&
        !node.is("ExpandDims") && !node.is("Unpack"))
      return nullptr;
    scores = node.operand(0);
  }
  return nullptr;
}

}  // namespace

Result<RecognizedTail> recognize_heads(const Model& model, Graph& graph) {
  PUMICE_TRY(std::vector<Node*> suppressions, find_suppressions(model, graph));
  const Node& first = *suppressions[0];
  PUMICE_TRY(const Limits limits, limits_of(first));
  for (const Node* node : suppressions) {
    PUMICE_TRY(const Limits others, limits_of(*node));
    if (!(others == limits))
      return unrecognized(*node, "the classes have thresholds or limits of their own");
  }
  RecognizedTail tail;
  tail.boxes = first.operand(0);
  if (const Shape& shape = tail.boxes->shape;
      first.is("CombinedNonMaxSuppression") && shape.is_rank(4) && !shape[2].same_as(1))
    return unrecognized(first, "the classes have boxes of their own")
        .expected("[1,N,1,4]")
        .found(to_string(shape));
  PUMICE_TRY(tail.decoding, find_box_decoding(model, graph, tail.boxes));
  const int64_t n = tail.decoding.count;

  DetectionParameters& p = tail.parameters;
  std::vector<Value*> wanted;
  int64_t classes = 1;  // columns of each wanted value
  if (first.is("CombinedNonMaxSuppression")) {
    const auto dims = sizes_of_one(first.operand(1));
    if (!dims || dims->size() != 3 || (*dims)[1] != n)
      return unrecognized(first, "the classes have boxes of their own")
          .expected("scores [1," + std::to_string(n) + ",classes]")
          .found(to_string(first.operand(1)->shape));
    classes = dims->back();
    wanted = {first.operand(1)};
  } else if (Value* all = suppressions.size() == 1 ? behind_max(first.operand(1), n) : nullptr) {
    p.use_regular_nms = false;
    classes = sizes_of_one(all)->back();
    wanted = {all};
  } else {
    for (const Node* node : suppressions) wanted.push_back(node->operand(1));
  }
  PUMICE_TRY(tail.scores, find_score_columns(model, graph, wanted, n, classes));
  // The operator numbers classes by column.
  std::sort(tail.scores.column_of.begin(), tail.scores.column_of.end());
  p.num_classes = static_cast<int64_t>(tail.scores.column_of.size());
  p.detections_per_class = limits.each;
  p.max_detections = limits.total > 0    ? limits.total
                     : p.use_regular_nms ? std::min(limits.each, n) * p.num_classes
                                         : std::min(limits.each, n);
  p.nms_iou_threshold = std::max(limits.overlap, std::numeric_limits<float>::min());
  // TensorFlow takes scores above the threshold, the operator those of the threshold and above.
  p.nms_score_threshold = std::nextafter(limits.score, std::numeric_limits<float>::infinity());
  p.y_scale = tail.decoding.y_scale;
  p.x_scale = tail.decoding.x_scale;
  p.h_scale = tail.decoding.h_scale;
  p.w_scale = tail.decoding.w_scale;
  if (auto valid = DetectionParameters::from(p.attributes()); !valid.ok())
    return unrecognized(first, "the limits of the non-max suppression do not fit the operator")
        .found(valid.error().text());
  return tail;
}

Result<RecognizedTail> recognize_tail(const Model& model, Graph& graph) {
  PUMICE_TRY(RecognizedTail tail, recognize_heads(model, graph));
  PUMICE_CHECK(compare_tail(model, graph, tail));
  return tail;
}

}  // namespace pumice
