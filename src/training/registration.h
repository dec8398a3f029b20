// Optimizer registrations: found in a source's facts, compared, reconciled.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "formats/source.h"
#include "pumice/optimizers.h"

namespace pumice {

/// One place of the source that mentions a registration.
struct Place {
  std::string file;  // relative to the source: "config.json", "saved_model.pb", "graph"
  std::string path;  // JSON pointer, object path ("root.optimizer"), key prefix, or node names
  friend bool operator==(const Place&, const Place&) = default;
};

/// A hyperparameter's value: JSON text ("0.001", "true", "\"name\"", "{…}" for a schedule).
struct Hyperparameter {
  std::string name, json;
};

/// One definition of an optimizer, however many places of the source mention it.
/// How the path of a place begins that is in a function of a SavedModel.
inline constexpr std::string_view kInFunction = "function ";

struct Registration {
  std::string id;                // "r0", in order of discovery
  std::string kind = "unknown";  // base algorithm, lower case: "adam", "sgd", "rmsprop", "momentum"
  std::string class_name;        // "Adam"
  std::string registered_name;   // "Custom>Adam"; empty: none
  bool custom = false;
  std::string generation;                       // "keras3", "tf_keras", "tf_keras_legacy", "tf1"
  std::vector<Hyperparameter> hyperparameters;  // sorted by name
  std::optional<int64_t> iterations;
  std::string owner;                // path of the (sub-)model that it belongs to; empty: the root
  std::set<std::string> variables;  // trained variables, by their names or keys in the source
  uint64_t bytes = 0;               // of its own state (slots, counters)
  std::vector<std::string> slots;   // slot names: "m", "v", "momentum"
  std::vector<std::string> slot_variables;  // the variables behind them, by name: "w/Adam"
  bool state_read = true;  // false: only configs tell of it; variables, bytes, slots are unknown
  bool orphan = false;     // state whose optimizer nothing in the source defines
  std::vector<Place> found_in;
  std::string unsure;   // what the source does not tell of its class; empty: nothing is missing
  int64_t object = -1;  // a SavedModel's: its number among the objects,
  int64_t outer = -1;   // and that of the loss scaler around it (or its own)
};

struct Conflict {
  std::string kind;  // "duplicate", "hyperparameters", "override", "merged", "slot_collision",
                     // "orphan_slots", "generation", "kinds"
  std::vector<std::string> registrations;  // ids
  std::string explanation, suggestion;
};

struct Action {
  std::string action, registration, detail;
};

struct Resolution {
  OptimizerPolicy policy = OptimizerPolicy::kStrip;
  std::vector<Action> actions;
};

struct OptimizerFindings {
  std::vector<Registration> registrations;
  std::vector<Conflict> conflicts;
  Resolution resolution;
  std::vector<std::string> warnings;  // places that could not be read
};

/// Every registration of the source; what several places say of one optimizer is one. Linear in
/// objects, keys and nodes.
std::vector<Registration> collect_registrations(const Source& source,
                                                std::vector<std::string>& warnings);
/// What cannot all be the model's one optimizer. `fixable`: --fix can rewrite the source, and
/// suggestions name its command.
std::vector<Conflict> find_conflicts(const std::vector<Registration>& registrations,
                                     bool fixable = false);
/// What a policy does with them. kUnsupported when it cannot be carried out (unify of two kinds).
Result<Resolution> reconcile(const std::vector<Registration>& registrations,
                             const std::vector<Conflict>& conflicts, OptimizerPolicy policy);

/// All three in one. kOptimizerConflict under kError when something conflicts.
Result<OptimizerFindings> find_optimizers(const Source& source, OptimizerPolicy policy);

std::string to_json(const OptimizerFindings& findings);
std::string to_text(const OptimizerFindings& findings);

}  // namespace pumice
