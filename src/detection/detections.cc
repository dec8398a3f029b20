#include "detection/detections.h"

#include <algorithm>
#include <cmath>

namespace pumice {
namespace {

using Outputs = std::vector<NamedTensor>;

bool is_boxes(const Tensor& t) {
  return t.dtype() == DType::kFloat32 && t.rank() == 3 && t.dims()[0] == 1 && t.dims()[2] == 4;
}

bool is_row(const Tensor& t) {
  return t.rank() == 2 && t.dims()[0] == 1 &&
         (t.dtype() == DType::kFloat32 || t.dtype() == DType::kInt32 || t.dtype() == DType::kInt64);
}

bool is_count(const Tensor& t) {
  return t.elements() == 1 && t.rank() <= 1 &&
         (t.dtype() == DType::kFloat32 || t.dtype() == DType::kInt32 || t.dtype() == DType::kInt64);
}

/// How many rows hold detections.
int64_t rows(const Outputs& outputs, const OutputRoles& roles) {
  const int64_t all = outputs[roles.boxes].tensor.dims()[1];
  if (roles.count < 0) return all;
  const double count = outputs[roles.count].tensor.number_at(0);
  return count >= 0 && count <= static_cast<double>(all) ? static_cast<int64_t>(count) : all;
}

bool fit(const Outputs& outputs, const OutputRoles& roles) {
  const Tensor &boxes = outputs[roles.boxes].tensor, &classes = outputs[roles.classes].tensor,
               &scores = outputs[roles.scores].tensor;
  return is_boxes(boxes) && is_row(classes) && is_row(scores) &&
         classes.dims()[1] == boxes.dims()[1] && scores.dims()[1] == boxes.dims()[1] &&
         (roles.count < 0 || is_count(outputs[roles.count].tensor));
}

/// Whole numbers, or nearly: where weights are quantized, labels can be 1.99.
bool may_be_classes(const Tensor& classes, int64_t n) {
  constexpr double kMostClasses = 100'000;
  for (int64_t i = 0; i < n; ++i) {
    const double label = classes.number_at(i);
    if (!(label >= 0 && label < kMostClasses) || std::fabs(label - std::round(label)) > 0.1)
      return false;
  }
  return true;
}

/// Some output holds the scores of all classes, and each label's is the detection's: what tells
/// labels from the anchors' numbers.
bool confirmed(const Outputs& outputs, const Tensor& classes, const Tensor& scores, int64_t n) {
  auto confirms = [&](const Tensor& t) {
    if (t.dtype() != DType::kFloat32 || t.rank() != 3 || t.dims()[0] != 1 ||
        t.dims()[1] != classes.dims()[1] || is_boxes(t))
      return false;
    const int64_t all = t.dims()[2];
    for (int64_t i = 0; i < n; ++i) {
      const int64_t label = std::lround(classes.number_at(i));
      if (label >= all || !(std::fabs(t.at<float>(i * all + label) - scores.number_at(i)) < 1e-5))
        return false;
    }
    return true;
  };
  return std::any_of(outputs.begin(), outputs.end(),
                     [&](const NamedTensor& other) { return confirms(other.tensor); });
}

/// Parts of one, best first, and not all whole numbers.
bool may_be_scores(const Tensor& scores, int64_t n) {
  bool whole = true;
  for (int64_t i = 0; i < n; ++i) {
    const double score = scores.number_at(i);
    if (!(score >= 0 && score <= 1) || (i > 0 && score > scores.number_at(i - 1))) return false;
    whole &= score == std::floor(score);
  }
  return !whole;
}

Result<OutputRoles> by_values(const Outputs& outputs) {
  auto refusal = [&](const std::string& why) {
    std::string names;
    for (const NamedTensor& o : outputs)
      names += (names.empty() ? "" : ", ") + o.name + " " + to_string(o.tensor.dims());
    return Error(ErrorCode::kUnsupported, why)
        .expected("boxes [1,N,4], classes [1,N], scores [1,N] and a count [1]")
        .found(names)
        .hint("Name them: --outputs BOXES,CLASSES,SCORES,COUNT; raw heads need --anchors FILE");
  };
  std::vector<OutputRoles> readings;
  bool empty = false;
  const int total = static_cast<int>(outputs.size());
  std::vector<int> counts;
  for (int i = 0; i < total; ++i)
    if (is_count(outputs[i].tensor)) counts.push_back(i);
  if (counts.size() != 1) return refusal("the outputs are not those of a detector");
  for (int b = 0; b < total; ++b)
    for (int c = 0; c < total; ++c)
      for (int s = 0; s < total; ++s) {
        OutputRoles roles{b, c, s, counts[0], false};
        if (c == s || c == b || s == b || c == counts[0] || s == counts[0] || !fit(outputs, roles))
          continue;
        const int64_t n = rows(outputs, roles);
        if (n == 0) empty = true;
        const Tensor &classes = outputs[c].tensor, &scores = outputs[s].tensor;
        if (n == 0 || (may_be_scores(scores, n) && may_be_classes(classes, n)))
          readings.push_back(roles);
      }
  if (readings.empty()) return refusal("the outputs are not those of a detector");
  if (readings.size() > 1 && !empty)
    readings.erase(std::remove_if(readings.begin(), readings.end(),
                                  [&](const OutputRoles& r) {
                                    return !confirmed(outputs, outputs[r.classes].tensor,
                                                      outputs[r.scores].tensor, rows(outputs, r));
                                  }),
                   readings.end());
  if (readings.empty() || (readings.size() > 1 && !empty))
    return refusal("the outputs can be read as detections in several ways");
  return readings.front();  // without any detection, all readings are the same
}

}  // namespace

Result<OutputRoles> roles_by_names(const std::vector<std::string>& outputs,
                                   const std::vector<std::string>& names) {
  OutputRoles roles;
  int* const members[] = {&roles.boxes, &roles.classes, &roles.scores, &roles.count};
  if (names.size() < 3 || names.size() > std::size(members))
    return Error(ErrorCode::kUsage, "these are not the names of a detector's outputs")
        .expected("BOXES,CLASSES,SCORES or BOXES,CLASSES,SCORES,COUNT")
        .found(std::to_string(names.size()) + " names");
  for (size_t i = 0; i < names.size(); ++i) {
    const auto it = std::find(outputs.begin(), outputs.end(), names[i]);
    if (it == outputs.end())
      return Error(ErrorCode::kUsage, "the model has no output '" + names[i] + "'");
    *members[i] = static_cast<int>(it - outputs.begin());
  }
  return roles;
}

OutputRoles roles_by_convention(const std::vector<std::string>& outputs) {
  struct Convention {
    const char *boxes, *classes, *scores, *count;
    bool zero_based;
  };
  static constexpr Convention kConventions[] = {
      {"detection_boxes", "detection_classes", "detection_scores", "num_detections", false},
      {"location", "category", "score", "number of detections", true},
      {"TFLite_Detection_PostProcess", "TFLite_Detection_PostProcess:1",
       "TFLite_Detection_PostProcess:2", "TFLite_Detection_PostProcess:3", true},
  };
  for (const Convention& c : kConventions) {
    auto roles = roles_by_names(outputs, {c.boxes, c.classes, c.scores, c.count});
    if (!roles.ok()) continue;
    roles->zero_based = c.zero_based;
    return *roles;
  }
  return {};
}

Result<OutputRoles> find_roles(const Outputs& outputs, const std::vector<std::string>& names) {
  std::vector<std::string> all;
  for (const NamedTensor& output : outputs) all.push_back(output.name);
  if (!names.empty()) {
    PUMICE_TRY(const OutputRoles roles, roles_by_names(all, names));
    if (!fit(outputs, roles))
      return Error(ErrorCode::kUsage, "the outputs named do not go together")
          .expected("boxes [1,N,4], classes [1,N], scores [1,N] and a count [1]");
    return roles;
  }
  const OutputRoles roles = roles_by_convention(all);
  if (roles.boxes >= 0 && fit(outputs, roles)) return roles;
  return by_values(outputs);
}

std::vector<Detection> read_detections(const Outputs& outputs, const OutputRoles& roles,
                                       float threshold) {
  std::vector<Detection> found;
  const Tensor &boxes = outputs[roles.boxes].tensor, &classes = outputs[roles.classes].tensor,
               &scores = outputs[roles.scores].tensor;
  for (int64_t i = 0, n = rows(outputs, roles); i < n; ++i) {
    Detection d;
    d.top = boxes.at<float>(4 * i), d.left = boxes.at<float>(4 * i + 1);
    d.bottom = boxes.at<float>(4 * i + 2), d.right = boxes.at<float>(4 * i + 3);
    d.score = static_cast<float>(scores.number_at(i));
    const double label = classes.number_at(i);
    if (!(d.score >= threshold) || !std::isfinite(d.top + d.left + d.bottom + d.right + d.score) ||
        !(std::fabs(label) < 1e9))
      continue;
    d.label = std::lround(label);
    found.push_back(d);
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const Detection& a, const Detection& b) { return a.score > b.score; });
  return found;
}

}  // namespace pumice
