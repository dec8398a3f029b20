// The weights manifest of a TensorFlow.js model: which weights stand in which files, and how.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "formats/json/reader.h"
#include "graph/dtype.h"
#include "graph/shape.h"
#include "pumice/error.h"

namespace pumice {

/// One weight as its file holds it.
struct TfjsWeight {
  struct Quantization {
    DType stored = DType::kInvalid;  // kUInt8, kUInt16 or kFloat16
    double scale = 1, minimum = 0;   // of the integer ones: scale * stored + minimum
  };
  std::string name;
  DType dtype = DType::kInvalid;  // that of the values; never of the stored ones
  Dims dims;
  int64_t elements = 0;
  std::optional<Quantization> quantization;

  DType stored_dtype() const { return quantization ? quantization->stored : dtype; }
};

/// Weights that follow each other without gaps in the files `paths`, laid end to end.
struct TfjsWeightGroup {
  std::vector<std::string> paths;  // beside the manifest, none leads elsewhere
  std::vector<TfjsWeight> weights;
};

/// Takes the cursor's next value, the manifest's array. Errors: kMalformed (wrong JSON, unknown
/// dtype or quantization, impossible shape, a path out of the model's folder, a weight or path
/// twice).
Result<std::vector<TfjsWeightGroup>> read_tfjs_manifest(JsonReader* json);

}  // namespace pumice
