// What a conversion knows of detectors: their post-processing and pre-processing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pumice {

enum class PostProcess {
  kBuiltin,   // as the graph spells it, in builtin operators
  kCustomOp,  // LiteRT's one operator TFLite_Detection_PostProcess
  kNone,      // left out: the raw heads are the outputs
};

enum class PreProcess {
  kKeep,   // in the model: it takes pictures
  kStrip,  // moved out: it takes float [1,height,width,3], normalized by the caller
};

/// How predictions become scores of 0 to 1, where raw heads are given the operator.
enum class ScoreConversion {
  kTold,  // by the graph: its scores come of a sigmoid or softmax; an error where they do not
  kNone,
  kSigmoid,
  kSoftmax,
};

struct DetectorEnds {
  PostProcess post_process = PostProcess::kBuiltin;
  PreProcess pre_process = PreProcess::kKeep;

  /// Gives raw heads the operator, with kCustomOp: anchors [N,4] (centre y, centre x, height,
  /// width) as .npy, .npz or text. Empty: the tail is recognized in the graph, and what follows
  /// must be unset.
  std::string anchors_file;
  std::optional<std::vector<float>> scales;  // y, x, h, w: what encodings are divided by; 10,10,5,5
  std::optional<float> score_threshold;      // 1e-8
  std::optional<float> iou_threshold;        // 0.6
  std::optional<int64_t> max_detections;     // in all, and of a class: 100
  std::optional<int64_t> num_classes;        // without the background; the scores' columns less one
  std::optional<ScoreConversion> score_conversion;  // kTold
  std::optional<bool> one_nms;                      // one suppression for all classes; false
};

}  // namespace pumice
