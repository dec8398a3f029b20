// What becomes of a Keras file's configs and groups when a policy leaves some of its optimizers
// out.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "training/registration.h"

namespace pumice {

/// A JSON text of the file: an entry of a `.keras`, an attribute of an `.h5`.
struct KerasText {
  std::string file;       // as places name it
  std::string attribute;  // empty: the file itself is the text
  friend auto operator<=>(const KerasText&, const KerasText&) = default;
};

struct KerasPlan {
  /// Pointers of compile_config, or "" for a training_config as a whole: they become null, or go.
  std::map<KerasText, std::set<std::string>> without;
  /// The pointer of the config that takes an optimizer's place, and where.
  struct Taken {
    KerasText from, to;
    std::string from_pointer, to_pointer;
  };
  std::optional<Taken> taken;
  std::map<std::string, std::set<std::string>> groups;  // file → groups of state that go
  struct MovedGroup {
    std::string file, from, to;
  };
  std::optional<MovedGroup> moved;  // state that stands where a copy of its optimizer's config did
  std::vector<Action> notes;        // what was done beyond the resolution's actions

  bool empty() const { return without.empty() && !taken && !moved && groups.empty(); }
};

/// kUnsupported where the file does not tell enough to carry the policy out.
Result<KerasPlan> plan_keras(const OptimizerFindings& findings);

}  // namespace pumice
