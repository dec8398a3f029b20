// Runs a converted detector on a picture.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pumice/error.h"

namespace pumice {

/// One object in a picture.
struct Detection {
  float top = 0, left = 0, bottom = 0, right = 0;  // parts of the picture's height and width
  float score = 0;
  int64_t label = 0;  // as the model gives it
  std::string name;   // from the label file; empty: none is known
};

struct DetectOptions {
  float threshold = 0.5f;            // detections below it are left out
  std::string labels_file;           // one name a line; empty: labels stay numbers
  std::vector<std::string> outputs;  // boxes, classes, scores and the count; empty: found
  /// What a float model gets: (pixel - mean) / deviation. The default gives -1 to 1.
  float mean = 127.5f, deviation = 127.5f;
  std::string drawing_file;  // PNG with boxes drawn; empty: not drawn
  std::string litert;        // path of libLiteRt.so; empty: looked for
  int threads = 1;
};

struct DetectReport {
  std::vector<Detection> detections;  // best first
  int width = 0, height = 0;          // of the picture, upright
  std::string text;                   // a table
  std::string json;
};

/// Decodes a PNG or JPEG (upright, as its EXIF orientation tells), runs `model` on it with LiteRT
/// in a child process, and finds the detections in its outputs. A picture is scaled (bilinear) to
/// an input of fixed size, and fed as it is to an input of open size. Errors: kNotFound,
/// kMalformed, kTruncated, kTooLarge, kUnknownFormat for model, picture and label file;
/// kUnsupported for a model that is no detector, or whose outputs can be told in several ways;
/// kUsage for `outputs` that the model lacks; kUnwritable for the drawing.
Result<DetectReport> detect(const std::string& model, const std::string& picture,
                            const DetectOptions& options = {});

}  // namespace pumice
