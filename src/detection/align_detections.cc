#include "detection/align_detections.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

namespace pumice {
namespace {

constexpr size_t kBoxes = 0, kClasses = 1, kScores = 2, kCount = 3;

/// Scores that differ by no more may stand in another order.
constexpr float kOneScore = 1e-4f;

struct Row {
  std::array<float, 4> box{};
  float label = 0, score = 0;
};

float distance(const Row& a, const Row& b) {
  float sum = a.label == b.label ? 0.0f : 1e6f;
  for (size_t c = 0; c < 4; ++c) sum += std::fabs(a.box[c] - b.box[c]);
  return sum;
}

/// Rows of boxes [..,M,4], classes and scores of M elements; nothing for other shapes.
std::optional<std::vector<Row>> rows_of(const Tensor& boxes, const Tensor& labels,
                                        const Tensor& scores) {
  const auto number = [](const Tensor& t) {
    return t.dtype() == DType::kFloat32 || t.dtype() == DType::kInt32 || t.dtype() == DType::kInt64;
  };
  const int64_t n = scores.elements();
  if (boxes.dtype() != DType::kFloat32 || scores.dtype() != DType::kFloat32 || !number(labels) ||
      boxes.elements() != 4 * n || labels.elements() != n)
    return std::nullopt;
  std::vector<Row> rows(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) {
    Row& row = rows[static_cast<size_t>(i)];
    for (size_t c = 0; c < 4; ++c) row.box[c] = boxes.at<float>(4 * i + static_cast<int64_t>(c));
    row.label = static_cast<float>(labels.number_at(i));
    row.score = scores.at<float>(i);
  }
  return rows;
}

void keep_detections(std::vector<Row>& rows, float lowest) {
  rows.erase(std::remove_if(rows.begin(), rows.end(),
                            [&](const Row& r) { return !(r.score > 0 && r.score >= lowest); }),
             rows.end());
  std::stable_sort(rows.begin(), rows.end(),
                   [](const Row& a, const Row& b) { return a.score > b.score; });
}

/// `rows` in the order of their partners in `order`.
std::vector<Row> paired(const std::vector<Row>& order, const std::vector<Row>& rows) {
  std::vector<bool> taken(rows.size());
  std::vector<Row> result;
  size_t first = 0;  // all before it are taken
  for (const Row& wanted : order) {
    while (first < rows.size() && taken[first]) ++first;
    if (first == rows.size()) break;
    size_t best = first;
    for (size_t i = first; i < rows.size() && rows[i].score >= wanted.score - kOneScore; ++i)
      if (!taken[i] && (distance(rows[i], wanted) < distance(rows[best], wanted) ||
                        rows[best].score > wanted.score + kOneScore))
        best = i;
    taken[best] = true;
    result.push_back(rows[best]);
  }
  for (size_t i = 0; i < rows.size(); ++i)
    if (!taken[i]) result.push_back(rows[i]);
  return result;
}

std::vector<NamedTensor> tensors(std::vector<Row> rows, size_t places, float count,
                                 const std::vector<NamedTensor>& names) {
  rows.resize(std::max(places, rows.size()));
  const auto m = static_cast<int64_t>(rows.size());
  std::vector<float> boxes, labels, scores;
  for (const Row& row : rows) {
    boxes.insert(boxes.end(), row.box.begin(), row.box.end());
    labels.push_back(row.label);
    scores.push_back(row.score);
  }
  return {{names[kBoxes].name, Tensor::of(DType::kFloat32, {1, m, 4}, boxes)},
          {names[kClasses].name, Tensor::of(DType::kFloat32, {1, m}, labels)},
          {names[kScores].name, Tensor::of(DType::kFloat32, {1, m}, scores)},
          {names[kCount].name, Tensor::of<float>(DType::kFloat32, {1}, {count})}};
}

}  // namespace

Result<AlignedDetections> align_detections(const RecognizedTail& tail,
                                           const std::vector<Tensor>& outputs,
                                           const std::vector<NamedTensor>& found) {
  const auto output = [&](size_t role) -> const Tensor& { return outputs[tail.outputs[role]]; };
  auto graph = rows_of(output(kBoxes), output(kClasses), output(kScores));
  auto op = rows_of(found[kBoxes].tensor, found[kClasses].tensor, found[kScores].tensor);
  if (!graph || !op || found[kCount].tensor.elements() != 1 ||
      found[kCount].tensor.dtype() != DType::kFloat32)
    return Error(ErrorCode::kUnsupported, "the outputs are no rows of detections")
        .expected("float32 boxes [1,M,4], classes [1,M], scores [1,M] and a count [1]");
  const size_t places = op->size();
  const float counted = found[kCount].tensor.at<float>(0);
  // What stands behind the counted rows is no detection, whatever it is.
  if (counted >= 0 && counted < static_cast<float>(places))
    op->resize(static_cast<size_t>(counted));

  const Finish& finish = tail.finish;
  for (Row& row : *graph) {
    row.label = std::round(row.label - finish.label_offset);  // it may be a quantized weight
    if (!finish.scaled_first)
      for (size_t c = 0; c < 4; ++c) row.box[c] /= finish.scale[c % 2];
  }
  if (finish.scaled_first)  // by almost 1; what lay outside the picture lies at its edge in both
    for (Row& row : *op)
      for (size_t c = 0; c < 4; ++c)
        if (row.box[c] < 1) row.box[c] = std::min(row.box[c] * finish.scale[c % 2], 1.0f);
  const float lowest = tail.parameters.nms_score_threshold;
  const bool all_places = op->size() == places;
  keep_detections(*graph, lowest);
  keep_detections(*op, finish.filled ? 0 : lowest);
  // Boxes without area take rows of the operator's, and count.
  if (finish.filled && all_places && graph->size() > op->size()) graph->resize(op->size());
  const auto size = [](const std::vector<Row>& rows) { return static_cast<float>(rows.size()); };
  const bool counts = tail.outputs.size() > kCount && !finish.filled;
  const float of_graph = counts ? static_cast<float>(output(kCount).number_at(0)) : size(*graph);
  const float of_op = finish.filled ? size(*op) : counted;
  *op = paired(*graph, *op);
  return AlignedDetections{tensors(*std::move(graph), places, of_graph, found),
                           tensors(*std::move(op), places, of_op, found)};
}

}  // namespace pumice
