// `--postprocess`: what becomes of a detector's tail.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "graph/model.h"
#include "pumice/detector_ends.h"
#include "pumice/error.h"
#include "pumice/observer.h"

namespace pumice {

/// What was done to one signature: for the report, and a line for people.
struct DetectorRecord {
  nlohmann::ordered_json json;
  std::string text;
  std::vector<Warning> warnings;
};

/// Over the signatures' graphs of simplified TensorFlow ops, which it changes; all of them, or an
/// error.
///   kCustomOp  four outputs, in the operator's order and by its tensors' names
///              (TFLite_Detection_PostProcess, …:1, …:2, …:3): boxes [1,M,4] (ymin, xmin, ymax,
///              xmax), classes [1,M] from 0, scores [1,M], count [1]. Outputs beside them are left
///              out.
///   kNone      raw_outputs/box_encodings [1,N,4] and raw_outputs/class_predictions [1,N,C], which
///              are scores already.
/// A graph that holds the operator keeps its outputs under kCustomOp.
/// `ordered`: the caller named the outputs, so that of two alike the first are the encodings.
/// Errors: kUnsupported (what is not recognized, or differs), kMalformed (anchors), kUsage
/// (options).
Result<std::vector<DetectorRecord>> apply_post_process(Model& model, const DetectorEnds& options,
                                                       bool ordered);

/// Scales, thresholds and limits stand beside anchors only. kUsage.
Status check_head_options(const DetectorEnds& options);

}  // namespace pumice
