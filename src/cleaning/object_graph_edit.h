// Object graphs written anew: objects left out, the others renumbered wherever their numbers stand.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cleaning/object_plan.h"

namespace pumice {

/// SavedObjectGraph. `objects`: as edited; `metadata`: new texts for user objects that hold their
/// Keras configuration themselves (before TensorFlow 2.5).
Result<std::string> rewrite_saved_objects(std::string_view message, const Objects& objects,
                                          const ObjectRemoval& removal,
                                          const std::map<int64_t, std::string>& metadata);
/// TrackableObjectGraph, the checkpoint's own.
Result<std::string> rewrite_checkpoint_objects(std::string_view message, const Objects& objects,
                                               const std::vector<int64_t>& numbers);
/// keras_metadata.pb: nodes of objects that go are left out.
Result<std::string> rewrite_keras_metadata(std::string_view message,
                                           const std::vector<int64_t>& numbers,
                                           const std::map<int64_t, std::string>& metadata);

}  // namespace pumice
