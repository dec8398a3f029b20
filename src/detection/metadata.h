// What a detector's metadata say: made for a model to be written, and read from one that is there.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "detection/detections.h"
#include "detection/labels.h"
#include "detection/normalization.h"
#include "graph/model.h"
#include "pumice/observer.h"
#include "tflite/metadata.h"

namespace pumice {

/// What the caller knows of a detector beside its graph.
struct DetectorFacts {
  Labels labels;            // as in the label file
  std::string labels_file;  // for messages
  std::optional<Normalization> normalization;
  std::vector<std::string> outputs;  // boxes, classes, scores[, count]; empty: found
};

struct DetectorDescription {
  size_t signature = 0;  // which of the model's; its graph has to be the file's first subgraph
  ModelMetadata metadata;
  std::vector<AppendedFile> files;
  std::vector<std::string> labels;  // as written: line i names the value i
  std::vector<Warning> warnings;
};

/// The metadata of the model's first signature that is a detector, or of its first one. Further ones
/// are not described: no library reads more than the first subgraph's, and TensorFlow Lite Support's
/// writers refuse models that describe more. Outputs are told by
/// `facts.outputs`, by the custom operator TFLite_Detection_PostProcess that gives them, by the
/// names of a convention (see find_roles), or as raw heads by their shapes.
///
/// Labels are moved to where the outputs' numbers point: TensorFlow's own outputs
/// count classes from 1, so the file gets a first line "???" unless it has one for the background;
/// the operator's outputs count from 0, so such a line goes; a label map's ids count from 1, with a line
/// for 0. A raw head's columns are named one by one. Errors: kUsage where the labels do not fit the number of classes, where there is no picture
/// to normalize, where labels find no output, and for `facts.outputs` that the model lacks.
Result<DetectorDescription> describe_detector(const Model& model, const DetectorFacts& facts);

/// What a model's own metadata tell to one who runs it.
struct KnownDetector {
  std::vector<std::string> labels;  // line i names the value i; empty: none
  std::optional<Normalization> normalization;
  std::optional<OutputRoles> roles;
};

/// Of the first subgraph. `model`: the file's bytes, with the archive behind them. Labels in the
/// default language. Metadata that name a file which is not there are an error (kMalformed).
Result<KnownDetector> read_known_detector(const ModelMetadata& metadata, const Bytes& model,
                                          const std::string& file);

}  // namespace pumice
