// Comparing two sets of outputs, and inputs to make them from: the substance of `pumice verify`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "formats/npz/npz.h"
#include "graph/model.h"
#include "pumice/error.h"

namespace pumice {

enum class Verdict {
  kEqual,        // every element is the same (NaN at the same places counts as the same)
  kClose,        // floats within the tolerance
  kDifferent,    // floats beyond it, or integers, bools or strings that are not the same
  kNotFinite,    // NaN or an infinity at places where the reference has none, or the reverse
  kDtype,        // another dtype
  kShape,        // another shape
  kMissing,      // only the reference has it
  kExtra,        // only the tested side has it
  kNotCompared,  // the reference has it in another form
};

/// "equal", "close", "DIFFERENT", "NOT FINITE", ….
const char* verdict_text(Verdict verdict);

/// One output. Differences are over the places where both sides are finite.
struct OutputComparison {
  std::string name;
  DType dtype = DType::kInvalid;  // the reference's; the tested side's where there is no reference
  Dims dims;                      // likewise
  std::string found;              // the tested side's dtype or shape, where that is the difference
  double magnitude = 0;           // the reference's largest magnitude
  double largest_absolute = 0;
  double largest_relative =
      0;                  // largest_absolute / magnitude (/ 1 where the reference is all zero)
  int64_t worst = -1;     // row-major index of the largest difference; -1: none
  int64_t differing = 0;  // elements that are not the same
  Verdict verdict = Verdict::kEqual;

  bool ok() const { return verdict == Verdict::kEqual || verdict == Verdict::kClose; }
};

struct Comparison {
  double tolerance = 0;
  std::vector<OutputComparison> outputs;  // in the reference's order, extra ones last
  bool ok() const;
};

/// By name. Floats and complex numbers may differ by `tolerance` times the reference's largest
/// magnitude; everything else must be equal.
Comparison compare_outputs(const std::vector<NamedTensor>& reference,
                           const std::vector<NamedTensor>& tested, double tolerance);

/// Every output of the tested side with the verdict kNotCompared.
Comparison without_reference(const std::vector<NamedTensor>& tested, double tolerance);

/// A table with aligned columns: output, shape, dtype, largest abs diff, largest rel diff, verdict.
std::string to_table(const Comparison& comparison);
nlohmann::json to_json(const Comparison& comparison);

struct InputOptions {
  uint64_t seed = 0;
  int64_t unknown_size = 1;  // what unknown dimensions become
};

/// Deterministic pseudo-random inputs: floats between -1 and 1 (thicker around 0), int8 and uint8
/// over their whole range, wider integers 0–7, bools. A tensor's values depend on seed, name and
/// dtype alone. Errors: kUsage for an unknown rank, kUnsupported for other dtypes, kTooLarge above
/// 4 GiB.
Result<std::vector<NamedTensor>> generate_inputs(const std::vector<SignatureTensor>& inputs,
                                                 const InputOptions& options = {});

}  // namespace pumice
