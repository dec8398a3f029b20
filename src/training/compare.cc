// What cannot all be the model's one optimizer. Registrations are grouped, never compared in pairs.
#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "training/kinds.h"
#include "training/registration.h"

namespace pumice {
namespace {

std::string joined(const std::vector<std::string>& list, size_t limit = 4) {
  std::string text;
  for (size_t i = 0; i < list.size() && i < limit; ++i) text += (i ? ", " : "") + list[i];
  if (list.size() > limit) text += " and " + std::to_string(list.size() - limit) + " more";
  return text;
}

std::string definition_of(const Registration& r) {
  std::string text = r.kind + '\n' + r.class_name + '\n' + r.registered_name;
  for (const Hyperparameter& h : r.hyperparameters) text += '\n' + h.name + '=' + h.json;
  return text;
}

/// "w/Adam_1_1" → "w/Adam": the name before TensorFlow told it apart.
std::string without_numbers(std::string_view name) {
  while (true) {
    size_t end = name.size();
    while (end > 0 && name[end - 1] >= '0' && name[end - 1] <= '9') --end;
    if (end == name.size() || end < 2 || name[end - 1] != '_') return std::string(name);
    name = name.substr(0, end - 1);
  }
}

/// The policy under which --fix writes a model without the conflict; null where none does.
const char* cure_of(std::string_view kind) {
  if (kind == "duplicate") return "unify";
  if (kind == "hyperparameters" || kind == "kinds" || kind == "merged") return "keep-first";
  if (kind == "override" || kind == "orphan_slots" || kind == "generation") return "strip";
  return nullptr;
}

class Comparison {
 public:
  Comparison(const std::vector<Registration>& all, bool fixable) : all_(all), fixable_(fixable) {}

  std::vector<Conflict> run() {
    for (const Registration& r : all_)
      if (!r.orphan) defined_.push_back(&r);
    definitions();
    overrides();
    merged();
    collisions();
    orphans();
    generations();
    kinds();
    return std::move(conflicts_);
  }

 private:
  void add(const char* kind, const std::vector<const Registration*>& of, std::string explanation,
           std::string suggestion) {
    Conflict conflict{kind, {}, std::move(explanation), std::move(suggestion)};
    for (const Registration* r : of) conflict.registrations.push_back(r->id);
    if (const char* policy = fixable_ ? cure_of(conflict.kind) : nullptr)
      conflict.suggestion +=
          std::string(" To have it in the model: pumice optimizers INPUT --fix --policy ") +
          policy + " -o OUT";
    conflicts_.push_back(std::move(conflict));
  }

  void definitions() {
    std::map<std::string, std::vector<const Registration*>> by_kind;
    // Settings of two generations do not compare; that is a conflict of its own.
    for (const Registration* r : defined_)
      if (r->kind != "unknown") by_kind[r->kind + ' ' + r->generation].push_back(r);
    for (const auto& [key, group] : by_kind) {
      if (group.size() < 2) continue;
      const std::string& kind = group[0]->kind;
      // What one place does not tell is no difference.
      std::map<std::string, std::vector<std::string>> values;
      for (const Registration* r : group)
        for (const Hyperparameter& h : r->hyperparameters) {
          auto& seen = values[h.name];
          if (std::find(seen.begin(), seen.end(), h.json) == seen.end()) seen.push_back(h.json);
        }
      std::vector<std::string> differing;
      for (const auto& [name, seen] : values)
        if (seen.size() > 1) differing.push_back(name + " (" + joined(seen) + ")");
      if (differing.empty()) {
        duplicate(kind, group);
        continue;
      }
      add("hyperparameters", group,
          std::to_string(group.size()) + " " + kind +
              " optimizers with other settings: " + joined(differing),
          "To train on, choose one: --optimizers keep-first or keep-last. For inference nothing is "
          "lost: strip leaves all of them out.");
      std::map<std::string, std::vector<const Registration*>> same;
      for (const Registration* r : group) same[definition_of(*r)].push_back(r);
      for (const auto& [definition, equal] : same)
        if (equal.size() > 1) duplicate(kind, equal);
    }
  }

  void duplicate(const std::string& kind, const std::vector<const Registration*>& group) {
    bool known = true;
    for (const Registration* r : group) known = known && !r->class_name.empty();
    add("duplicate", group,
        "the same " + kind + " optimizer is defined " + std::to_string(group.size()) + " times" +
            (known ? "" : ", as far as the source tells"),
        "One is enough: --optimizers unify makes them one, strip leaves them out.");
  }

  void overrides() {
    for (const Registration* r : defined_) {
      if (!r->custom || kind_of_name(r->class_name).empty()) continue;
      add("override", {r},
          "a class of your own is registered as '" +
              (r->registered_name.empty() ? r->class_name : r->registered_name) +
              "': it bears the name of the built-in " + r->class_name,
          "Loading it in Keras needs your class, registered under that name; give it a name of its "
          "own. Inference needs neither: strip leaves it out.");
    }
  }

  void merged() {
    std::map<std::string, const Registration*> owners;
    for (const Registration* r : defined_) owners.emplace(r->owner, r);
    // Copies of one TensorFlow 1 graph have no scope of their own; their variables tell them apart.
    std::vector<const Registration*> parts;
    std::vector<std::string> names;
    if (owners.size() > 1) {
      for (const Registration* r : defined_) parts.push_back(r);
      for (const auto& [owner, r] : owners)
        names.push_back(owner.empty() ? "the model itself" : "'" + owner + "'");
    } else {
      std::unordered_map<std::string_view, const Registration*> trained_by;
      for (const Registration* r : defined_) {
        if (r->generation != "tf1" || r->variables.empty()) continue;
        bool apart = true;
        for (const std::string& v : r->variables)
          if (!trained_by.emplace(v, r).second) apart = false;
        if (!apart) continue;
        parts.push_back(r);
        names.push_back("the part with '" + *r->variables.begin() + "'");
      }
    }
    if (parts.size() < 2) return;
    add("merged", parts, "parts of the model bring their own optimizers: " + joined(names),
        "A merged model trains with one optimizer: compile only the outermost model. --optimizers "
        "namespace keeps each part's own, strip leaves all out.");
  }

  void collisions() {
    std::unordered_map<std::string, const Registration*> owner;  // a slot's plain name → whose
    std::unordered_map<std::string_view, const Registration*> trained_by;
    for (const Registration* r : defined_) {
      if (r->generation != "tf1") continue;
      for (const std::string& v : r->variables) trained_by.emplace(v, r);
    }
    std::vector<const Registration*> colliding;
    std::unordered_set<const Registration*> listed;
    std::string example;
    const auto list = [&](const Registration* a, const Registration* b, const std::string& slot) {
      if (example.empty()) example = slot;
      for (const Registration* r : {a, b})
        if (listed.insert(r).second) colliding.push_back(r);
    };
    for (const Registration* r : defined_) {
      if (r->generation != "tf1") continue;
      for (const std::string& slot : r->slot_variables) {
        const auto [it, made] = owner.emplace(without_numbers(slot), r);
        if (!made && it->second != r) list(it->second, r, slot);
        // "w/Adam" of an optimizer that trains w_1, where w is trained by another.
        const size_t slash = slot.rfind('/');
        if (slash == std::string::npos) continue;
        const auto of = trained_by.find(std::string_view(slot).substr(0, slash));
        if (of != trained_by.end() && of->second != r && !r->variables.count(slot.substr(0, slash)))
          list(of->second, r, slot);
      }
    }
    if (colliding.empty()) return;
    add("slot_collision", colliding,
        "slots of different optimizers want the same name; TensorFlow numbered them: '" + example +
            "'",
        "A checkpoint of one of them restores into the other's slots. Build or import each model "
        "under a name scope of its own.");
  }

  void orphans() {
    for (const Registration& r : all_) {
      if (!r.orphan) continue;
      add("orphan_slots", {&r},
          "state of an optimizer that nothing in the source defines: " +
              std::to_string(r.slot_variables.size()) + " slots, " + std::to_string(r.bytes) +
              " bytes",
          "It only takes room: --optimizers strip leaves it out.");
    }
  }

  void generations() {
    std::map<std::string, std::vector<std::string>> by_generation;
    std::vector<std::string> names;
    for (const Registration* r : defined_)
      if (by_generation[r->generation].empty()) {
        by_generation[r->generation].push_back(r->id);
        names.push_back(r->generation);
      }
    if (names.size() < 2) return;
    add("generation", defined_,
        "optimizers of different Keras generations in one model: " + joined(names),
        "No one Keras loads both. Make every part with the same Keras, or strip the optimizers.");
  }

  /// Different kinds that nothing above has brought together.
  void kinds() {
    std::map<std::string, const Registration*> seen;
    for (const Registration* r : defined_)
      if (r->kind != "unknown") seen.emplace(r->kind, r);
    if (seen.size() < 2) return;
    for (const Conflict& c : conflicts_)
      if (c.kind == "merged" || c.kind == "generation") return;
    std::vector<std::string> names;
    for (const auto& [kind, r] : seen) names.push_back(kind);
    add("kinds", defined_, "optimizers of different kinds in one model: " + joined(names),
        "They cannot be unified: choose one with --optimizers keep-first or keep-last, or strip "
        "them.");
  }

  const std::vector<Registration>& all_;
  const bool fixable_;
  std::vector<const Registration*> defined_;
  std::vector<Conflict> conflicts_;
};

}  // namespace

std::vector<Conflict> find_conflicts(const std::vector<Registration>& registrations, bool fixable) {
  return Comparison(registrations, fixable).run();
}

}  // namespace pumice
