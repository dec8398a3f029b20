// Optimizer state in Keras's HDF5 weights. `.keras` and `.weights.h5` number an optimizer's
// variables
// ("layers/functional/optimizer/vars/0": its step); `.h5` names them
// ("optimizer_weights/Adam/m/conv/ kernel:0") and holds the outermost model's optimizer only.
#include <algorithm>
#include <map>
#include <set>
#include <unordered_set>

#include "formats/file.h"
#include "training/collect.h"
#include "training/kinds.h"
#include "training/numbered_state.h"

namespace pumice {
namespace {

using Entry = SourceFacts::CheckpointEntry;

constexpr std::string_view kNamedState = "optimizer_weights/";

bool is_integer_scalar(const Entry& e) {
  return e.dims.empty() && (is_signed_integer(e.dtype) || is_unsigned_integer(e.dtype));
}
bool is_float_scalar(const Entry& e) { return e.dims.empty() && is_float(e.dtype); }

std::string parent_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

class Groups {
 public:
  explicit Groups(Collector& collector) : c_(collector) {}

  void collect() {
    named_state();
    find_groups();
    attach();
    join_shared();
  }

 private:
  /// The state of one optimizer by numbers: the path of its group, without "/vars".
  struct Group {
    std::string path;
    std::vector<const Entry*> variables;  // in their order; of the group itself
    uint64_t bytes = 0;                   // with those of an optimizer inside it
    const Group* inner = nullptr;         // that optimizer: this one only scales losses
    bool attached = false;
  };

  // ---- `.h5`: state by names

  void named_state() {
    std::vector<const Entry*> state;
    std::vector<std::string> weights;  // "dense/kernel"
    for (const Entry& e : c_.source.facts.checkpoint) {
      if (std::string_view(e.key).starts_with(kNamedState)) state.push_back(&e);
      if (!e.key.starts_with("model_weights/")) continue;
      const size_t layer = e.key.find('/', 14);
      if (layer != std::string::npos) weights.push_back(plain(e.key.substr(layer + 1)));
    }
    if (state.empty()) return;
    const bool fresh = c_.defined.empty();
    if (fresh) c_.registrations.emplace_back();
    Registration& r =
        fresh ? c_.registrations.back() : c_.registrations[c_.defined[0].registration];
    std::unordered_set<std::string> known(weights.begin(), weights.end());
    std::unordered_map<std::string, std::string>
        by_flat;  // Keras 3: "net_dense_kernel" → "net/dense/kernel"
    for (const std::string& w : weights) by_flat.emplace(flat(w), w);
    if (fresh) {
      r.kind.clear();
      r.generation = c_.source.producer.starts_with("keras 2.") ? "tf_keras" : "keras3";
      r.orphan = !c_.source.facts.documents.empty() && c_.documents_read;
    }
    r.state_read = true;
    r.found_in.push_back({state[0]->file, "optimizer_weights"});
    std::string name;
    for (const Entry* e : state) {
      r.bytes += e->bytes;
      const std::string key = plain(e->key.substr(kNamedState.size()));
      const std::string last = key.substr(key.rfind('/') + 1);
      if (const size_t slash = key.find('/'); slash != std::string::npos && name.empty())
        name = key.substr(0, slash);
      if (last == "iteration" || last == "iter") {
        if (last == "iter") r.generation = "tf_keras_legacy";
        // A loss scaler counts for itself, too; the optimizer inside it is meant.
        const bool scaler = key.find("loss_scale") != std::string::npos;
        if (auto value = c_.scalar(e->key); value && (!scaler || !r.iterations))
          r.iterations = static_cast<int64_t>(*value);
        continue;
      }
      if (e->dims.empty()) {
        if (last == "learning_rate")
          if (auto value = c_.scalar(e->key)) add_hyperparameter(r, last, number_text(*value));
        continue;
      }
      name_slot(key, known, by_flat, *e, r);
    }
    if (r.kind.empty()) r.kind = kind_of_name(name);
    if (fresh) r.class_name = class_of_kind(r.kind);
  }

  /// "conv/kernel:0" → "conv/kernel".
  static std::string plain(std::string key) {
    if (key.ends_with(":0")) key.resize(key.size() - 2);
    return key;
  }
  static std::string flat(std::string key) {
    std::replace(key.begin(), key.end(), '/', '_');
    return key;
  }

  static void add_slot(const std::string& slot, std::string variable, const Entry& e,
                       Registration& r) {
    if (std::find(r.slots.begin(), r.slots.end(), slot) == r.slots.end()) r.slots.push_back(slot);
    r.variables.insert(std::move(variable));
    r.slot_variables.push_back(e.key);
  }

  /// Which slot of which variable: "Adam/m/VARIABLE" and "m/VARIABLE" (tf_keras), "Adam/VARIABLE/m"
  /// (its older ones), "adam_3/VARIABLE_velocity_hat" (Keras 3, slashes as underscores).
  void name_slot(const std::string& key, const std::unordered_set<std::string>& weights,
                 const std::unordered_map<std::string, std::string>& by_flat, const Entry& e,
                 Registration& r) {
    size_t begin = 0;
    for (size_t slash = key.find('/'); slash != std::string::npos;
         slash = key.find('/', slash + 1)) {
      const std::string rest = key.substr(slash + 1);
      if (weights.count(rest)) return add_slot(key.substr(begin, slash - begin), rest, e, r);
      if (const size_t last = rest.rfind('/');
          last != std::string::npos && weights.count(rest.substr(0, last)))
        return add_slot(rest.substr(last + 1), rest.substr(0, last), e, r);
      begin = slash + 1;
    }
    const std::string last = key.substr(begin);
    for (size_t at = last.size(); (at = last.rfind('_', at - 1)) != std::string::npos && at > 0;) {
      const auto variable = by_flat.find(last.substr(0, at));
      if (variable != by_flat.end()) return add_slot(last.substr(at + 1), variable->second, e, r);
    }
    r.slot_variables.push_back(e.key);  // of a variable that the model does not have
  }

  // ---- `.keras`, `.weights.h5`: state by numbers

  void find_groups() {
    std::map<std::string, std::map<int, const Entry*>> by_group;  // of "…/vars/N"
    for (const Entry& e : c_.source.facts.checkpoint) {
      const size_t slash = e.key.rfind('/');
      if (slash == std::string::npos || e.key.size() - slash > 7) continue;
      const std::string group = e.key.substr(0, slash);
      if (!group.ends_with("/vars") ||
          e.key.find_first_not_of("0123456789", slash + 1) != std::string::npos)
        continue;
      by_group[group.substr(0, group.size() - 5)][std::atoi(e.key.c_str() + slash + 1)] = &e;
    }
    std::set<Dims> shapes;  // of the network's weights, and what else is no optimizer by its name
    for (const auto& [path, variables] : by_group)
      if (!named_optimizer(path) && !is_integer_scalar(*variables.begin()->second))
        for (const auto& [number, e] : variables) shapes.insert(e->dims);
    for (const auto& [path, variables] : by_group) {
      if (!is_optimizer(path, variables, shapes)) continue;
      Group group;
      group.path = path;
      for (const auto& [number, e] : variables) {
        group.variables.push_back(e);
        group.bytes += e->bytes;
      }
      groups_.emplace(path, std::move(group));
    }
    // An optimizer around another one: the inner one is the registration.
    for (auto& [path, group] : groups_) {
      if (name_of(path) != "inner_optimizer") continue;
      const auto outer = groups_.find(parent_of(path));
      if (outer == groups_.end()) continue;
      outer->second.inner = &group;
      outer->second.bytes += group.bytes;
      group.attached = true;
    }
  }

  std::string kind_of_group(const std::string& path) const {
    const auto name = c_.source.facts.group_names.find(path + "/vars");
    std::string kind = name == c_.source.facts.group_names.end() ? "" : kind_of_name(name->second);
    // In a list, the class is the group's name.
    return kind.empty() ? kind_of_name(name_of(path)) : kind;
  }

  bool named_optimizer(const std::string& path) const {
    return name_of(path).find("optimizer") != std::string::npos || !kind_of_group(path).empty();
  }

  /// Every optimizer counts its steps first. Layers that do have other shapes, or no second scalar.
  bool is_optimizer(const std::string& path, const std::map<int, const Entry*>& variables,
                    const std::set<Dims>& shapes) const {
    const auto first = variables.begin();
    if (first->first != 0 || !is_integer_scalar(*first->second) ||
        path.find("metrics/") != std::string::npos)
      return false;
    if (named_optimizer(path)) return true;
    const auto second = std::next(first);
    const bool rate = second != variables.end() && is_float_scalar(*second->second);
    size_t like_weights = 0;
    for (auto it = rate ? std::next(second) : second; it != variables.end(); ++it) {
      if (it->second->dims.empty()) continue;
      if (!shapes.count(it->second->dims)) return false;
      ++like_weights;
    }
    return like_weights > 0;
  }

  void read_state(Group& group, Registration& r, bool alone) {
    const Group& state = group.inner ? *group.inner : group;
    group.attached = true;
    r.state_read = true;
    r.bytes = group.bytes;
    r.found_in.push_back({group.variables[0]->file, group.path + "/vars"});
    if (auto step = c_.scalar(state.variables[0]->key)) r.iterations = static_cast<int64_t>(*step);
    size_t at = 1;
    if (r.generation == "keras3" && state.variables.size() > 1 &&
        is_float_scalar(*state.variables[1])) {
      if (auto rate = c_.scalar(state.variables[1]->key))
        add_hyperparameter(r, "learning_rate", number_text(*rate));
      at = 2;
    }
    std::vector<const Entry*> tensors;
    for (; at < state.variables.size(); ++at)
      if (!state.variables[at]->dims.empty() || r.kind != "nadam")
        tensors.push_back(state.variables[at]);
    for (const Entry* e : tensors) r.slot_variables.push_back(e->key);
    const std::vector<std::string> slots = numbered_slots(r, alone);
    // The variables have no names here: each is known by a tensor that is kept for it.
    const auto first = first_tensors(tensors, r.kind, slots);
    for (const Entry* e : first) r.variables.insert(e->key);
    if (!first.empty()) {
      r.slots = slots;
    } else if (!tensors.empty() && r.kind != "unknown") {
      c_.warnings.push_back(group.variables[0]->file + ": " + group.path +
                            "/vars: " + std::to_string(tensors.size()) +
                            " tensors of state do not tell how many variables they are for");
    }
  }

  void attach() {
    for (const DefinedOptimizer& defined : c_.defined) {
      const auto group =
          groups_.find(defined.group.empty() ? "optimizer" : defined.group + "/optimizer");
      if (group != groups_.end() && !group->second.attached)
        read_state(group->second, c_.registrations[defined.registration], false);
    }
    // The outermost first.
    std::vector<Group*> rest;
    for (auto& [path, group] : groups_)
      if (!group.attached) rest.push_back(&group);
    std::stable_sort(rest.begin(), rest.end(), [](const Group* a, const Group* b) {
      return std::count(a->path.begin(), a->path.end(), '/') <
             std::count(b->path.begin(), b->path.end(), '/');
    });
    const bool configs = !c_.source.facts.documents.empty() && c_.documents_read;
    for (Group* group : rest) {
      Registration r;
      const Group& state = group->inner ? *group->inner : *group;
      r.kind = kind_of_group(state.path);
      r.class_name = class_of_kind(r.kind);
      if (r.kind.empty()) r.kind = "unknown";
      // tf_keras keeps no learning rate among the variables, and writes no names.
      const bool keras3 = c_.source.facts.group_names.count(state.path + "/vars") > 0;
      r.generation = keras3 ? "keras3" : "tf_keras";
      r.owner = owner_of(parent_of(group->path));
      // compile() keeps its optimizer under this name, and a config tells of it.
      r.orphan = configs && name_of(group->path) == "optimizer";
      read_state(*group, r, true);
      if (r.kind == "unknown")
        c_.warnings.push_back(
            r.found_in[0].file + ": " + group->path +
            "/vars is the state of an optimizer whose class stands nowhere in the file");
      c_.registrations.push_back(std::move(r));
    }
  }

  /// A sub-model by its name, or by where it is.
  std::string owner_of(const std::string& path) const {
    if (path.empty()) return {};
    const auto name = c_.source.facts.group_names.find(path + "/vars");
    return name == c_.source.facts.group_names.end() ? path : name->second;
  }

  /// Several models compiled with one optimizer. Two things tell: Keras numbers an object that a
  /// config repeats (its first place bears no number), and it saves an object's state once, so that
  /// the others' groups have none.
  void join_shared() {
    if (c_.defined.size() < 2) return;
    std::unordered_set<std::string> holders;  // groups that are there, with all above them
    for (const auto& entry : c_.source.facts.checkpoint)
      for (std::string path = parent_of(entry.key); holders.insert(path).second && !path.empty();)
        path = parent_of(path);
    std::unordered_map<std::string, std::vector<const DefinedOptimizer*>> alike;
    for (const DefinedOptimizer& d : c_.defined) alike[d.definition].push_back(&d);
    std::vector<size_t> joined(c_.registrations.size());
    for (size_t i = 0; i < joined.size(); ++i) joined[i] = i;
    const auto join = [&](const std::vector<size_t>& same) {
      const size_t first = *std::min_element(same.begin(), same.end());
      for (const size_t i : same) joined[i] = first;
    };
    for (const auto& [definition, all] : alike) {
      std::map<std::string, std::vector<size_t>> by_number;
      std::vector<size_t> unnumbered, one_state;
      for (const DefinedOptimizer* d : all) {
        (d->shared.empty() ? unnumbered : by_number[d->shared]).push_back(d->registration);
        if (one_state.empty() && has_state(*d)) one_state.push_back(d->registration);
      }
      if (by_number.size() == 1 && unnumbered.size() == 1)
        by_number.begin()->second.push_back(unnumbered[0]);
      for (const auto& [number, same] : by_number) join(same);
      if (!by_number.empty() || one_state.empty()) continue;
      for (const DefinedOptimizer* d : all)
        if (!has_state(*d) && holders.count(d->group)) one_state.push_back(d->registration);
      join(one_state);
    }
    std::vector<Registration> kept;
    for (size_t i = 0; i < joined.size(); ++i)
      if (joined[i] != i) merge(i, joined[i]);
    for (size_t i = 0; i < joined.size(); ++i)
      if (joined[i] == i) kept.push_back(std::move(c_.registrations[i]));
    c_.registrations = std::move(kept);
    c_.defined.clear();  // its numbers are of before
  }

  bool has_state(const DefinedOptimizer& d) const {
    return c_.registrations[d.registration].state_read;
  }

  void merge(size_t from, size_t to) {
    Registration &a = c_.registrations[to], &b = c_.registrations[from];
    for (Place& place : b.found_in) a.found_in.push_back(std::move(place));
    if (!b.state_read || a.state_read) return;
    a.state_read = true;
    a.iterations = b.iterations;
    a.bytes = b.bytes;
    a.variables = std::move(b.variables);
    a.slots = std::move(b.slots);
    a.slot_variables = std::move(b.slot_variables);
  }

  Collector& c_;
  std::map<std::string, Group> groups_;
};

}  // namespace

void collect_groups(Collector& collector) {
  if (collector.source.format == "keras" || collector.source.format == "h5")
    Groups(collector).collect();
}

}  // namespace pumice
