// The operator stands in TensorFlow graphs too: as the composite of the object-detection API's
// exporter (whose body is a stand-in), and where post-processing that a graph spells out was
// recognized.
//
// The evaluation follows LiteRT's kernel: it decodes in double precision, suppresses above the
// overlap threshold, and sorts stably by falling score.
#include "ops/detection_post_process.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/lower_math.h"
#include "ops/lowering.h"
#include "ops/score_bound.h"
#include "tflite/custom_options.h"

namespace pumice {
namespace {

/// More rows than any detector gives, so that a hostile number cannot ask for memory.
constexpr int64_t kMostRows = 1 << 20;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

float overlap(const BoxCorners& a, const BoxCorners& b) {
  const float area_a = (a.ymax - a.ymin) * (a.xmax - a.xmin),
              area_b = (b.ymax - b.ymin) * (b.xmax - b.xmin);
  if (area_a <= 0 || area_b <= 0) return 0;
  const float h = std::max(std::min(a.ymax, b.ymax) - std::max(a.ymin, b.ymin), 0.0f);
  const float w = std::max(std::min(a.xmax, b.xmax) - std::max(a.xmin, b.xmin), 0.0f);
  return h * w / (area_a + area_b - h * w);
}

/// Boxes by falling score, without those that a better one suppresses.
std::vector<int64_t> suppress(const std::vector<BoxCorners>& boxes,
                              const std::vector<float>& scores, int64_t most,
                              const DetectionParameters& p) {
  std::vector<int64_t> order;
  for (size_t i = 0; i < scores.size(); ++i)
    if (scores[i] >= p.nms_score_threshold) order.push_back(static_cast<int64_t>(i));
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return scores[static_cast<size_t>(a)] > scores[static_cast<size_t>(b)];
  });
  std::vector<int64_t> kept;
  for (int64_t i : order) {
    if (static_cast<int64_t>(kept.size()) >= most) break;
    const BoxCorners& box = boxes[static_cast<size_t>(i)];
    bool free = true;
    for (size_t k = 0; free && k < kept.size(); ++k)
      free = !(overlap(boxes[static_cast<size_t>(kept[k])], box) > p.nms_iou_threshold);
    if (free) kept.push_back(i);
  }
  return kept;
}

struct Found {
  int64_t box;
  int64_t column;  // without the background
  float score;
};

Status infer(Node& node) {
  PUMICE_CHECK(expect_operands(node, 3, 3));
  if (node.result_count() != 4) return malformed(node, "it has four results");
  auto parameters = DetectionParameters::from(node.attributes);
  if (!parameters.ok()) return std::move(parameters).error().at(node.name, node.op);
  const Dim rows(parameters->max_detections * parameters->max_classes_per_detection);
  set_result(node, 0, DType::kFloat32, {1, rows, 4});
  set_result(node, 1, DType::kFloat32, {1, rows});
  set_result(node, 2, DType::kFloat32, {1, rows});
  set_result(node, 3, DType::kFloat32, {1});
  return {};
}

/// The operands' shapes as far as they are known; the kernel checks the rest.
Status check_operands(const Node& node, const DetectionParameters& p) {
  const Value *encodings = node.operand(0), *scores = node.operand(1), *anchors = node.operand(2);
  auto found = [&] {
    std::string text;
    for (const Value* v : {encodings, scores, anchors})
      text += (text.empty() ? "" : ", ") + std::string(dtype_name(v->dtype)) + " " +
              to_string(v->shape);
    return text;
  };
  auto refused = [&] {
    return unsupported(node, "its operands do not fit")
        .expected("float32 encodings [1,N,4], scores [1,N," + std::to_string(p.num_classes) +
                  " or " + std::to_string(p.num_classes + 1) + "] and anchors [N,4]")
        .found(found());
  };
  auto may_be = [](Dim d, int64_t low, int64_t high) {
    return !d.known() || (d.size() >= low && d.size() <= high);
  };
  auto may_be_ranked = [](const Value* v, size_t rank) {
    return !v->shape.known_rank() || v->shape.rank() == rank;
  };
  for (const Value* v : {encodings, scores, anchors})
    if (v->dtype != DType::kFloat32) return refused();
  if (!may_be_ranked(encodings, 3) || !may_be_ranked(scores, 3) || !may_be_ranked(anchors, 2))
    return refused();
  const bool ranks =
      encodings->shape.known_rank() && scores->shape.known_rank() && anchors->shape.known_rank();
  if (!ranks) return {};
  const Shape &e = encodings->shape, &s = scores->shape, &a = anchors->shape;
  if (!may_be(e[0], 1, 1) || !may_be(s[0], 1, 1) || !may_be(e[2], 4, 4) || !may_be(a[1], 4, 4) ||
      !may_be(s[2], p.num_classes, p.num_classes + 1) || !merge(e[1], s[1]) || !merge(e[1], a[0]) ||
      !merge(s[1], a[0]))
    return refused();
  return {};
}

Status evaluate(EvalContext& context) {
  PUMICE_TRY(const DetectionParameters p, DetectionParameters::from(context.node.attributes));
  if (context.inputs.size() != 3) return malformed(context.node, "it has three operands");
  const Tensor &encodings = context.in(0), &scores = context.in(1), &anchors = context.in(2);
  auto fits = [](const Tensor& t, size_t rank) {
    return t.dtype() == DType::kFloat32 && t.rank() == rank;
  };
  if (!fits(encodings, 3) || !fits(scores, 3) || !fits(anchors, 2))
    return malformed(context.node, "its operands do not fit");
  const int64_t n = encodings.dims()[1], columns = scores.dims()[2];
  if (encodings.dims() != Dims{1, n, 4} || anchors.dims() != Dims{n, 4} ||
      scores.dims() != Dims{1, n, columns} || columns < p.num_classes ||
      columns > p.num_classes + 1)
    return malformed(context.node, "its operands do not fit")
        .found(to_string(encodings.dims()) + ", " + to_string(scores.dims()) + ", " +
               to_string(anchors.dims()));
  Elements<float> e(encodings), s(scores), a(anchors);
  DetectionRows rows = post_process(e.data(), s.data(), a.data(), n, columns, p);
  const auto many = static_cast<int64_t>(rows.scores.size());
  context.outputs = {Tensor::of<float>(DType::kFloat32, {1, many, 4}, rows.boxes),
                     Tensor::of<float>(DType::kFloat32, {1, many}, rows.classes),
                     Tensor::of<float>(DType::kFloat32, {1, many}, rows.scores),
                     Tensor::of<float>(DType::kFloat32, {1}, {static_cast<float>(rows.count)})};
  return {};
}

Value* number(Lowering& lowering, float value) { return lowering.scalar(DType::kFloat32, value); }

/// The operator itself, on `scores`.
Node* emit_operator(const Node& node, Lowering& lowering, const DetectionParameters& p,
                    Value* scores) {
  Value* const operands[] = {node.operand(0), scores, node.operand(2)};
  Node* op = lowering.emit_node(std::string("custom:") + kDetectionPostProcess, operands,
                                {{"custom_options", custom_options(p.attributes())},
                                 {"num_classes", p.num_classes}},  // for the metadata
                                4);
  for (size_t i = 0; i < 4; ++i) set_result(*op, i, node.result(i)->dtype, node.result(i)->shape);
  return op;
}

int64_t most_detections(const DetectionParameters& p) {
  return p.use_regular_nms ? std::min(p.max_detections, p.detections_per_class * p.num_classes)
                           : p.max_detections;
}

/// The scores above `bound`, and minus infinity for others. Where boxes compete by their best score
/// and give those of several classes, whole boxes stay.
Value* high_scores(Lowering& lowering, Value* scores, Value* best, Value* bound, bool by_class) {
  const Dims dims = scores->shape.sizes();
  Value* lowest = number(lowering, -kInfinity);
  Value* high = nullptr;
  if (by_class) {  // a vector is compared in a fraction of the time
    Value* all = lowering.reshape(scores, {dims[1] * dims[2]});
    high = select(lowering, lowering.compare("GREATER", all, bound), all, lowest);
  } else {
    Value* rows = lowering.reshape(scores, {dims[1], dims[2]});
    Value* none =
        lowering.emit("FILL", {lowering.shape_of(rows), lowest}, {}, DType::kFloat32, rows->shape);
    high = lowering.emit("SELECT", {lowering.compare("GREATER", best, bound), rows, none}, {},
                         DType::kFloat32, rows->shape);
  }
  return lowering.reshape(high, scores->shape);
}

/// Of many boxes the operator compares each with each detection: they go in two steps
/// (score_bound.h).
void lower_in_two_steps(Node& node, Lowering& lowering, const DetectionParameters& p) {
  Value* scores = node.operand(1);
  const Dims dims = scores->shape.sizes();
  const bool by_class = p.use_regular_nms;
  const int64_t most = most_detections(p);
  // The operator takes scores of its threshold and above.
  Value* least = number(lowering, std::nextafter(p.nms_score_threshold, -kInfinity));
  Value* foreground =
      lowering.slice(scores, {0, 0, dims[2] - p.num_classes}, {dims[0], dims[1], p.num_classes});
  Value* best = lowering.emit("REDUCE_MAX", {foreground, lowering.constant_i32({2})},
                              {{"keep_dims", false}}, DType::kFloat32, {dims[0], dims[1]});
  best = lowering.reshape(best, {dims[1]});
  Value* bound = score_bound(lowering, best, most, least);
  Node* above =
      emit_operator(node, lowering, p, high_scores(lowering, scores, best, bound, by_class));
  Value* count = lowering.reshape(above->result(3), Shape::scalar());
  Value* full = lowering.compare("EQUAL", count, number(lowering, static_cast<float>(most)));
  Value* enough = is_enough(lowering, full, bound, least);
  Value* none = select(lowering, enough, number(lowering, -kInfinity), number(lowering, 0));
  Node* all = emit_operator(node, lowering, p, lowering.binary("ADD", scores, none));
  above->name += "/high";
  all->name += "/all";
  for (size_t i = 0; i < 4; ++i) {
    Value* result = select(lowering, enough, above->result(i), all->result(i));
    result->name = i == 0 ? node.name : node.name + ":" + std::to_string(i);  // as the operator's
    lowering.replace(node, i, result);
  }
}

Status lower(Node& node, Lowering& lowering) {
  PUMICE_TRY(const DetectionParameters p, DetectionParameters::from(node.attributes));
  PUMICE_CHECK(check_operands(node, p));
  const Shape& scores = node.operand(1)->shape;
  const bool fits = scores.is_rank(3) && scores.fully_known() && scores[0] == Dim(1) &&
                    (scores[2] == Dim(p.num_classes) || scores[2] == Dim(p.num_classes + 1));
  if (fits && is_worth_a_bound(scores[1], most_detections(p)) &&
      p.nms_score_threshold > std::numeric_limits<float>::lowest()) {
    lower_in_two_steps(node, lowering, p);
    return {};
  }
  Node* op = emit_operator(node, lowering, p, node.operand(1));
  for (size_t i = 0; i < 4; ++i) lowering.replace(node, i, op->result(i));
  return {};
}

constexpr OpDef kOps[] = {
    {kDetectionPostProcess, infer, evaluate, lower, "the custom operator of the same name",
     "batch 1, float32"},
};

}  // namespace

Attributes DetectionParameters::attributes() const {
  return {{"max_detections", max_detections},
          {"max_classes_per_detection", max_classes_per_detection},
          {"detections_per_class", detections_per_class},
          {"num_classes", num_classes},
          {"use_regular_nms", use_regular_nms},
          {"nms_score_threshold", nms_score_threshold},
          {"nms_iou_threshold", nms_iou_threshold},
          {"y_scale", y_scale},
          {"x_scale", x_scale},
          {"h_scale", h_scale},
          {"w_scale", w_scale}};
}

Result<DetectionParameters> DetectionParameters::from(const Attributes& attributes) {
  DetectionParameters p;
  auto wrong = [](const char* name, const char* expected, std::string found) {
    return Error(ErrorCode::kMalformed,
                 std::string("detection post-processing: option '") + name + "'")
        .expected(expected)
        .found(std::move(found));
  };
  struct Count {
    const char* name;
    int64_t* value;
    bool required;
  };
  for (const Count& c : {Count{"max_detections", &p.max_detections, true},
                         Count{"max_classes_per_detection", &p.max_classes_per_detection, true},
                         Count{"detections_per_class", &p.detections_per_class, false},
                         Count{"num_classes", &p.num_classes, true}}) {
    const auto* value = attributes.find<int64_t>(c.name);
    if (!value && (c.required || attributes.has(c.name)))
      return wrong(c.name, "a whole number", attributes.has(c.name) ? "another type" : "nothing");
    if (value && (*value < 1 || *value > kMostRows))
      return wrong(c.name, "1 to 1048576", std::to_string(*value));
    if (value) *c.value = *value;
  }
  if (p.max_detections * p.max_classes_per_detection > kMostRows)
    return wrong("max_detections", "at most 1048576 rows", std::to_string(p.max_detections));
  struct Real {
    const char* name;
    float* value;
    bool positive;
  };
  for (const Real& r : {Real{"nms_score_threshold", &p.nms_score_threshold, false},
                        Real{"nms_iou_threshold", &p.nms_iou_threshold, true},
                        Real{"y_scale", &p.y_scale, true}, Real{"x_scale", &p.x_scale, true},
                        Real{"h_scale", &p.h_scale, true}, Real{"w_scale", &p.w_scale, true}}) {
    const auto* value = attributes.find<float>(r.name);
    const auto* whole = attributes.find<int64_t>(r.name);
    if (!value && !whole)
      return wrong(r.name, "a number", attributes.has(r.name) ? "another type" : "nothing");
    *r.value = value ? *value : static_cast<float>(*whole);
    if (std::isnan(*r.value) || (r.positive && !(*r.value > 0)))
      return wrong(r.name, r.positive ? "a positive number" : "a number", std::to_string(*r.value));
  }
  if (p.nms_iou_threshold > 1)
    return wrong("nms_iou_threshold", "at most 1", std::to_string(p.nms_iou_threshold));
  p.use_regular_nms = attributes.boolean("use_regular_nms", false);
  return p;
}

std::vector<BoxCorners> decode_boxes(const float* encodings, const float* anchors, int64_t n,
                                     const DetectionParameters& p) {
  std::vector<BoxCorners> boxes(static_cast<size_t>(n));
  auto centre = [](float t, float scale, float size, float at) {
    return static_cast<float>(static_cast<double>(t) / static_cast<double>(scale) *
                                  static_cast<double>(size) +
                              static_cast<double>(at));
  };
  auto half = [](float t, float scale, float size) {
    return static_cast<float>(0.5 * std::exp(static_cast<double>(t) / static_cast<double>(scale)) *
                              static_cast<double>(size));
  };
  for (int64_t i = 0; i < n; ++i) {
    const float *t = encodings + 4 * i, *a = anchors + 4 * i;
    const float y = centre(t[0], p.y_scale, a[2], a[0]), x = centre(t[1], p.x_scale, a[3], a[1]);
    const float h = half(t[2], p.h_scale, a[2]), w = half(t[3], p.w_scale, a[3]);
    boxes[static_cast<size_t>(i)] = {y - h, x - w, y + h, x + w};
  }
  return boxes;
}

DetectionRows select_detections(const std::vector<BoxCorners>& boxes, const float* scores,
                                int64_t columns, const DetectionParameters& p) {
  const auto n = static_cast<int64_t>(boxes.size());
  const int64_t background = columns - p.num_classes;
  const int64_t each = p.use_regular_nms ? 1 : std::min(p.max_classes_per_detection, p.num_classes);
  std::vector<Found> found;
  std::vector<float> one(static_cast<size_t>(n));
  if (p.use_regular_nms) {
    for (int64_t c = 0; c < p.num_classes; ++c) {
      for (int64_t i = 0; i < n; ++i)
        one[static_cast<size_t>(i)] = scores[i * columns + background + c];
      for (int64_t i : suppress(boxes, one, p.detections_per_class, p))
        found.push_back({i, c, one[static_cast<size_t>(i)]});
    }
    std::stable_sort(found.begin(), found.end(),
                     [](const Found& a, const Found& b) { return a.score > b.score; });
    if (static_cast<int64_t>(found.size()) > p.max_detections)
      found.resize(static_cast<size_t>(p.max_detections));
  } else {
    for (int64_t i = 0; i < n; ++i) {
      const float* row = scores + i * columns + background;
      one[static_cast<size_t>(i)] = *std::max_element(row, row + p.num_classes);
    }
    std::vector<int64_t> classes(static_cast<size_t>(p.num_classes));
    for (int64_t i : suppress(boxes, one, p.max_detections, p)) {
      const float* row = scores + i * columns + background;
      std::iota(classes.begin(), classes.end(), int64_t{0});
      std::stable_sort(classes.begin(), classes.end(),
                       [&](int64_t a, int64_t b) { return row[a] > row[b]; });
      for (int64_t k = 0; k < each; ++k)
        found.push_back({i, classes[static_cast<size_t>(k)], row[classes[static_cast<size_t>(k)]]});
    }
  }
  DetectionRows rows;
  const auto many = static_cast<size_t>(p.max_detections * p.max_classes_per_detection);
  rows.boxes.resize(4 * many);
  rows.classes.resize(many);
  rows.scores.resize(many);
  rows.count = static_cast<int64_t>(found.size()) / each;
  // A box's rows stand together, with room for max_classes_per_detection of them.
  for (size_t k = 0; k < found.size(); ++k) {
    const size_t box = k / static_cast<size_t>(each), rank = k % static_cast<size_t>(each);
    const size_t row =
        box * static_cast<size_t>(p.use_regular_nms ? 1 : p.max_classes_per_detection) + rank;
    const BoxCorners& c = boxes[static_cast<size_t>(found[k].box)];
    const float corners[] = {c.ymin, c.xmin, c.ymax, c.xmax};
    std::copy(corners, corners + 4, &rows.boxes[4 * row]);
    rows.classes[row] = static_cast<float>(found[k].column);
    rows.scores[row] = found[k].score;
  }
  return rows;
}

DetectionRows post_process(const float* encodings, const float* scores, const float* anchors,
                           int64_t n, int64_t columns, const DetectionParameters& p) {
  return select_detections(decode_boxes(encodings, anchors, n, p), scores, columns, p);
}

Result<Node*> create_detection_post_process(Graph& graph, Value* encodings, Value* scores,
                                            Value* anchors, const DetectionParameters& parameters,
                                            Node* before) {
  Node* node = graph.create(kDetectionPostProcess, {encodings, scores, anchors}, 4, before);
  node->attributes = parameters.attributes();
  node->name = kDetectionPostProcess;
  PUMICE_CHECK(infer(*node));
  return node;
}

std::span<const OpDef> detection_post_process_ops() { return kOps; }

}  // namespace pumice
