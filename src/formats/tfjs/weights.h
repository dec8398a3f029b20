// The weights of a TensorFlow.js model: constants by name.
#pragma once

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "formats/tfjs/manifest.h"
#include "graph/constant.h"
#include "graph/tensor.h"

namespace pumice {

/// Gives a file's bytes: map_file(), but in tests and fuzzers, which have no files.
using OpenFile = std::function<Result<Bytes>(const std::string& path)>;

struct TfjsWeights {
  std::unordered_map<std::string, Constant> by_name;
  std::vector<std::string> files;  // what was read
  uint64_t bytes = 0;
  std::vector<std::string> warnings;
};

/// Opens the weights files, which stand in `folder`. A weight within one file is a view of it, one
/// that straddles files a copy. Quantized floats keep their bytes, with the conversion pending;
/// quantized integers (index tables) are converted, rounded as TensorFlow.js rounds them. Errors:
/// kNotFound (a file is missing), kTruncated (the files hold less than the manifest says).
Result<TfjsWeights> load_tfjs_weights(const std::vector<TfjsWeightGroup>& groups,
                                      const std::string& folder, const OpenFile& open);

}  // namespace pumice
