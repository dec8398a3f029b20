// Checks a converted model against its source.
#pragma once

#include <optional>
#include <string>

#include "pumice/convert.h"
#include "pumice/detector_ends.h"
#include "pumice/error.h"
#include "pumice/observer.h"

namespace pumice {

struct VerifyOptions {
  /// What was converted. Empty: the signatures that both sides have; where the source has none, the
  /// names in the .tflite's signature are taken as tensors of the source.
  Selection selection;
  /// As convert got them, where the operator was added to raw heads: anchors_file and what goes with
  /// it. The reference then runs the operator on the source's heads.
  DetectorEnds ends;
  double tolerance = 1e-4;  // of the reference's largest magnitude; integers must be equal
  std::string inputs_file;  // .npz with an array per input; empty: inputs are made up from `seed`
  uint64_t seed = 0;
  int64_t batch = 1;      // what unknown sizes of made-up inputs become
  std::string save_file;  // .npz for `reference/NAME` and `runtime/NAME`; empty: not saved
  std::string litert;     // path of libLiteRt.so; empty: looked for
  int threads = 1;
  Observer* observer = nullptr;
};

struct VerifyReport {
  bool agrees = false;  // false, too, where something could not be compared
  /// Why outputs were not compared (kUnsupported), where nothing that was compared differs.
  std::optional<Error> not_compared;
  std::string text;  // a table: output, shape, largest differences, verdict
  std::string json;
};

/// Runs the source with pumice's reference evaluator and `model` with LiteRT on the same inputs.
/// Where the model ends in the detection operator and the source spells its post-processing out, the
/// source's detections are compared as the operator gives them: boxes as parts of the picture,
/// classes from 0, the best first.
/// Errors: as convert's for the source; kUnreadable and others for the model; kNotFound when LiteRT
/// is not there (the text says how to get it); kDifference when LiteRT refuses to run the model.
Result<VerifyReport> verify(const std::string& source, const std::string& model,
                            const VerifyOptions& options = {});

}  // namespace pumice
