// The flags of convert that concern detectors.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

#include "pumice/detector_ends.h"
#include "pumice/error.h"

namespace pumice::cli {

/// --postprocess, --preprocess, --anchors and what goes with it.
struct DetectorFlags {
  std::string post_process = "builtin", pre_process = "keep", anchors, scales, score_conversion,
              nms;
  std::optional<float> score_threshold, iou_threshold;
  std::optional<int64_t> max_detections, num_classes;
  void add(CLI::App& command);
  /// --anchors and what goes with it alone.
  void add_heads(CLI::App& command);
  Result<DetectorEnds> options() const;
};

}  // namespace pumice::cli
