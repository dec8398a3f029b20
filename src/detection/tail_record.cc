#include "detection/tail_record.h"

#include <cstdio>

namespace pumice {
namespace {

using Json = nlohmann::ordered_json;

void put(Json& json, const std::string& name, const Attribute& attribute) {
  if (const auto* truth = std::get_if<bool>(&attribute)) json[name] = *truth;
  if (const auto* integer = std::get_if<int64_t>(&attribute)) json[name] = *integer;
  if (const auto* number = std::get_if<float>(&attribute)) json[name] = *number;
}

}  // namespace

nlohmann::ordered_json tail_json(const Signature& signature, const char* mode, const char* origin,
                                 const DetectionParameters& parameters, int64_t anchors) {
  Json all = Json::object();
  for (const auto& [name, value] : parameters.attributes()) put(all, name, value);
  return {{"signature", signature.key},
          {"postprocess", mode},
          {"origin", origin},
          {"anchors", anchors},
          {"parameters", std::move(all)}};
}

nlohmann::ordered_json anchors_json(const Tensor& anchors) {
  Json rows = Json::array();
  for (int64_t i = 0; i < anchors.dims()[0]; ++i) {
    Json row = Json::array();
    for (int64_t c = 0; c < 4; ++c) row.push_back(anchors.at<float>(4 * i + c));
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string parameters_text(const DetectionParameters& p, int64_t anchors) {
  char text[200];
  std::snprintf(
      text, sizeof(text),
      "%lld anchors, %lld class%s, scores from %.3g, overlap %.3g, at most %lld detections",
      static_cast<long long>(anchors), static_cast<long long>(p.num_classes),
      p.num_classes == 1 ? "" : "es", static_cast<double>(p.nms_score_threshold),
      static_cast<double>(p.nms_iou_threshold), static_cast<long long>(p.max_detections));
  return text;
}

}  // namespace pumice
