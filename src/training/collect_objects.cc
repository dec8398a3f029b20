// Optimizers in object graphs. tf_keras writes its objects' kind ("experimentalOptimizer"; its
// older ones "optimizer"); Keras 3 and checkpoints alone do not: there the children tell.
#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "formats/meta_graph/object_graph.h"
#include "training/collect.h"
#include "training/kinds.h"

namespace pumice {
namespace {

/// What the children of one object say.
struct Traits {
  bool iterations = false;  // _iterations: Keras optimizers since 2.11
  bool iter = false;        // iter: the older ones
  bool rate = false;        // learning rate, decay
  bool state = false;       // _variables
  bool trained = false;     // _trainable_variables: Keras 3
};

Traits traits_of(const ObjectNode& object) {
  Traits t;
  for (const auto& [name, id] : object.children) {
    if (name == "_iterations" || name == "iterations") t.iterations = true;
    if (name == "iter") t.iter = true;
    if (name == "_learning_rate" || name == "learning_rate" || name == "decay") t.rate = true;
    if (name == "_variables") t.state = true;
    if (name == "_trainable_variables") t.trained = true;
  }
  return t;
}

/// The generation of the optimizer that an object is; empty when it is none.
const char* generation_of(const ObjectNode& object) {
  if (object.identifier == "experimentalOptimizer") return "tf_keras";
  if (object.identifier == "optimizer") return "tf_keras_legacy";
  // Layers, lists and metrics name themselves where a SavedModel is.
  if (!object.identifier.empty() && object.identifier != "_generic_user_object") return nullptr;
  const Traits t = traits_of(object);
  if (t.iterations && t.state && (t.rate || t.trained)) return t.trained ? "keras3" : "tf_keras";
  if (t.iter && (t.rate || !object.slots.empty())) return "tf_keras_legacy";
  if (!object.slots.empty()) return "tf1";
  return nullptr;
}

/// "_velocities" → "velocity".
std::string singular(std::string_view list) {
  if (list.starts_with("_")) list.remove_prefix(1);
  if (list.ends_with("ies")) return std::string(list.substr(0, list.size() - 3)) + "y";
  if (list.size() > 1 && list.ends_with("s")) list.remove_suffix(1);
  return std::string(list);
}

void add_slot(Registration& r, std::string slot) {
  if (std::find(r.slots.begin(), r.slots.end(), slot) == r.slots.end())
    r.slots.push_back(std::move(slot));
}

class Objects {
 public:
  explicit Objects(Collector& collector)
      : c_(collector),
        saved_(!collector.source.facts.objects.empty()),
        objects_(saved_ ? collector.source.facts.objects
                        : collector.source.facts.checkpoint_objects) {}

  void collect() {
    if (objects_.empty()) return;
    walk();
    if (optimizers_.empty()) return;
    if (saved_) match_with_checkpoint();
    name_model_variables();
    // The model's own optimizer first: the outermost, and there the one that compile() sets.
    std::vector<size_t> depth(optimizers_.size());
    std::vector<size_t> order(optimizers_.size());
    for (size_t i = 0; i < order.size(); ++i) {
      order[i] = i;
      for (int64_t at = optimizers_[i]; parent_[at] >= 0; at = parent_[at]) ++depth[i];
    }
    const auto rank = [&](size_t i) {
      return std::pair(depth[i], *local_[optimizers_[i]] != "optimizer");
    };
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return rank(a) < rank(b); });
    for (const size_t i : order) add(optimizers_[i]);
    find_holders();
  }

 private:
  /// Breadth first from the root: the shortest path to each object.
  void walk() {
    parent_.assign(objects_.size(), -1);
    local_.assign(objects_.size(), nullptr);
    std::vector<bool> seen(objects_.size(), false);
    std::vector<int64_t> queue{0};
    seen[0] = true;
    for (size_t head = 0; head < queue.size(); ++head) {
      const int64_t at = queue[head];
      if (at != 0 && generation_of(objects_[at]) && !wraps_another(objects_[at]))
        optimizers_.push_back(at);
      for (const auto& [name, child] : objects_[at].children) {
        if (child < 0 || static_cast<size_t>(child) >= objects_.size() || seen[child]) continue;
        seen[child] = true;
        parent_[child] = at;
        local_[child] = &name;
        queue.push_back(child);
      }
    }
  }

  void match_with_checkpoint() {
    match_ = match_objects(objects_, c_.source.facts.checkpoint_objects);
    match_slots(objects_, c_.source.facts.checkpoint_objects, &match_);
  }

  /// A loss scaler is an optimizer around an optimizer: the inner one is the registration.
  bool wraps_another(const ObjectNode& object) const {
    for (const auto& [name, child] : object.children) {
      if ((name == "inner_optimizer" || name == "base_optimizer" || name == "_optimizer") &&
          generation_of(objects_[child]))
        return true;
    }
    return false;
  }

  std::string path(int64_t at) const {
    std::vector<const std::string*> parts;
    for (; parent_[at] >= 0; at = parent_[at]) parts.push_back(local_[at]);
    std::string text = "root";
    for (size_t i = parts.size(); i-- > 0;) text += "." + *parts[i];
    return text;
  }

  bool is_variable(const ObjectNode& o) const {
    return saved_ ? o.kind == "variable" : !o.attributes.empty();
  }

  enum class Role {
    kDirect,
    kListed,
    kSlot
  };  // a child, in a list of one, a slot by the object graph

  /// Calls each(name, variable's number, role) for every variable that is an optimizer's own state.
  template <typename F>
  void for_each_state(const ObjectNode& optimizer, F each) const {
    for (const auto& [name, child] : optimizer.children) {
      // The network's own weights: Keras 3's checkpoint even keys them under the optimizer.
      if (name == "_trainable_variables") continue;
      if (is_variable(objects_[child])) {
        each(name, child, Role::kDirect);
      } else {
        for (const auto& [index, element] : objects_[child].children)
          if (is_variable(objects_[element])) {
            const bool listed = !index.empty() && index[0] >= '0' && index[0] <= '9';
            each(name, element, listed ? Role::kListed : Role::kDirect);
          }
      }
    }
    for (const auto& slot : optimizer.slots) each(slot.slot_name, slot.slot_variable, Role::kSlot);
  }

  void name_model_variables() {
    std::vector<bool> state(objects_.size(), false);
    for (const int64_t optimizer : optimizers_)
      for_each_state(objects_[optimizer],
                     [&](const std::string&, int64_t variable, Role) { state[variable] = true; });
    for (size_t i = 0; i < objects_.size(); ++i)
      if (is_variable(objects_[i]) && !state[i]) model_variables_.insert(objects_[i].name);
  }

  std::string key_of(int64_t object) const {
    if (!saved_) return value_key(objects_[object]);
    const int64_t other = match_[object];
    return other < 0 ? std::string() : value_key(c_.source.facts.checkpoint_objects[other]);
  }

  uint64_t bytes_of(const std::string& key) const {
    if (auto it = c_.entries.find(key); it != c_.entries.end()) return it->second->bytes;
    return 0;
  }

  /// tf_keras names a slot variable "Adam/m/conv/kernel" or "m/conv/kernel".
  bool split_slot_name(std::string_view name, std::string* optimizer, std::string* slot,
                       std::string* variable) const {
    size_t begin = 0, before = 0;
    for (int i = 0; i < 3; ++i) {
      const size_t slash = name.find('/', begin);
      if (slash == std::string_view::npos) return false;
      const std::string rest(name.substr(slash + 1));
      if (model_variables_.count(rest)) {
        *slot = name.substr(begin, slash - begin);
        if (begin > 0) *optimizer = name.substr(0, before);
        *variable = rest;
        return true;
      }
      before = slash;
      begin = slash + 1;
    }
    return false;
  }

  void add(int64_t number) {
    const ObjectNode& object = objects_[number];
    Registration r;
    r.kind.clear();
    r.generation = generation_of(object);
    const std::string place = path(number);
    int64_t outer = number;  // with the loss scaler around it
    while (parent_[outer] > 0 && generation_of(objects_[parent_[outer]]) &&
           wraps_another(objects_[parent_[outer]]))
      outer = parent_[outer];
    const int64_t holder = parent_[outer];
    r.owner = holder > 0 ? path(holder).substr(5) : "";
    if (saved_) {
      r.found_in.push_back({"saved_model.pb", place});
      r.object = number;
      r.outer = outer;
    }

    std::string name, key_prefix, key_file;
    std::vector<std::string> lists;
    std::unordered_set<int64_t> counted;
    for (const auto& slot : object.slots) r.variables.insert(objects_[slot.original_variable].name);
    for (const auto& [child_name, child] : object.children) {
      if (child_name == "_trainable_variables")
        for (const auto& [index, v] : objects_[child].children)
          if (is_variable(objects_[v])) r.variables.insert(objects_[v].name);
    }
    for_each_state(object, [&](const std::string& list, int64_t variable, Role role) {
      const std::string key = key_of(variable);
      const ObjectNode& v = objects_[variable];
      if (counted.insert(variable).second) r.bytes += bytes_of(key);
      const bool direct = list == "_iterations" || list == "iter" || list == "iterations";
      if (direct) {
        if (auto value = c_.scalar(key)) r.iterations = static_cast<int64_t>(*value);
        const size_t end = key.rfind("/.ATTRIBUTES/");
        const size_t slash = end == std::string::npos ? end : key.rfind('/', end - 1);
        if (slash != std::string::npos) {
          key_prefix = key.substr(0, slash);
          key_file = c_.file_of(key);
        }
        // "adam_6/iteration", "SGD/iter".
        if (const size_t s = v.name.find('/'); s != std::string::npos) name = v.name.substr(0, s);
        return;
      }
      for (const char* known :
           {"learning_rate", "beta_1", "beta_2", "decay", "momentum", "rho", "epsilon"}) {
        // A scalar "momentum" is a hyperparameter, the slot of that name belongs to a variable.
        if (role == Role::kSlot || (list != known && list != std::string("_") + known)) continue;
        if (auto value = c_.scalar(key)) add_hyperparameter(r, known, number_text(*value));
        return;
      }
      if (list == "_variables") return;  // all of them once more
      if (std::find(lists.begin(), lists.end(), list) == lists.end()) lists.push_back(list);
      if (role == Role::kDirect) return;
      std::string slot = singular(list), trained, prefix;
      if (r.generation == "tf_keras" && split_slot_name(v.name, &prefix, &slot, &trained)) {
        r.variables.insert(trained);
        if (name.empty()) name = prefix;
      }
      if (r.generation == "tf_keras_legacy" || r.generation == "tf1") slot = list;
      add_slot(r, std::move(slot));
      r.slot_variables.push_back(v.name);
    });
    r.kind = kind_of_name(name);
    // A class's default name. Where there is none, children tell the algorithm, but not the class.
    r.class_name = class_of_kind(r.kind);
    if (r.kind.empty()) r.kind = kind_of_slot_lists(lists);
    if (r.kind.empty()) r.kind = kind_of_hyperparameters(r.hyperparameters);
    if (!key_prefix.empty()) {
      r.found_in.push_back({key_file, key_prefix});
      c_.by_key[key_prefix] = c_.registrations.size();
    }
    registered_.emplace(outer, std::pair(holder, c_.registrations.size()));
    c_.registrations.push_back(std::move(r));
  }

  /// Several models may have been compiled with one optimizer: its object is one, its holders many.
  void find_holders() {
    for (size_t i = 0; i < objects_.size(); ++i) {
      for (const auto& [name, child] : objects_[i].children) {
        if (name != "optimizer") continue;
        const auto it = registered_.find(child);
        if (it == registered_.end()) continue;
        const auto [first, registration] = it->second;
        c_.by_holder[static_cast<int64_t>(i)] = registration;
        if (saved_ && first != static_cast<int64_t>(i) && (i == 0 || parent_[i] >= 0))
          c_.registrations[registration].found_in.push_back(
              {"saved_model.pb", path(static_cast<int64_t>(i)) + ".optimizer"});
      }
    }
  }

  Collector& c_;
  const bool saved_;
  /// Optimizer (with its loss scaler) → the object that holds it first, and its registration.
  std::unordered_map<int64_t, std::pair<int64_t, size_t>> registered_;
  const std::vector<ObjectNode>& objects_;
  std::vector<int64_t> parent_, match_;
  std::vector<const std::string*> local_;
  std::vector<int64_t> optimizers_;
  std::unordered_set<std::string> model_variables_;
};

}  // namespace

void collect_objects(Collector& collector) { Objects(collector).collect(); }

}  // namespace pumice
