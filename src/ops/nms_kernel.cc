#include "ops/nms_kernel.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "graph/cast.h"
#include "ops/infer.h"
#include "ops/lower_math.h"
#include "ops/score_bound.h"

namespace pumice {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr double kNever = 2;  // an overlap threshold that stands for "suppress nothing"

Value* number(Lowering& lowering, double value) { return lowering.scalar(DType::kFloat32, value); }

/// Nullopt: not before run time.
std::optional<float> known(const Value* scalar) {
  auto value = constant_number(scalar);
  return value ? std::optional<float>(static_cast<float>(*value)) : std::nullopt;
}

/// 0, 1, 2… as float32 [n], for a dimension of x.
Value* ramp(Lowering& lowering, Value* x) {
  Dim n = x->shape.known_rank() ? x->shape[0] : Dim();
  if (n.known())
    return lowering.emit(
        "RANGE",
        {number(lowering, 0), number(lowering, static_cast<double>(n.size())), number(lowering, 1)},
        {}, DType::kFloat32, {n});
  Value* size = lowering.reshape(lowering.size_of(x, 0), Shape::scalar());
  Value* counted = lowering.emit(
      "RANGE", {lowering.scalar(DType::kInt32, 0), size, lowering.scalar(DType::kInt32, 1)}, {},
      DType::kInt32, {n});
  return lowering.cast(counted, DType::kFloat32);
}

/// A box of its own for each index, far from all others: it overlaps with itself alone.
Value* far_boxes(Lowering& lowering, Value* boxes) {
  Dim n = boxes->shape.known_rank() ? boxes->shape[0] : Dim();
  Value* index = lowering.reshape(ramp(lowering, boxes), {n, 1});
  auto row = [&](float a, float b, float c, float d) {
    return lowering.constant(Tensor::of<float>(DType::kFloat32, {1, 4}, {a, b, c, d}));
  };
  return lowering.binary("ADD", lowering.binary("MUL", index, row(0, 2, 0, 2)),
                         row(1e30f, 0, 1.1e30f, 1));
}

/// bool [n]: the box overlaps with itself as the kernel computes it: its area is no 0, NaN or
/// infinity. All in vectors: those the runtimes compare and take in a fraction of the time.
Value* is_proper(Lowering& lowering, Value* boxes) {
  const Dim n = boxes->shape.known_rank() ? boxes->shape[0] : Dim();
  Value* corners = lowering.transpose(boxes, {1, 0});
  auto side = [&](double low, double high) {
    auto corner = [&](double i) {
      return lowering.emit("GATHER", {corners, lowering.scalar(DType::kInt32, i)},
                           {{"axis", int64_t{0}}, {"batch_dims", int64_t{0}}}, DType::kFloat32,
                           {n});
    };
    return lowering.binary("SUB", corner(high), corner(low));
  };
  Value* area = lowering.binary("MUL", side(0, 2), side(1, 3));
  Value* twice = lowering.binary("ADD", area, area);  // the kernel adds up two areas
  return lowering.compare("EQUAL", lowering.binary("DIV", twice, twice), number(lowering, 1));
}

bool surely_proper(const Value* boxes) {
  const Constant* c = constant_of(boxes);
  if (!c || c->dtype() != DType::kFloat32) return false;
  std::vector<float> b = c->materialize().values<float>();
  for (size_t i = 0; i + 3 < b.size(); i += 4) {
    float area = 2 * (b[i + 2] - b[i]) * (b[i + 3] - b[i + 1]);
    if (area == 0 || !std::isfinite(area)) return false;
  }
  return true;
}

Selection kernel(Lowering& lowering, const Suppression& s, bool with_scores) {
  std::vector<Value*> operands{s.boxes, s.scores, s.most, s.iou_threshold, s.score_threshold};
  if (with_scores) operands.push_back(s.sigma ? s.sigma : number(lowering, 0));
  Node* node = lowering.emit_node(with_scores ? "NON_MAX_SUPPRESSION_V5" : "NON_MAX_SUPPRESSION_V4",
                                  operands, {}, with_scores ? 3 : 2);
  auto most = constant_integer(s.most);
  Shape padded{most && *most >= 0 ? Dim(*most) : Dim()};
  set_result(*node, 0, DType::kInt32, padded);
  if (with_scores) set_result(*node, 1, DType::kFloat32, padded);
  set_result(*node, with_scores ? 2 : 1, DType::kInt32, Shape::scalar());
  return {node->result(0), with_scores ? node->result(1) : nullptr,
          node->result(with_scores ? 2 : 1)};
}

/// The kernel on boxes sorted by score, equal ones by index; what it sees as scores are their
/// places.
Selection sorted(Lowering& lowering, const Suppression& s, bool with_scores) {
  const Dim n = s.boxes->shape.known_rank() ? s.boxes->shape[0] : Dim();
  Value* none = number(lowering, -kInfinity);
  Value* zero = number(lowering, 0);
  Value* first = lowering.scalar(DType::kInt32, 0);
  auto competing = [&](Value* scores, Value* then) {
    return select(lowering, lowering.compare("GREATER", scores, s.score_threshold), then, none);
  };
  // No NaN, which has no place in an order.
  Value* scores = competing(s.scores, s.scores);
  Value* const operands[] = {scores,
                             lowering.reshape(lowering.size_of(s.boxes, 0), Shape::scalar())};
  Node* top = lowering.emit_node("TOPK_V2", operands, {}, 2);
  set_result(*top, 0, DType::kFloat32, {n});
  set_result(*top, 1, DType::kInt32, {n});
  auto gather = [&](Value* x, Value* at, Shape shape) {
    return lowering.emit("GATHER", {x, at}, {{"axis", int64_t{0}}, {"batch_dims", int64_t{0}}},
                         x->dtype, std::move(shape));
  };
  Suppression ranked = s;
  ranked.boxes = gather(s.boxes, top->result(1), {n, 4});
  Value* rank = lowering.unary("NEG", ramp(lowering, s.boxes));
  ranked.scores = competing(top->result(0), rank);
  ranked.score_threshold = number(lowering, std::numeric_limits<float>::lowest());
  Selection found = select_by_kernel(lowering, ranked, false);
  // The padding is place 0, which need not be there: it stands for index 0 and score 0.
  Shape padded = found.indices->shape;
  Value* place = lowering.emit("RANGE", {first, s.most, lowering.scalar(DType::kInt32, 1)}, {},
                               DType::kInt32, padded);
  Value* valid = lowering.compare("LESS", place, found.count);
  auto of_selected = [&](Value* x, Value* otherwise) {
    if (!n.known()) {
      Value* const more[] = {x, lowering.reshape(otherwise, Shape{1})};
      x = lowering.concat(more, 0);
    }
    return select(lowering, valid, gather(x, found.indices, padded), otherwise);
  };
  return {of_selected(top->result(1), first),
          with_scores ? of_selected(top->result(0), zero) : nullptr, found.count};
}

}  // namespace

Value* kernel_threshold(Lowering& lowering, Value* threshold) {
  // No denormal, which a runtime may take for zero.
  constexpr float kSmallest = std::numeric_limits<float>::min();
  if (auto t = known(threshold))
    return number(lowering, *t >= 1 ? kNever : std::max(std::nextafter(*t, kInfinity), kSmallest));
  // The next number is 0.75 to 1.5 of a spacing away from the sum below: it is what the sum rounds
  // to.
  Value* above = lowering.binary("MUL", threshold, number(lowering, 1.5 * std::ldexp(1, -24)));
  Value* next = lowering.binary("MAXIMUM", lowering.binary("ADD", threshold, above),
                                number(lowering, kSmallest));
  return select(lowering, lowering.compare("LESS", threshold, number(lowering, 1)), next,
                number(lowering, kNever));
}

Overlaps self_suppressing(Lowering& lowering, const Suppression& s) {
  auto threshold = known(s.iou_threshold), sigma = s.sigma ? known(s.sigma) : 0.0f;
  Value* one = number(lowering, 1);
  bool soft = sigma && *sigma > 0;
  if (!soft && sigma && threshold && *threshold > 1) return {far_boxes(lowering, s.boxes), one};
  // Far boxes everywhere where suppression is hard, and turns out to suppress nothing.
  Value* suppresses = nullptr;
  Value* limit = one;
  if (!soft) {
    limit = lowering.binary("MINIMUM", s.iou_threshold, one);
    if (threshold) limit = number(lowering, std::min(*threshold, 1.0f));
    if (!threshold) suppresses = lowering.compare("LESS_EQUAL", s.iou_threshold, one);
    if (!sigma) {
      Value* decays = lowering.compare("GREATER", s.sigma, number(lowering, 0));
      limit = select(lowering, decays, one, limit);
      if (!threshold || *threshold > 1) {
        suppresses = lowering.compare("LESS_EQUAL", s.iou_threshold, one);
        suppresses = lowering.compare("LOGICAL_OR", decays, suppresses);
      }
    }
  }
  if (!suppresses && surely_proper(s.boxes)) return {s.boxes, limit};
  Value* keep = is_proper(lowering, s.boxes);
  if (suppresses) keep = lowering.compare("LOGICAL_AND", keep, suppresses);
  Value* boxes = lowering.emit("SELECT", {keep, s.boxes, far_boxes(lowering, s.boxes)}, {},
                               DType::kFloat32, s.boxes->shape);
  return {boxes, limit};
}

Selection select_by_kernel(Lowering& lowering, const Suppression& s, bool with_scores) {
  auto most = constant_integer(s.most);
  auto sigma = s.sigma ? known(s.sigma) : 0.0f;
  const bool hard = sigma && *sigma <= 0;
  if (!hard || !most || !s.scores->shape.is_rank(1) || !is_worth_a_bound(s.scores->shape[0], *most))
    return kernel(lowering, s, with_scores);
  Value* bound = score_bound(lowering, s.scores, *most, s.score_threshold);
  Suppression above = s, rest = s;
  above.score_threshold = bound;
  Selection best = kernel(lowering, above, with_scores);
  Value* enough =
      is_enough(lowering, lowering.compare("EQUAL", best.count, s.most), bound, s.score_threshold);
  rest.score_threshold = select(lowering, enough, number(lowering, kInfinity), s.score_threshold);
  Selection all = kernel(lowering, rest, with_scores);
  return {select(lowering, enough, best.indices, all.indices),
          with_scores ? select(lowering, enough, best.scores, all.scores) : nullptr,
          select(lowering, enough, best.count, all.count)};
}

Selection suppress(Lowering& lowering, const Suppression& s, bool with_scores) {
  Overlaps given = self_suppressing(lowering, s);
  Suppression repaired = s;
  repaired.boxes = given.boxes;
  repaired.iou_threshold = given.threshold;
  auto sigma = s.sigma ? known(s.sigma) : 0.0f;
  const Dim n = s.boxes->shape.known_rank() ? s.boxes->shape[0] : Dim();
  bool orders = !n.known() || (n.size() > 1 && n.size() <= kFewBoxes);
  if (sigma && *sigma <= 0 && orders) return sorted(lowering, repaired, with_scores);
  return select_by_kernel(lowering, repaired, with_scores);
}

}  // namespace pumice
