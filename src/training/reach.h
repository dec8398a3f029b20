// Which optimizers the functions of a SavedModel use.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "training/registration.h"

namespace pumice {

/// For each object whether these optimizers bring it with them. `own`: their state only, not the
/// network's weights, which Keras 3's optimizers list as well.
std::vector<bool> brought_by(const std::vector<ObjectNode>& objects,
                             const std::vector<int64_t>& optimizers, bool own);

/// A signature that was traced with an optimizer's variables: it trains.
struct TrainSignature {
  std::string key;
  std::vector<const Registration*> optimizers;
};

/// In the order of the signatures' objects. Empty for sources without an object graph.
std::vector<TrainSignature> train_signatures(const SourceFacts& facts,
                                             const std::vector<Registration>& registrations);

/// kUnsupported where one of the wanted signatures (empty: all) trains with an optimizer that the
/// resolution takes out. What a signature trains with is told in the actions.
Status keep_train_signatures(const SourceFacts& facts, const std::vector<std::string>& wanted,
                             OptimizerFindings* findings);

}  // namespace pumice
