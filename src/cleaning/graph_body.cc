#include "cleaning/graph_body.h"

#include <charconv>

#include "cleaning/attr_edit.h"
#include "formats/protobuf/edit.h"

namespace pumice {
namespace {

bool one_of(std::string_view op, std::initializer_list<std::string_view> list) {
  for (const std::string_view each : list)
    if (op == each) return true;
  return false;
}

/// What may go with a value that it reads.
bool serves_its_input(std::string_view op) {
  return one_of(op, {"ReadVariableOp", "DisableCopyOnRead", "VarIsInitializedOp",
                     "AssignVariableOp", "Identity", "Reshape", "Cast"});
}

/// What may go when nothing reads it any more.
bool serves_its_readers(std::string_view op) {
  return one_of(op, {"ReadVariableOp", "Identity", "Reshape", "Cast", "Const", "VarHandleOp"});
}

bool only_looks(std::string_view op) {
  return op == "ReadVariableOp" || op == "VarIsInitializedOp";
}

constexpr size_t kSaveTensors = 3;  // SaveV2: prefix, names, slices, tensors…

}  // namespace

Status GraphBody::add(std::string_view node_def) {
  BodyNode node;
  node.bytes = node_def;
  std::string_view rest = node_def;
  ProtoField field;
  while (next_field(&rest, &field)) {
    if (field.number == 1) node.name = field.bytes;
    if (field.number == 2) node.op = field.bytes;
    if (field.number == 3) node.inputs.push_back(field.bytes);
    if (field.number == 5)
      node.called = node.called.empty() ? function_of_attr(field.bytes) : node.called;
  }
  PUMICE_CHECK(message_fault(rest));
  nodes_.push_back(std::move(node));
  return {};
}

void GraphBody::index() {
  for (size_t n = 0; n < nodes_.size(); ++n) {
    by_name_.emplace(nodes_[n].name, n);
    for (size_t i = 0; i < nodes_[n].inputs.size(); ++i) {
      const Reference r = parse(nodes_[n].inputs[i]);
      (r.control ? control_uses_ : uses_)[r.name].push_back({n, i});
    }
  }
}

GraphBody::Reference GraphBody::parse(std::string_view input) const {
  Reference r;
  if (input.starts_with("^")) return {input.substr(1), 0, true};
  const size_t colon = input.find(':');
  r.name = input.substr(0, colon);
  if (colon == std::string_view::npos) return r;
  const std::string_view number = input.substr(input.rfind(':') + 1);
  std::from_chars(number.data(), number.data() + number.size(), r.output);
  return r;
}

bool GraphBody::live(const Use& use) const {
  const BodyNode& node = nodes_[use.node];
  return !node.removed && !node.dropped_inputs.count(use.input);
}

bool GraphBody::is_removed(std::string_view name) const {
  const auto it = by_name_.find(name);
  return it != by_name_.end() && nodes_[it->second].removed;
}

void GraphBody::lose(const BodyNode& node, size_t input) {
  const Reference r = parse(node.inputs[input]);
  if (by_name_.count(r.name)) losers_.push_back(r.name);
}

Status GraphBody::remove(std::string_view name) {
  if (const auto it = by_name_.find(name); it != by_name_.end()) {
    if (nodes_[it->second].removed) return {};
    nodes_[it->second].removed = true;
  }
  going_.push_back(name);
  return forward();
}

Status GraphBody::forward() {
  while (!going_.empty()) {
    const std::string_view name = going_.front();
    going_.pop_front();
    const auto uses = uses_.find(name);
    if (uses == uses_.end()) continue;
    for (const Use& use : uses->second) {
      BodyNode& node = nodes_[use.node];
      if (!live(use)) continue;
      if (saver_calls_.count(node.name) || (node.op == "SaveV2" && use.input >= kSaveTensors)) {
        node.dropped_inputs.insert(use.input);
      } else if (serves_its_input(node.op) && !roots_.count(node.name)) {
        node.removed = true;
        going_.push_back(node.name);
        for (size_t i = 0; i < node.inputs.size(); ++i)
          if (i != use.input) lose(node, i);
      } else {
        return Error(ErrorCode::kUnsupported,
                     "an optimizer's variable is used where only the model's saver was expected")
            .at(std::string(node.name), std::string(node.op))
            .found("'" + std::string(name) + "'");
      }
    }
  }
  return {};
}

/// Something still needs the node.
bool GraphBody::lives_on(std::string_view name) const {
  if (roots_.count(name)) return true;
  if (const auto it = uses_.find(name); it != uses_.end())
    for (const Use& use : it->second)
      if (live(use)) return true;
  if (const auto it = control_uses_.find(name); it != control_uses_.end())
    for (const Use& use : it->second)
      if (live(use)) return true;
  return false;
}

/// Takes out what only served what went, from its readers back.
void GraphBody::prune() {
  while (!losers_.empty()) {
    const std::string_view name = losers_.back();
    losers_.pop_back();
    BodyNode& node = nodes_[by_name_.at(name)];
    if (node.removed || !serves_its_readers(node.op)) continue;
    if (node.op == "VarHandleOp") {
      // A second handle that only passed its first value on. Nodes that look at it and that nothing
      // reads do not keep it.
      if (roots_.count(name) || control_uses_.count(name)) continue;
      bool needed = false;
      for (const Use& use : uses_[name]) {
        const BodyNode& reader = nodes_[use.node];
        if (live(use) && (!only_looks(reader.op) || lives_on(reader.name))) needed = true;
      }
      if (needed) continue;
      for (const Use& use : uses_[name]) nodes_[use.node].removed = true;
    } else if (lives_on(name)) {
      continue;
    }
    node.removed = true;
    for (size_t i = 0; i < node.inputs.size(); ++i) lose(node, i);
  }
}

Status GraphBody::drop_strings(const BodyNode& node, size_t input,
                               const std::set<size_t>& elements) {
  const auto it =
      input < node.inputs.size() ? by_name_.find(parse(node.inputs[input]).name) : by_name_.end();
  if (it == by_name_.end() || nodes_[it->second].op != "Const" ||
      uses_[nodes_[it->second].name].size() != 1)
    return Error(ErrorCode::kUnsupported, "the names of saved tensors are no constant of their own")
        .at(std::string(node.name), std::string(node.op));
  nodes_[it->second].dropped_strings = elements;
  return {};
}

Status GraphBody::shrink_restore(BodyNode* node) {
  std::unordered_set<size_t> read, lost;
  for (const Use& use : uses_[node->name])
    (live(use) ? read : lost).insert(parse(nodes_[use.node].inputs[use.input]).output);
  for (const size_t output : lost)
    if (!read.count(output)) node->dropped_outputs.insert(output);
  if (node->dropped_outputs.empty()) return {};
  PUMICE_CHECK(drop_strings(*node, 1, node->dropped_outputs));
  return drop_strings(*node, 2, node->dropped_outputs);
}

Status GraphBody::shrink_save(BodyNode* node) {
  std::set<size_t> tensors;
  for (const size_t input : node->dropped_inputs) tensors.insert(input - kSaveTensors);
  if (tensors.empty()) return {};
  PUMICE_CHECK(drop_strings(*node, 1, tensors));
  return drop_strings(*node, 2, tensors);
}

Status GraphBody::finish() {
  prune();
  for (BodyNode& node : nodes_) {
    if (node.removed) continue;
    if (node.op == "RestoreV2") PUMICE_CHECK(shrink_restore(&node));
    if (node.op == "SaveV2") PUMICE_CHECK(shrink_save(&node));
  }
  return {};
}

std::string GraphBody::reference(std::string_view input) const {
  const Reference r = parse(input);
  const auto it = r.control ? by_name_.end() : by_name_.find(r.name);
  if (it == by_name_.end() || nodes_[it->second].dropped_outputs.empty()) return std::string(input);
  const auto& dropped = nodes_[it->second].dropped_outputs;
  const auto before =
      static_cast<size_t>(std::distance(dropped.begin(), dropped.lower_bound(r.output)));
  const std::string number = std::to_string(r.output - before);
  if (function_) return std::string(input.substr(0, input.rfind(':') + 1)) + number;
  return std::string(r.name) + (number == "0" ? "" : ":" + number);
}

Result<std::string> GraphBody::rewritten(const BodyNode& node) const {
  size_t input = 0;
  std::set<size_t> lost = node.dropped_inputs;  // among the lists of the node's attributes
  if (node.op == "SaveV2") {
    lost.clear();
    for (const size_t i : node.dropped_inputs) lost.insert(i - kSaveTensors);
  }
  if (node.op == "RestoreV2") lost = node.dropped_outputs;
  const auto edit = [&](const ProtoField& field, std::string* to) -> Result<bool> {
    if (field.number == 3) {
      const size_t index = input++;
      if (node.dropped_inputs.count(index)) return true;
      const Reference r = parse(field.bytes);
      if (r.control && is_removed(r.name)) return true;
      put_bytes(to, 3, reference(field.bytes));
      return true;
    }
    if (field.number != 5 || (lost.empty() && node.dropped_strings.empty())) return false;
    return edit_node_attr(field.bytes, lost, node.dropped_strings, to);
  };
  return pumice::rewritten(node.bytes, edit);
}

}  // namespace pumice
