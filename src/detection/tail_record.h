// What the report, and a line for people, say of a detector's tail.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "detection/post_process.h"
#include "graph/model.h"
#include "ops/detection_post_process.h"

namespace pumice {

/// The report's entry for a signature. `mode`: `--postprocess`; `origin`: where the operator or the
/// heads come from.
nlohmann::ordered_json tail_json(const Signature& signature, const char* mode, const char* origin,
                                 const DetectionParameters& parameters, int64_t anchors);

/// Anchors [N,4] as rows.
nlohmann::ordered_json anchors_json(const Tensor& anchors);

/// "1917 anchors, 1 class, scores from …".
std::string parameters_text(const DetectionParameters& parameters, int64_t anchors);

}  // namespace pumice
