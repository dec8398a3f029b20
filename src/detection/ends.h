// A detector's two ends changed as was asked, before its graph is lowered.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "graph/model.h"
#include "pumice/detector_ends.h"
#include "pumice/error.h"
#include "pumice/normalization.h"
#include "pumice/observer.h"

namespace pumice {

struct ChangedEnds {
  std::string json;  // the report's "detectors": an entry a signature; empty: nothing was changed
  std::vector<std::string> lines;  // for people
  std::vector<Warning> warnings;
  std::optional<Normalization>
      normalization;  // of the first signature's input, where it was moved out
};

/// Post-processing, then pre-processing. `ordered`: the caller named the outputs. Errors: theirs.
Result<ChangedEnds> change_ends(Model& model, const DetectorEnds& options, bool ordered);

}  // namespace pumice
