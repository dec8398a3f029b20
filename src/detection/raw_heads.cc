#include "detection/raw_heads.h"

#include <algorithm>
#include <cmath>

#include "ops/detection_post_process.h"

namespace pumice {
namespace {

/// [1,N,K] or [1,N,1,K]: N and K, where both are known.
struct Rows {
  int64_t rows = -1, columns = -1;
};
Rows rows_of(const HeadShape& head) {
  const Shape& s = head.shape;
  if (!s.known_rank() || (s.rank() != 3 && !(s.rank() == 4 && s[2] == Dim(1)))) return {};
  if (s[0].known() && s[0].size() != 1) return {};
  if (head.dtype != DType::kFloat32 && head.dtype != DType::kInt8 && head.dtype != DType::kUInt8)
    return {};
  const Dim columns = s[s.rank() - 1];
  if (!s[1].known() || !columns.known() || s[1].size() < 1 || columns.size() < 1) return {};
  return {s[1].size(), columns.size()};
}

std::string list(const std::vector<HeadShape>& outputs) {
  std::string text;
  for (const HeadShape& o : outputs)
    text += (text.empty() ? "" : ", ") + o.name + " " + to_string(o.shape);
  return text;
}

Error no_heads(ErrorCode code, std::string why, const std::vector<HeadShape>& outputs) {
  return Error(code, std::move(why))
      .expected("box encodings [1,N,4] and class predictions [1,N,C]")
      .found(list(outputs));
}

/// A tensor of several million numbers is no detector's.
constexpr int64_t kMostNumbers = 1 << 26;

}  // namespace

Result<Heads> find_heads(const std::vector<HeadShape>& outputs,
                         const std::vector<std::string>& names) {
  std::vector<Heads> found;
  for (size_t b = 0; b < outputs.size(); ++b)
    for (size_t s = 0; s < outputs.size(); ++s) {
      const Rows boxes = rows_of(outputs[b]), scores = rows_of(outputs[s]);
      if (b == s || boxes.columns != 4 || scores.columns < 1 || boxes.rows != scores.rows) continue;
      if (!names.empty() && (outputs[b].name != names[0] || outputs[s].name != names[1])) continue;
      found.push_back({b, s});
    }
  if (found.size() == 1) return found[0];
  if (!names.empty())
    return no_heads(ErrorCode::kUsage, "the outputs named are no raw heads", outputs);
  if (found.empty())
    return no_heads(ErrorCode::kUnsupported, "the outputs are no raw heads of a detector", outputs);
  return no_heads(ErrorCode::kUnsupported, "the raw heads can be told in several ways", outputs)
      .hint("Name them: --outputs BOXES,SCORES");
}

void convert_scores(std::vector<float>& logits, size_t columns, HeadOptions::Scores how) {
  if (how == HeadOptions::Scores::kSigmoid)
    for (float& v : logits) v = 1 / (1 + std::exp(-v));
  if (how != HeadOptions::Scores::kSoftmax) return;
  for (size_t row = 0; row + columns <= logits.size(); row += columns) {
    const auto begin = logits.begin() + static_cast<std::ptrdiff_t>(row);
    const auto end = begin + static_cast<std::ptrdiff_t>(columns);
    const float largest = *std::max_element(begin, end);
    float sum = 0;
    for (auto it = begin; it != end; ++it) sum += * it = std::exp(*it - largest);
    for (auto it = begin; it != end; ++it) *it /= sum;
  }
}

Result<std::vector<Detection>> detect_by_heads(const NamedTensor& boxes, const NamedTensor& scores,
                                               const Tensor& anchors, const HeadOptions& options,
                                               float threshold) {
  const int64_t rows = boxes.tensor.elements() / 4;
  if (anchors.rank() != 2 || anchors.dims()[0] != rows || anchors.dims()[1] != 4)
    return Error(ErrorCode::kUsage, "there are not as many anchors as the model has boxes")
        .expected(std::to_string(rows))
        .found(to_string(anchors.dims()));
  if (scores.tensor.elements() > kMostNumbers || rows < 1)
    return Error(ErrorCode::kTooLarge, "the raw heads are too large")
        .found(to_string(scores.tensor.dims()));
  const auto columns = static_cast<size_t>(scores.tensor.elements() / rows);
  std::vector<float> values = scores.tensor.values<float>();
  convert_scores(values, columns, options.scores);
  if (options.scores == HeadOptions::Scores::kNone)
    for (float v : values)
      if (v < 0 || v > 1)
        return Error(ErrorCode::kUsage, "the class predictions are no scores yet")
            .at(scores.name)
            .expected("values from 0 to 1")
            .found(std::to_string(v))
            .hint("Say how they become scores: --score sigmoid or --score softmax");

  const size_t first = options.background ? 1 : 0;
  if (columns <= first) return std::vector<Detection>();
  DetectionParameters how;
  how.max_detections = how.detections_per_class = static_cast<int64_t>(options.most);
  how.num_classes = static_cast<int64_t>(columns - first);
  how.nms_score_threshold = threshold;
  how.nms_iou_threshold = options.iou_threshold;
  how.y_scale = options.scales[0], how.x_scale = options.scales[1];
  how.h_scale = options.scales[2], how.w_scale = options.scales[3];
  const std::vector<float> encodings = boxes.tensor.values<float>(), by = anchors.values<float>();
  const DetectionRows found = post_process(encodings.data(), values.data(), by.data(), rows,
                                           static_cast<int64_t>(columns), how);
  std::vector<Detection> detections;
  for (size_t i = 0; i < static_cast<size_t>(found.count); ++i) {
    const float* box = &found.boxes[4 * i];
    if (!std::isfinite(box[0] + box[1] + box[2] + box[3])) continue;
    detections.push_back({box[0], box[1], box[2], box[3], found.scores[i],
                          std::lround(found.classes[i]) + static_cast<int64_t>(first), ""});
  }
  return detections;
}

}  // namespace pumice
