// Converts a TensorFlow or Keras model to a TensorFlow Lite file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pumice/detector_ends.h"
#include "pumice/error.h"
#include "pumice/normalization.h"
#include "pumice/observer.h"
#include "pumice/optimizers.h"

namespace pumice {

/// The shape of one input: sizes, -1 for a dimension left unknown; or a shape of unknown rank.
struct InputShape {
  bool known_rank = true;
  std::vector<int64_t> sizes;
};

/// Which part of a source is meant: signatures, or a cut of the graph by tensor names.
struct Selection {
  std::vector<std::string> tags = {"serve"};  // of a SavedModel
  std::vector<std::string> signatures;        // keys; empty: all
  std::vector<std::string> input_arrays;      // tensors "node" or "node:1" that become inputs
  std::vector<std::string> output_arrays;     // tensors that become outputs
  std::vector<InputShape> input_shapes;       // one per input, or none
};

/// What a detector's metadata (TensorFlow Lite Metadata) are to say beside what its graph tells. They
/// are written where labels or a normalization are given, for the first signature
/// that is a detector; it then goes first.
struct DetectorOptions {
  /// One name a line, or a label map (label_map.pbtxt, told by its content); they have to be as
  /// many as the model's classes.
  std::string labels_file;
  std::optional<Normalization> normalization;  // of a float or quantized input
  /// The outputs that hold boxes, classes, scores and (if there is one) the count; empty: told by
  /// their names or by the operator that gives them.
  std::vector<std::string> outputs;
};

struct ConvertOptions {
  Selection selection;
  DetectorOptions detector;
  /// An op that cannot be lowered becomes a custom operator of the same name.
  bool allow_custom_ops = false;
  /// An inference signature reaches no optimizer: the policies differ in the report, and kError
  /// refuses to convert where something conflicts (kOptimizerConflict). A signature that trains keeps
  /// its optimizer where the policy does, and is refused (kUnsupported) where it does not.
  OptimizerPolicy optimizers = OptimizerPolicy::kStrip;
  DetectorEnds ends;
  Observer* observer = nullptr;  // may be null; not owned
  /// The process ends right after: what the conversion built is left for the operating system to take
  /// back, which is quicker than taking it apart (a tenth of the time).
  bool leave_memory = false;
};

/// What a conversion did: the documented JSON report and a few lines for people.
struct ConvertReport {
  std::string json;
  std::string text;
};

/// Reads `input` (told by its content), converts what `options.selection` names and writes `output`,
/// whole or not at all.
/// Errors: kNotFound, kTruncated, kMalformed, kTooLarge, kUnknownFormat, kUnreadable (the input),
/// kUsage (names, shapes, labels that do not fit), kUnsupported (all refused ops at once), kUnwritable (the output).
Result<ConvertReport> convert(const std::string& input, const std::string& output,
                              const ConvertOptions& options = {});

}  // namespace pumice
