// What an optimizer's numbered variables are: `.keras` keeps "optimizer/vars/2", without names.
#pragma once

#include <string>
#include <vector>

#include "training/registration.h"

namespace pumice {

/// The slots that an optimizer keeps for each variable, in the order of its numbered variables;
/// empty where its settings do not tell. `alone`: no config tells of it, so its settings are not
/// known.
std::vector<std::string> numbered_slots(const Registration& r, bool alone);

/// The first tensor of each variable's state. Most optimizers keep their first two slots side by
/// side, variable by variable, and a whole list of each further one (or one in front: an average);
/// RMSprop keeps lists only. Empty where the shapes say otherwise.
std::vector<const SourceFacts::CheckpointEntry*> first_tensors(
    const std::vector<const SourceFacts::CheckpointEntry*>& tensors, const std::string& kind,
    const std::vector<std::string>& slots);

}  // namespace pumice
