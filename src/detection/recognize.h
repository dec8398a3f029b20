// The tail of a detector that a graph spells out, read as parameters of
// TFLite_Detection_PostProcess.
#pragma once

#include <string>
#include <vector>

#include "detection/box_decoding.h"
#include "detection/score_columns.h"
#include "ops/detection_post_process.h"

namespace pumice {

/// How the graph's detections follow from the operator's.
struct Finish {
  bool clipped = false;    // boxes end at the picture's edges
  bool filled = false;     // boxes without area inside the picture are left out
  float label_offset = 0;  // the graph's class numbers begin with this
  /// The graph's boxes are the operator's times this, along y and x: 1, or the picture's size in
  /// pixels.
  std::array<float, 2> scale = {1, 1};
  /// It scales before it clips, by what rounded weights made of 1: within a thousandth.
  bool scaled_first = false;
};

struct RecognizedTail {
  BoxDecoding decoding;
  ScoreColumns scores;
  DetectionParameters parameters;
  Finish finish;
  Value* boxes = nullptr;       // what non-max suppression takes
  std::vector<size_t> outputs;  // the graph's boxes, classes, scores, and its count if it has one
  int samples = 0;              // inputs on which graph and operator agreed
};

/// The raw heads alone: decoding, scores, and what non-max suppression is told; `outputs` stay
/// empty. kUnsupported, naming what is not recognized.
Result<RecognizedTail> recognize_heads(const Model& model, Graph& graph);

/// The same, and then which outputs are the detections, by running the graph's tail and the
/// operator on sample heads: few and many detections, overlapping, outside the picture, none.
/// kUnsupported, naming the difference, where they disagree.
Result<RecognizedTail> recognize_tail(const Model& model, Graph& graph);

}  // namespace pumice
