// What a policy makes of the registrations.
#include <algorithm>
#include <map>

#include "training/registration.h"

namespace pumice {
namespace {

std::string label(const Registration& r) {
  return r.id + " (" + (r.class_name.empty() ? r.kind : r.class_name) + ")";
}

void keep_one(const std::vector<Registration>& all, size_t kept, Resolution& resolution) {
  for (size_t i = 0; i < all.size(); ++i) {
    if (i == kept)
      resolution.actions.push_back({"keep", all[i].id, "becomes the model's only optimizer"});
    else
      resolution.actions.push_back(
          {"strip", all[i].id, "goes with its state; the model's weights stay"});
  }
}

/// Objects without a config do not tell their class; the kind is what their slots and names say.
bool same_kind(const Registration& a, const Registration& b) {
  const bool same_class =
      a.class_name == b.class_name || a.class_name.empty() || b.class_name.empty();
  return a.kind != "unknown" && a.kind == b.kind && same_class && a.generation == b.generation;
}

/// The settings of `r` that give way to those of `first`.
std::string differing(const Registration& first, const Registration& r) {
  std::map<std::string, std::string> chosen;
  for (const Hyperparameter& h : first.hyperparameters) chosen[h.name] = h.json;
  std::string text;
  for (const Hyperparameter& h : r.hyperparameters)
    if (const auto it = chosen.find(h.name); it != chosen.end() && it->second != h.json)
      text += (text.empty() ? ": " : ", ") + h.name + " " + it->second + " instead of " + h.json;
  return text;
}

Status unify(const std::vector<Registration>& all, Resolution& resolution) {
  const auto first =
      std::find_if(all.begin(), all.end(), [](const Registration& r) { return !r.orphan; });
  for (auto r = all.begin(); r != all.end(); ++r) {
    if (r->orphan) {
      resolution.actions.push_back({"strip", r->id, "state without an optimizer"});
    } else if (r == first) {
      resolution.actions.push_back({"keep", r->id, "its slots come to cover the variables of all"});
    } else if (same_kind(*first, *r)) {
      resolution.actions.push_back(
          {"unify", r->id, "becomes part of " + first->id + differing(*first, *r)});
    } else {
      return Error(ErrorCode::kUnsupported, "optimizers of different kinds cannot be unified")
          .found(label(*first) + " and " + label(*r))
          .hint("Choose one with keep-first or keep-last, or strip them");
    }
  }
  return {};
}

}  // namespace

Result<Resolution> reconcile(const std::vector<Registration>& registrations,
                             const std::vector<Conflict>& conflicts, OptimizerPolicy policy) {
  Resolution resolution{policy, {}};
  if (registrations.empty()) return resolution;
  switch (policy) {
    case OptimizerPolicy::kError:
      if (!conflicts.empty()) {
        std::string ids;
        for (const std::string& id : conflicts[0].registrations)
          ids += (ids.empty() ? "" : ", ") + id;
        return Error(ErrorCode::kOptimizerConflict,
                     "optimizers conflict: " + conflicts[0].explanation + " (" + ids + ")" +
                         (conflicts.size() > 1
                              ? ", and " + std::to_string(conflicts.size() - 1) + " more"
                              : ""))
            .hint("`pumice optimizers` lists them; another policy resolves them");
      }
      for (const Registration& r : registrations)
        resolution.actions.push_back({"none", r.id, "nothing conflicts"});
      break;
    case OptimizerPolicy::kStrip:
      for (const Registration& r : registrations)
        resolution.actions.push_back(
            {"strip", r.id, "inference needs no optimizer; the model's weights stay"});
      break;
    case OptimizerPolicy::kKeepFirst:
    case OptimizerPolicy::kKeepLast: {
      size_t kept = registrations.size();
      for (size_t i = 0; i < registrations.size(); ++i) {
        if (registrations[i].orphan) continue;
        kept = i;
        if (policy == OptimizerPolicy::kKeepFirst) break;
      }
      keep_one(registrations, kept, resolution);
      break;
    }
    case OptimizerPolicy::kUnify: PUMICE_CHECK(unify(registrations, resolution)); break;
    case OptimizerPolicy::kNamespace:
      for (const Registration& r : registrations) {
        if (r.orphan)
          resolution.actions.push_back({"strip", r.id, "state without an optimizer"});
        else
          resolution.actions.push_back(
              {"keep", r.id,
               r.owner.empty() ? "as the model's own" : "under the name of '" + r.owner + "'"});
      }
      break;
  }
  return resolution;
}

Result<OptimizerFindings> find_optimizers(const Source& source, OptimizerPolicy policy) {
  OptimizerFindings findings;
  findings.warnings = source.facts.warnings;
  findings.registrations = collect_registrations(source, findings.warnings);
  const bool fixable = source.format == "keras" || source.format == "h5" ||
                       (source.format == "saved_model" && !source.facts.objects.empty());
  findings.conflicts = find_conflicts(findings.registrations, fixable);
  PUMICE_TRY(findings.resolution, reconcile(findings.registrations, findings.conflicts, policy));
  return findings;
}

}  // namespace pumice
