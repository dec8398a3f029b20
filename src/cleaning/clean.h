// Clean sources: a model file of the same kind, with the optimizers that a policy leaves in it.
#pragma once

#include <string>

#include "formats/source.h"
#include "training/registration.h"

namespace pumice {

/// Writes a clean copy of the SavedModel that `source` was read from. The actions of `findings` say
/// what goes; what was done beyond them is added there. The folder appears whole or not at all.
/// kUnsupported where the policy cannot be carried out (a traced function uses what goes).
Status clean_saved_model(const std::string& folder, const Source& source, const std::string& output,
                         const ReadOptions& options, OptimizerFindings* findings);

/// The same for a `.keras` or `.h5` file. An existing output is replaced by a whole one.
Status clean_keras(const std::string& path, const Source& source, const std::string& output,
                   OptimizerFindings* findings);

/// What a written source must hold: kInternal, and nothing is put in place, where it does not.
Status check_clean(const Source& written, const OptimizerFindings& findings);

}  // namespace pumice
