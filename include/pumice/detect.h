// Runs a converted detector on a picture.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pumice/error.h"
#include "pumice/normalization.h"

namespace pumice {

/// One object in a picture.
struct Detection {
  float top = 0, left = 0, bottom = 0, right = 0;  // parts of the picture's height and width
  float score = 0;
  int64_t label = 0;  // as the model gives it
  std::string name;   // from the label file; empty: none is known
};

/// How raw SSD heads (box encodings and class predictions, before non-max suppression) become
/// detections.
struct HeadOptions {
  enum class Scores { kNone, kSigmoid, kSoftmax };  // kNone: they are from 0 to 1 already
  std::string anchors_file;                         // empty: the model has no raw heads
  std::vector<float> scales = {10, 10, 5, 5};       // of y, x, height and width
  Scores scores = Scores::kNone;
  float iou_threshold = 0.6f;  // boxes of one class that overlap more are one object
  bool background = true;      // column 0 of several stands for no object; labels tell better
  size_t most = 100;           // detections
};

struct DetectOptions {
  float threshold = 0.5f;  // detections below it are left out
  size_t most = 0;         // of the best; 0: all
  /// One name a line, or a label map (label_map.pbtxt); empty: the model's own labels, or numbers
  /// where it has none.
  std::string labels_file;
  /// The model's boxes, classes, scores and count, or its raw heads' boxes and scores; empty:
  /// found.
  std::vector<std::string> outputs;
  /// What a float or quantized model gets; empty: what its metadata say, or -1 to 1 with a warning.
  std::optional<Normalization> normalization;
  HeadOptions heads;
  std::string drawing_file;  // PNG with boxes drawn; empty: not drawn
  std::string litert;        // path of libLiteRt.so; empty: looked for
  int threads = 1;
};

struct DetectReport {
  std::vector<Detection> detections;  // best first
  std::vector<std::string> warnings;
  int width = 0, height = 0;  // of the picture, upright
  std::string text;           // a table
  std::string json;
};

/// Decodes a PNG or JPEG (upright, as its EXIF orientation tells), runs `model` on it with LiteRT
/// in a child process, and finds the detections in its outputs. A picture is scaled (bilinear) to
/// an input of fixed size, and fed as it is to an input of open size. Labels, normalization and the
/// outputs' roles come from the options, otherwise from the model's metadata. Errors: kNotFound,
/// kMalformed, kTruncated, kTooLarge, kUnknownFormat for model, picture, label and anchor files;
/// kUnsupported for a model that is no detector, or whose outputs can be told in several ways;
/// kUsage for `outputs` that the model lacks, for labels, anchors and a normalization that do not
/// fit the model; kUnwritable for the drawing.
Result<DetectReport> detect(const std::string& model, const std::string& picture,
                            const DetectOptions& options = {});

}  // namespace pumice
