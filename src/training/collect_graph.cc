// Optimizers of TensorFlow 1 graphs. One minimize() leaves one Apply node a variable, all under one
// name scope ("Adam/update_w/ApplyAdam"), that share their hyperparameters' nodes.
#include <algorithm>
#include <unordered_map>

#include "formats/file.h"
#include "training/apply_ops.h"
#include "training/collect.h"
#include "training/kinds.h"

namespace pumice {
namespace {

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    out.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

uint64_t variable_bytes(const Node& node) {
  const Shape* shape = node.attributes.find<Shape>("shape");
  if (!shape || !shape->fully_known()) return 0;
  const auto count = element_count(shape->sizes());
  return count ? byte_size(node.attributes.dtype("dtype"), *count) : 0;
}

/// The scope of the minimize() call: what stands before "/update_…".
std::string_view scope_of(std::string_view name) {
  const size_t update = name.find("/update_");
  if (update != std::string_view::npos) return name.substr(0, update);
  const size_t keras = name.find("/update/");
  if (keras != std::string_view::npos) return name.substr(0, keras);
  return name.substr(0, std::min(name.rfind('/'), name.size()));
}

class ApplyNodes {
 public:
  explicit ApplyNodes(Collector& collector) : c_(collector) {}

  void collect() {
    if (!c_.source.graph) return;
    for (const Node& node : *c_.source.graph) {
      bool sparse = false;
      if (const ApplyOp* op = apply_op(node.op, &sparse)) add(node, *op, sparse);
    }
    if (groups_.empty()) return;
    name_collections();
    finish();
  }

 private:
  struct Group {
    Registration r;
    std::string scope;
    std::string first;  // node
    size_t nodes = 0;
    std::unordered_map<const Node*, bool> state;  // slots and powers, counted once
  };

  size_t group_for(const Node& node, const ApplyOp& op, const std::vector<const Node*>& shared,
                   const std::vector<const Node*>& slots, const Node* rate) {
    // The same optimizer object may minimize() twice: its slots and powers are then the same.
    for (const auto* list : {&slots, &shared})
      for (const Node* s : *list)
        if (auto it = by_state_.find(s); it != by_state_.end()) return it->second;
    // A scope may repeat in a graph that was imported twice, its constants cannot; a learning rate
    // may be shared by two optimizers, their scopes cannot.
    const std::string key = std::string(op.kind) + '\n' + std::string(scope_of(node.name)) + '\n' +
                            (rate ? rate->name : "");
    const auto [it, made] = by_scope_.emplace(key, groups_.size());
    if (made) {
      Group group;
      group.r.kind = op.kind;
      group.r.class_name = op.class_name;
      group.r.generation = "tf1";
      group.scope = scope_of(node.name);
      // "A/Adam": a model that was imported or built under A.
      if (const size_t slash = group.scope.rfind('/'); slash != std::string::npos)
        group.r.owner = group.scope.substr(0, slash);
      groups_.push_back(std::move(group));
    }
    return it->second;
  }

  void add(const Node& node, const ApplyOp& op, bool sparse) {
    auto names = words(op.operands);
    if (sparse) names.insert(std::find(names.begin(), names.end(), "grad") + 1, ".indices");
    if (node.operand_count() < names.size()) return;
    std::vector<const Node*> shared, slots, origins;
    const Node* rate = nullptr;
    for (size_t i = 0; i < names.size(); ++i) {
      if (!node.operand(i)) return;
      const Node* from = origin(node.operand(i));
      origins.push_back(from);
      if (names[i][0] == '*') slots.push_back(from);
      if (names[i] == ".power") shared.push_back(from);
      if (names[i] == "learning_rate") rate = from;
    }
    const size_t number = group_for(node, op, shared, slots, rate);
    Group& g = groups_[number];
    if (g.nodes++ == 0) g.first = node.name;
    for (size_t i = 0; i < names.size(); ++i) {
      const Node* from = origins[i];
      if (i == 0) {
        g.r.variables.insert(from->name);
      } else if (names[i][0] == '*' || names[i] == ".power") {
        if (!g.state.emplace(from, true).second) continue;
        by_state_.emplace(from, number);
        g.r.bytes += variable_bytes(*from);
        if (names[i][0] != '*') continue;
        g.r.slot_variables.push_back(from->name);
        const std::string slot(names[i].substr(1));
        if (std::find(g.r.slots.begin(), g.r.slots.end(), slot) == g.r.slots.end())
          g.r.slots.push_back(slot);
      } else if (names[i][0] != '.' && names[i] != "grad" && g.nodes == 1) {
        hyperparameter(g.r, std::string(names[i]), *from);
      }
    }
  }

  void hyperparameter(Registration& r, std::string name, const Node& from) {
    const Constant* constant = from.is("Const") ? constant_of(from.result()) : nullptr;
    if (!constant) {
      const auto variable = c_.source.variables.find(from.name);
      if (variable != c_.source.variables.end() &&
          variable->second.initial.dtype() != DType::kInvalid)
        constant = &variable->second.initial;
    }
    if (!constant || constant->elements() != 1 || constant->dtype() == DType::kString) return;
    add_hyperparameter(r, std::move(name), number_text(constant->materialize().number_at(0)));
  }

  /// The ops that train, as the collection `train_op` lists them.
  void name_collections() {
    const auto found = c_.source.facts.collections.find("train_op");
    if (found == c_.source.facts.collections.end()) return;
    std::unordered_map<std::string_view, size_t> by_scope;
    for (size_t i = 0; i < groups_.size(); ++i) by_scope.emplace(groups_[i].scope, i);
    for (const std::string& name : found->second) {
      const std::string_view node = std::string_view(name).substr(0, name.find(':'));
      const auto it = by_scope.find(node);
      if (it != by_scope.end())
        groups_[it->second].r.found_in.push_back(
            {file(), "collection train_op: " + std::string(node)});
    }
  }

  std::string file() const {
    return c_.source.files.empty() ? "graph" : name_of(c_.source.files[0]);
  }

  void finish() {
    for (Group& g : groups_) {
      std::string nodes = g.first;
      if (g.nodes > 1) nodes += " (and " + std::to_string(g.nodes - 1) + " more)";
      g.r.found_in.insert(g.r.found_in.begin(), {file(), nodes});
      for (const std::string& slot : g.r.slot_variables) {
        if (!c_.entries.count(slot)) continue;
        g.r.found_in.push_back({c_.file_of(slot), slot});
        break;
      }
      c_.registrations.push_back(std::move(g.r));
    }
  }

  Collector& c_;
  std::vector<Group> groups_;
  std::unordered_map<std::string, size_t> by_scope_;
  std::unordered_map<const Node*, size_t> by_state_;
};

}  // namespace

void collect_graph(Collector& collector) { ApplyNodes(collector).collect(); }

}  // namespace pumice
