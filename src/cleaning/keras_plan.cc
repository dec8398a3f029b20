#include "cleaning/keras_plan.h"

#include <algorithm>

namespace pumice {
namespace {

std::string label(const Registration& r) {
  return r.id + " (" + (r.class_name.empty() ? r.kind : r.class_name) + ")";
}

struct ConfigPlace {
  KerasText text;
  std::string pointer;  // of the optimizer: "/config/layers/1/compile_config/optimizer"
};

/// "@training_config/optimizer_config" is an attribute's, "/compile_config/optimizer" a file's;
/// other paths are groups.
std::optional<ConfigPlace> config_of(const Place& place) {
  if (place.path.starts_with("/")) return ConfigPlace{{place.file, ""}, place.path};
  if (!place.path.starts_with("@")) return std::nullopt;
  const size_t slash = std::min(place.path.find('/'), place.path.size());
  return ConfigPlace{{place.file, place.path.substr(1, slash - 1)}, place.path.substr(slash)};
}

std::string group_of(const std::string& path) {
  return path.ends_with("/vars") ? path.substr(0, path.size() - 5) : path;
}

bool is_part_of(const Registration& part, const Registration& whole) {
  return whole.owner.empty() || part.owner == whole.owner ||
         part.owner.starts_with(whole.owner + ".");
}

class Planner {
 public:
  explicit Planner(const OptimizerFindings& findings) : findings_(findings) {}

  Result<KerasPlan> run() {
    const Registration *first = nullptr, *kept = nullptr;
    for (const Registration& r : findings_.registrations) {
      if (r.orphan) continue;
      if (!first) first = &r;
      const std::string what = action_of(r);
      if (what == "keep" && !kept) kept = &r;
      if (what == "unify" && kept && !is_part_of(r, *kept))
        return Error(ErrorCode::kUnsupported,
                     "a Keras file numbers an optimizer's slots and does not name their variables: "
                     "only the outermost "
                     "model's optimizer can cover those of its parts")
            .found(label(*kept) + " of '" + kept->owner + "', " + label(r) + " of '" + r.owner +
                   "'")
            .hint("Save the model as a SavedModel, or choose keep-first, keep-last or strip");
    }
    if (kept && kept != first && findings_.resolution.policy == OptimizerPolicy::kKeepLast)
      move(*kept, *first);
    const OptimizerPolicy policy = findings_.resolution.policy;
    if (kept && !plan_.taken && policy != OptimizerPolicy::kNamespace &&
        policy != OptimizerPolicy::kError)
      make_one(*kept);
    for (const Registration& r : findings_.registrations) {
      const std::string what = action_of(r);
      if (what == "strip" || what == "unify") remove(r);
    }
    return std::move(plan_);
  }

 private:
  std::string action_of(const Registration& r) const {
    for (const Action& action : findings_.resolution.actions)
      if (action.registration == r.id) return action.action;
    return "keep";
  }

  static std::optional<ConfigPlace> first_config(const Registration& r) {
    for (const Place& place : r.found_in)
      if (auto config = config_of(place)) return config;
    return std::nullopt;
  }

  /// The last optimizer, one of a part, becomes that of the model around it. Which of that model's
  /// variables its slots are for is not told: it begins with new ones.
  void move(const Registration& kept, const Registration& first) {
    const auto from = first_config(kept), to = first_config(first);
    if (!from || !to || kept.owner == first.owner || !is_part_of(kept, first)) return;
    plan_.taken = KerasPlan::Taken{from->text, to->text, from->pointer, to->pointer};
    remove(kept);
    note(kept, label(kept) + " becomes the optimizer of the model that " + label(first) +
                   " trained; its state is left out: the file does not tell which of that model's "
                   "variables it is for");
  }

  /// Models that were compiled with one optimizer object each have its config, and Keras makes one
  /// of each again: the outermost is kept. Keras wrote the state where it came upon the optimizer
  /// first.
  void make_one(const Registration& kept) {
    std::optional<ConfigPlace> first;
    for (const Place& place : kept.found_in) {
      const auto config = config_of(place);
      if (config && !first) {
        first = config;
      } else if (config) {
        plan_.without[config->text].insert(config->pointer.substr(0, config->pointer.rfind('/')));
        note(kept, label(kept) + " is the outermost model's only; its copy at " + config->pointer +
                       " goes");
      } else if (first && first->pointer == "/compile_config/optimizer" &&
                 place.path.ends_with("/optimizer/vars")) {
        plan_.moved = KerasPlan::MovedGroup{place.file, group_of(place.path), "optimizer"};
      }
    }
  }

  void remove(const Registration& r) {
    for (const Place& place : r.found_in) {
      const auto config = config_of(place);
      if (!config) {
        plan_.groups[place.file].insert(group_of(place.path));
        continue;
      }
      if (plan_.taken && plan_.taken->to == config->text &&
          plan_.taken->to_pointer == config->pointer)
        continue;
      plan_.without[config->text].insert(config->pointer.substr(0, config->pointer.rfind('/')));
    }
  }

  void note(const Registration& r, std::string what) {
    plan_.notes.push_back({"note", r.id, std::move(what)});
  }

  const OptimizerFindings& findings_;
  KerasPlan plan_;
};

}  // namespace

Result<KerasPlan> plan_keras(const OptimizerFindings& findings) { return Planner(findings).run(); }

}  // namespace pumice
