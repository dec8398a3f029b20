// Finds, explains and reconciles the optimizers that a model carries.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "pumice/error.h"

namespace pumice {

/// What becomes of the optimizers of a model.
enum class OptimizerPolicy {
  kStrip,      ///< none is kept: what inference needs (the default)
  kKeepFirst,  ///< the first registration is the model's optimizer, the others go
  kKeepLast,   ///< the last one is
  kUnify,      ///< one optimizer whose slots cover the union of the variables
  kNamespace,  ///< each keeps its own, under its sub-model's name
  kError,      ///< any conflict is an error
};

/// "strip", "keep-first", "keep-last", "unify", "namespace", "error".
const char* policy_name(OptimizerPolicy policy);
/// kUsage for other names.
Result<OptimizerPolicy> policy_from_name(const std::string& name);

struct OptimizersOptions {
  std::vector<std::string> tags = {"serve"};
  OptimizerPolicy policy = OptimizerPolicy::kStrip;
};

struct OptimizersReport {
  size_t registrations = 0;
  size_t conflicts = 0;
  std::string text;  // for people: grouped, with places and the code that would have caused it
  std::string json;  // the documented form: registrations, conflicts, resolution
};

/// What optimizers are in `input` (any source format, also ones whose layers do not convert), what
/// they own, what conflicts, and what `options.policy` would do.
/// Errors: as for reading; kOptimizerConflict under kError when something conflicts.
Result<OptimizersReport> analyze_optimizers(const std::string& input,
                                            const OptimizersOptions& options = {});

/// Writes a clean source: a model of the same kind as `input` at `output`, with the optimizers that
/// `options.policy` leaves in it, each weight bit-identical. Keras and TensorFlow load it and train on.
/// The output appears whole or not at all; an existing SavedModel folder is not replaced, an existing
/// file only by a whole one. The report tells what was found and what was done.
/// Errors: as for analyze_optimizers; kUnsupported for sources other than SavedModels with an object
/// graph, `.keras` and `.h5` files, where a traced function uses an optimizer that would go, or where the files do not tell
/// what the policy needs (unify of two kinds); kUnwritable.
Result<OptimizersReport> fix_optimizers(const std::string& input, const std::string& output,
                                        const OptimizersOptions& options = {});

/// The page on a conflict kind ("duplicate", "hyperparameters", …), as docs/conflicts holds it.
Result<std::string> explain_conflict(const std::string& kind);

}  // namespace pumice
