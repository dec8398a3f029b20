// Says what is in a model file, converted or not.
#pragma once

#include <string>
#include <vector>

#include "pumice/error.h"

namespace pumice {

struct InspectOptions {
  std::vector<std::string> tags = {"serve"};  // of a SavedModel
};

struct InspectReport {
  std::string text;
  std::string json;
};

/// Format, files, producer, signatures with names, dtypes and shapes, and an op histogram of the
/// graph as it stands in the file (functions included), for every format that pumice reads.
Result<InspectReport> inspect(const std::string& input, const InspectOptions& options = {});

}  // namespace pumice
