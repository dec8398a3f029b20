#include "training/reach.h"

#include <algorithm>

namespace pumice {

std::vector<bool> brought_by(const std::vector<ObjectNode>& objects,
                             const std::vector<int64_t>& optimizers, bool own) {
  std::vector<bool> seen(objects.size(), false);
  std::vector<int64_t> queue = optimizers;
  for (const int64_t id : queue) seen[id] = true;
  const auto visit = [&](int64_t id) {
    if (seen[id]) return;
    seen[id] = true;
    queue.push_back(id);
  };
  for (size_t head = 0; head < queue.size(); ++head) {
    const ObjectNode& object = objects[queue[head]];
    for (const auto& [name, id] : object.children)
      if (!own || name != "_trainable_variables") visit(id);
    for (const auto& slot : object.slots) {
      visit(slot.slot_variable);
      if (!own) visit(slot.original_variable);
    }
    for (const int64_t id : object.references) visit(id);
  }
  return seen;
}

std::vector<TrainSignature> train_signatures(const SourceFacts& facts,
                                             const std::vector<Registration>& registrations) {
  std::vector<TrainSignature> found;
  if (facts.objects.empty()) return found;
  std::vector<std::pair<const Registration*, std::vector<bool>>> states;
  for (const Registration& r : registrations)
    if (r.outer >= 0) states.emplace_back(&r, brought_by(facts.objects, {r.outer}, true));
  for (const auto& [name, id] : facts.objects[0].children) {
    if (name != "signatures") continue;
    for (const auto& [key, function] : facts.objects[id].children) {
      TrainSignature signature{key, {}};
      for (const auto& [registration, state] : states) {
        bool uses = false;
        for (const std::string& f : facts.objects[function].functions) {
          const auto bound = facts.bound_inputs.find(f);
          if (bound == facts.bound_inputs.end()) continue;
          for (const int64_t captured : bound->second)
            uses = uses || (captured >= 0 && captured < static_cast<int64_t>(state.size()) &&
                            state[captured]);
        }
        if (uses) signature.optimizers.push_back(registration);
      }
      if (!signature.optimizers.empty()) found.push_back(std::move(signature));
    }
  }
  return found;
}

Status keep_train_signatures(const SourceFacts& facts, const std::vector<std::string>& wanted,
                             OptimizerFindings* findings) {
  for (const TrainSignature& signature : train_signatures(facts, findings->registrations)) {
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), signature.key) == wanted.end())
      continue;
    for (const Registration* r : signature.optimizers) {
      for (Action& action : findings->resolution.actions) {
        if (action.registration != r->id) continue;
        if (action.action == "keep" || action.action == "none") {
          action.detail += "; signature '" + signature.key + "' trains with it";
          continue;
        }
        return Error(ErrorCode::kUnsupported,
                     "signature '" + signature.key + "' trains with an optimizer that the policy " +
                         policy_name(findings->resolution.policy) + " leaves out")
            .found(r->id + " (" + (r->class_name.empty() ? r->kind : r->class_name) + ")")
            .hint(
                "Choose a policy that keeps it (`pumice optimizers --policy P` shows what each "
                "does; namespace keeps "
                "all), or name the inference signature: --signature KEY");
      }
    }
  }
  return {};
}

}  // namespace pumice
