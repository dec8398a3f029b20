// The detections in a detector's outputs, whatever convention they follow.
#pragma once

#include <string>
#include <vector>

#include "formats/npz/npz.h"
#include "pumice/detect.h"

namespace pumice {

/// Indices of the outputs; `count` is -1 where there is none (then all rows count).
struct OutputRoles {
  int boxes = -1, classes = -1, scores = -1, count = -1;
  bool zero_based = false;  // labels begin at 0 (TensorFlow Lite), not at 1 (TensorFlow)
};

/// The same by names alone: those of a convention; boxes -1 where one of them is missing.
OutputRoles roles_by_convention(const std::vector<std::string>& outputs);

/// The outputs that `names` names: boxes, classes, scores and, if given, the count. Error: kUsage.
Result<OutputRoles> roles_by_names(const std::vector<std::string>& outputs,
                                   const std::vector<std::string>& names);

/// Told by `names` (boxes, classes, scores and, if given, the count), by the names of one of the
/// conventions (TensorFlow's object detection: detection_boxes, …; TensorFlow Lite's metadata:
/// location, category, score, number of detections; TFLite_Detection_PostProcess's four), or by
/// shapes and values, where only one reading is possible. Errors: kUsage, kUnsupported.
Result<OutputRoles> find_roles(const std::vector<NamedTensor>& outputs,
                               const std::vector<std::string>& names);

/// Those of at least `threshold`, best first; rows with values that are no numbers are left out.
std::vector<Detection> read_detections(const std::vector<NamedTensor>& outputs,
                                       const OutputRoles& roles, float threshold);

}  // namespace pumice
