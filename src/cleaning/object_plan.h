// What becomes of a SavedModel's objects when a policy leaves some of its optimizers out.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "formats/source.h"
#include "training/registration.h"

namespace pumice {

using Objects = std::vector<ObjectNode>;

/// Changes to the edges of an object graph. Objects are named by their numbers in the source.
struct EdgeEdits {
  struct Edge {
    int64_t object;
    std::string name;
    int64_t target;
  };
  std::vector<Edge> cut, added;
  std::map<int64_t, std::vector<std::pair<std::string, int64_t>>>
      children;  // lists with new elements
  std::map<int64_t, std::vector<ObjectNode::Slot>> slots;
};

/// What becomes of a Keras model's training configuration when it is rewritten.
struct ConfigEdit {
  int64_t holder = -1;  // the model
  int64_t taken_from =
      -1;  // the model whose optimizer's config takes the place; -1: no config is left
};

struct ObjectPlan {
  EdgeEdits edits;
  std::vector<int64_t> optimizers;  // that go, with their loss scalers
  std::vector<ConfigEdit> configs;
  std::vector<Action> notes;  // what was done beyond the resolution's actions
};

/// kUnsupported where the source does not tell enough to carry the policy out.
Result<ObjectPlan> plan_objects(const SourceFacts& facts, const OptimizerFindings& findings);

/// The objects that go. `numbers`: old → new, -1 for those that go.
struct ObjectRemoval {
  std::vector<int64_t> numbers;
  std::set<std::string> functions;  // concrete functions that only they hold
};

/// Applies the plan's edits to a copy of the objects.
void apply_edits(const EdgeEdits& edits, Objects* objects);
/// Which objects of the edited graph go. Weights that were held by an optimizer alone get an edge
/// from the root (into `objects` and `edits`). kUnsupported, naming the function, where one that
/// stays was traced with an optimizer's variables.
Result<ObjectRemoval> remove_objects(const ObjectPlan& plan, const SourceFacts& facts,
                                     Objects* objects, EdgeEdits* edits);
/// The same in the checkpoint's graph: what goes there are the objects that `match` gives for
/// those.
std::vector<int64_t> remove_matched(const ObjectPlan& plan, const ObjectRemoval& removal,
                                    const std::vector<int64_t>& match, const Objects& checkpoint);
/// Edits of the saved objects as edits of the checkpoint's.
EdgeEdits matched_edits(const EdgeEdits& edits, const std::vector<int64_t>& match);

}  // namespace pumice
