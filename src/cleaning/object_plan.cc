#include "cleaning/object_plan.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "cleaning/config_text.h"
#include "cleaning/slot_table.h"
#include "training/reach.h"

namespace pumice {
namespace {

using Edge = EdgeEdits::Edge;

std::string label(const Registration& r) {
  return r.id + " (" + (r.class_name.empty() ? r.kind : r.class_name) + ")";
}

/// A Keras model, which trains with the optimizer that compile() gave it.
bool is_model(const ObjectNode& object) {
  if (object.identifier.starts_with("_tf_keras_")) return true;
  return std::any_of(object.children.begin(), object.children.end(), [](const auto& c) {
    return c.first == "_layers" || c.first == "_operations";
  });
}

class Planner {
 public:
  Planner(const SourceFacts& facts, const OptimizerFindings& findings)
      : facts_(facts), findings_(findings), objects_(facts.objects) {}

  Result<ObjectPlan> run() {
    find_edges();
    const Registration *first = nullptr, *kept = nullptr;
    std::vector<const Registration*> merged;
    for (const Registration& r : findings_.registrations) {
      if (r.orphan) continue;
      if (!first) first = &r;
      const std::string what = action_of(r);
      if (what == "keep" && !kept) kept = &r;
      if (what == "unify") merged.push_back(&r);
    }
    if (kept && !merged.empty()) PUMICE_CHECK(merge(*kept, merged));
    if (kept && first != kept && findings_.resolution.policy == OptimizerPolicy::kKeepLast)
      PUMICE_CHECK(move(*kept, *first));
    for (const Registration& r : findings_.registrations) {
      const std::string what = action_of(r);
      if (what != "strip" && what != "unify") continue;
      PUMICE_CHECK(stands_in_objects(r));
      remove(r);
    }
    return std::move(plan_);
  }

 private:
  /// An optimizer that only the ops of a traced function tell of cannot be taken out.
  static Status stands_in_objects(const Registration& r) {
    const bool in_functions = std::any_of(r.found_in.begin(), r.found_in.end(), [](const Place& p) {
      return p.path.starts_with(kInFunction);
    });
    if (r.outer >= 0 || !in_functions) return {};
    return Error(ErrorCode::kUnsupported,
                 "a traced function uses an optimizer that the policy removes; traced functions "
                 "are not edited")
        .at(r.found_in.front().path)
        .found(r.class_name)
        .hint(
            "Choose a policy that keeps it (namespace keeps all), or save the model without that "
            "function");
  }

  void find_edges() {
    std::unordered_set<int64_t> optimizers;
    for (const Registration& r : findings_.registrations)
      if (r.outer >= 0) optimizers.insert(r.outer);
    for (size_t i = 0; i < objects_.size(); ++i)
      for (const auto& [name, target] : objects_[i].children)
        if (optimizers.count(target))
          edges_[target].push_back({static_cast<int64_t>(i), name, target});
    for (const auto& document : facts_.documents)
      if (const size_t at = document.file.find(".pb#"); at != std::string::npos)
        documents_[std::atoll(document.file.c_str() + at + 4)] = &document.json;
  }

  std::string action_of(const Registration& r) const {
    for (const Action& action : findings_.resolution.actions)
      if (action.registration == r.id) return action.action;
    return "keep";
  }

  bool has_config(int64_t object) const {
    const auto document = documents_.find(object);
    return document != documents_.end() && optimizer_config_text(*document->second).has_value();
  }

  Status merge(const Registration& kept, const std::vector<const Registration*>& merged) {
    if (kept.object < 0) return {};
    PUMICE_TRY(const SlotTable table, read_slot_table(objects_, kept));
    std::vector<SlotTable> others;
    std::vector<int64_t> order = table.variables;
    std::unordered_set<int64_t> covered(order.begin(), order.end());
    for (const Registration* r : merged) {
      if (r->object < 0) continue;
      PUMICE_TRY(SlotTable other, read_slot_table(objects_, *r));
      size_t taken = 0;
      for (const int64_t v : other.variables)
        if (covered.insert(v).second) {
          order.push_back(v);
          ++taken;
        }
      if (taken > 0)
        note(kept, label(kept) + " takes the slots of " + std::to_string(taken) +
                       " variables over from " + label(*r));
      others.push_back(std::move(other));
    }
    if (order.size() == table.variables.size()) return {};
    if (table.lists.empty() && table.all >= 0) {
      note(kept, label(kept) + " keeps no slots yet: those of the others go");
      return {};
    }
    return relist_slots(table, others, order, objects_, &plan_.edits);
  }

  bool contains(int64_t model, int64_t part) const {
    std::vector<bool> seen(objects_.size(), false);
    std::vector<int64_t> work{model};
    seen[model] = true;
    while (!work.empty() && !seen[part]) {
      const int64_t at = work.back();
      work.pop_back();
      for (const auto& [name, id] : objects_[at].children)
        if (!seen[id]) {
          seen[id] = true;
          work.push_back(id);
        }
    }
    return seen[part];
  }

  /// The last optimizer, one of a part of the model that the first one trained, becomes that
  /// model's. An optimizer that is no model's, or whose settings the file does not tell, stays
  /// where it is.
  Status move(const Registration& kept, const Registration& first) {
    if (kept.outer < 0 || first.outer < 0) return {};
    const auto compiled = [&](const Registration& r) {
      const auto& edges = edges_[r.outer];
      return !edges.empty() && std::all_of(edges.begin(), edges.end(), [&](const Edge& e) {
        return e.name == "optimizer" && is_model(objects_[e.object]);
      });
    };
    if (!compiled(kept) || !compiled(first)) return {};
    const int64_t from = edges_[kept.outer][0].object, to = edges_[first.outer][0].object;
    if ((has_config(to) && !has_config(from)) || !contains(to, from)) return {};
    PUMICE_TRY(const SlotTable table, read_slot_table(objects_, kept));
    PUMICE_TRY(const SlotTable there, read_slot_table(objects_, first));
    std::vector<int64_t> order = there.variables.empty() ? table.variables : there.variables;
    const std::unordered_set<int64_t> listed(order.begin(), order.end());
    for (const int64_t v : table.variables)
      if (!listed.count(v)) order.push_back(v);
    if (order != table.variables && !table.lists.empty())
      PUMICE_CHECK(relist_slots(table, {}, order, objects_, &plan_.edits));
    for (const Edge& e : edges_[kept.outer]) {
      plan_.edits.cut.push_back(e);
      plan_.configs.push_back({e.object, -1});
    }
    plan_.edits.added.push_back({to, "optimizer", kept.outer});
    plan_.configs.push_back({to, from});
    taken_ = to;
    note(kept, label(kept) + " becomes the optimizer of the model that " + label(first) +
                   " trained" +
                   (order.size() > table.variables.size()
                        ? "; slots of variables that it did not train begin anew"
                        : ""));
    return {};
  }

  void remove(const Registration& r) {
    if (r.outer >= 0) {
      plan_.optimizers.push_back(r.outer);
      for (const Edge& e : edges_[r.outer]) {
        plan_.edits.cut.push_back(e);
        if (e.name == "optimizer" && e.object != taken_) plan_.configs.push_back({e.object, -1});
      }
      return;
    }
    // Known by a model's training configuration only.
    for (const Place& place : r.found_in)
      if (const size_t at = place.file.find(".pb#"); at != std::string::npos)
        plan_.configs.push_back({std::atoll(place.file.c_str() + at + 4), -1});
  }

  void note(const Registration& r, std::string what) {
    plan_.notes.push_back({"note", r.id, std::move(what)});
  }

  const SourceFacts& facts_;
  const OptimizerFindings& findings_;
  const Objects& objects_;
  std::unordered_map<int64_t, std::vector<Edge>> edges_;
  std::unordered_map<int64_t, const std::string*> documents_;
  int64_t taken_ = -1;
  ObjectPlan plan_;
};

bool in_range(const Objects& objects, int64_t id) {
  return id >= 0 && id < static_cast<int64_t>(objects.size());
}

/// Calls each(id) for what an object needs: children, slots, other references; not what functions
/// bind.
template <typename F>
void for_each_reference(const ObjectNode& object, F each) {
  for (const auto& [name, id] : object.children) each(id);
  for (const auto& slot : object.slots) {
    each(slot.original_variable);
    each(slot.slot_variable);
  }
  for (const int64_t id : object.references) each(id);
}

/// Breadth first; `before` gets the object through which each was reached.
std::vector<bool> reach(const Objects& objects, std::vector<int64_t> queue,
                        std::vector<int64_t>* before = nullptr) {
  std::vector<bool> seen(objects.size(), false);
  if (before) before->assign(objects.size(), -1);
  for (const int64_t id : queue) seen[id] = true;
  for (size_t head = 0; head < queue.size(); ++head) {
    const int64_t at = queue[head];
    for_each_reference(objects[at], [&](int64_t id) {
      if (seen[id]) return;
      seen[id] = true;
      if (before) (*before)[id] = at;
      queue.push_back(id);
    });
  }
  return seen;
}

std::string path_to(const Objects& objects, const std::vector<int64_t>& before, int64_t at) {
  std::string path;
  for (; before[at] >= 0; at = before[at]) {
    std::string name = "?";
    for (const auto& [local, id] : objects[before[at]].children)
      if (id == at) name = local;
    path = path.empty() ? name : name + "." + path;
  }
  return path;
}

}  // namespace

Result<ObjectPlan> plan_objects(const SourceFacts& facts, const OptimizerFindings& findings) {
  return Planner(facts, findings).run();
}

void apply_edits(const EdgeEdits& edits, Objects* objects) {
  for (const Edge& e : edits.cut)
    std::erase_if((*objects)[e.object].children,
                  [&](const auto& c) { return c.first == e.name && c.second == e.target; });
  for (const Edge& e : edits.added) (*objects)[e.object].children.emplace_back(e.name, e.target);
  for (const auto& [id, children] : edits.children) (*objects)[id].children = children;
  for (const auto& [id, slots] : edits.slots) (*objects)[id].slots = slots;
}

Result<ObjectRemoval> remove_objects(const ObjectPlan& plan, const SourceFacts& facts,
                                     Objects* objects, EdgeEdits* edits) {
  ObjectRemoval removal;
  std::vector<int64_t> before;
  std::vector<bool> stays = reach(*objects, {0}, &before);
  const std::vector<bool> brought = brought_by(*objects, plan.optimizers, false);
  const std::vector<bool> own = brought_by(*objects, plan.optimizers, true);

  // Which functions stay: those that an object which stays is of, and those that no object is of.
  std::unordered_set<std::string_view> going, staying;
  std::vector<std::pair<std::string_view, int64_t>> held;  // function, object
  for (size_t i = 0; i < objects->size(); ++i)
    for (const std::string& f : (*objects)[i].functions) {
      const bool goes = !stays[i] && brought[i];
      (goes ? going : staying).insert(f);
      if (!goes) held.emplace_back(f, static_cast<int64_t>(i));
    }
  for (const auto& [function, bound] : facts.bound_inputs)
    if (!going.count(function) && staying.insert(function).second) held.emplace_back(function, -1);
  // In the objects' order of discovery: the name nearest to the root is the one that users know.
  std::unordered_set<std::string_view> looked_at;
  const auto depth_of = [&](int64_t at) {
    int64_t d = 0;
    for (; at >= 0 && before[at] >= 0; at = before[at]) ++d;
    return d;
  };
  std::stable_sort(held.begin(), held.end(), [&](const auto& a, const auto& b) {
    return depth_of(a.second) < depth_of(b.second);
  });
  std::vector<int64_t> weights;  // that only functions and an optimizer hold
  for (const auto& [function, holder] : held) {
    const auto bound = facts.bound_inputs.find(std::string(function));
    if (bound == facts.bound_inputs.end() || !looked_at.insert(function).second) continue;
    for (const int64_t id : bound->second) {
      if (!in_range(*objects, id) || stays[id]) continue;
      if (own[id]) {
        std::string name = holder >= 0 ? path_to(*objects, before, holder) : std::string(function);
        if (name.starts_with("signatures.")) name = "signature " + name.substr(11);
        return Error(ErrorCode::kUnsupported,
                     "a traced function uses an optimizer that the policy removes; traced "
                     "functions are not edited")
            .at(name)
            .found("variable '" + (*objects)[id].name + "' of the optimizer")
            .hint(
                "Choose a policy that keeps it (namespace keeps all), or save the model without "
                "that function");
      }
      if (brought[id]) weights.push_back(id);
    }
  }
  for (const int64_t id : weights) {
    if (stays[id]) continue;
    const Edge edge{0, "variable_" + std::to_string(id), id};
    (*objects)[0].children.emplace_back(edge.name, id);
    edits->added.push_back(edge);
    stays[id] = true;
  }

  removal.numbers.assign(objects->size(), -1);
  int64_t next = 0;
  for (size_t i = 0; i < objects->size(); ++i)
    if (stays[i] || !brought[i]) removal.numbers[i] = next++;
  for (const std::string_view f : going)
    if (!staying.count(f)) removal.functions.emplace(f);
  return removal;
}

std::vector<int64_t> remove_matched(const ObjectPlan& plan, const ObjectRemoval& removal,
                                    const std::vector<int64_t>& match, const Objects& checkpoint) {
  std::vector<int64_t> numbers(checkpoint.size(), -1), optimizers;
  if (checkpoint.empty()) return numbers;
  for (const int64_t id : plan.optimizers)
    if (match[id] >= 0) optimizers.push_back(match[id]);
  std::vector<bool> stays = reach(checkpoint, {0});
  const std::vector<bool> brought = brought_by(checkpoint, optimizers, false);
  for (size_t i = 0; i < match.size(); ++i)
    if (match[i] >= 0 && removal.numbers[i] >= 0) stays[match[i]] = true;
  int64_t next = 0;
  for (size_t i = 0; i < checkpoint.size(); ++i)
    if (stays[i] || !brought[i]) numbers[i] = next++;
  return numbers;
}

EdgeEdits matched_edits(const EdgeEdits& edits, const std::vector<int64_t>& match) {
  EdgeEdits out;
  const auto both = [&](const Edge& e) { return match[e.object] >= 0 && match[e.target] >= 0; };
  for (const auto* list : {&edits.cut, &edits.added})
    for (const Edge& e : *list)
      if (both(e))
        (list == &edits.cut ? out.cut : out.added)
            .push_back({match[e.object], e.name, match[e.target]});
  for (const auto& [id, children] : edits.children) {
    if (match[id] < 0) continue;
    auto& list = out.children[match[id]];
    for (const auto& [name, target] : children)
      if (match[target] >= 0) list.emplace_back(name, match[target]);
  }
  for (const auto& [id, slots] : edits.slots) {
    if (match[id] < 0) continue;
    auto& list = out.slots[match[id]];
    for (const auto& slot : slots)
      if (match[slot.original_variable] >= 0 && match[slot.slot_variable] >= 0)
        list.push_back({match[slot.original_variable], match[slot.slot_variable], slot.slot_name});
  }
  return out;
}

}  // namespace pumice
