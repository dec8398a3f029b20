// Object graphs: SavedObjectGraph (in a SavedModel) and TrackableObjectGraph (in a checkpoint).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "formats/source.h"

namespace pumice {

/// The checkpoint key under which a TrackableObjectGraph stands.
inline constexpr char kObjectGraphKey[] = "_CHECKPOINTABLE_OBJECT_GRAPH";

struct SavedObjects {
  std::vector<ObjectNode> objects;
  /// Function name → the objects behind its last arguments, in order.
  std::map<std::string, std::vector<int64_t>> bound_inputs;
};

/// References to objects that do not exist are dropped, with a warning.
Result<SavedObjects> read_saved_objects(std::string_view message,
                                        std::vector<std::string>* warnings);
Result<std::vector<ObjectNode>> read_trackable_objects(std::string_view message,
                                                       std::vector<std::string>* warnings);

/// For every object of `saved` the number of the same object in `checkpoint`: both graphs are
/// walked together from their roots along children of equal names. -1: it is not there.
std::vector<int64_t> match_objects(const std::vector<ObjectNode>& saved,
                                   const std::vector<ObjectNode>& checkpoint);

/// Adds to `match` the slot variables, which are no one's children: equal slots of matched
/// variables in matched optimizers are one.
void match_slots(const std::vector<ObjectNode>& saved, const std::vector<ObjectNode>& checkpoint,
                 std::vector<int64_t>* match);

/// The checkpoint key of a variable object's value; empty when it has none.
std::string value_key(const ObjectNode& checkpoint_object);

}  // namespace pumice
