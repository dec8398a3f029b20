#include "import/guards.h"

#include <algorithm>
#include <optional>

namespace pumice {
namespace {

// Files may be hostile: each step of a predicate may branch, and sets grow with the nesting.
constexpr int kDeepestPredicate = 8;
constexpr int kMostSteps = 10'000;
constexpr size_t kDeepestNesting = 64;

/// The value that a predicate really is: Switch and Identity hand it on unchanged.
const Value* behind_switches(const Value* value) {
  for (int step = 0;; ++step) {
    const Node& node = *value->node();
    bool passes =
        is_conditional_switch(node) || (node.op == "Identity" && node.operand_count() == 1);
    if (!passes || !node.operand(0) || step == kMostSteps) return value;
    value = node.operand(0);
  }
}

/// A predicate that is constant in the file: training flags are (a default that nobody feeds).
std::optional<bool> constant_predicate(const Value* value,
                                       const std::unordered_set<const Value*>& cut, int depth = 0) {
  value = behind_switches(value);
  const Node& node = *value->node();
  if (cut.count(value) || depth > kDeepestPredicate) return std::nullopt;
  if (node.op == "Const") {
    const auto* constant = node.attributes.find<Constant>("value");
    if (!constant || constant->dtype() != DType::kBool) return std::nullopt;
    Tensor tensor = constant->materialize();
    if (tensor.elements() != 1) return std::nullopt;
    return tensor.number_at(0) != 0;
  }
  auto operand = [&](size_t i) -> std::optional<bool> {
    if (i >= node.operand_count() || !node.operand(i)) return std::nullopt;
    return constant_predicate(node.operand(i), cut, depth + 1);
  };
  if (node.op == "PlaceholderWithDefault") return operand(0);
  if (node.op == "LogicalNot") {
    auto x = operand(0);
    return x ? std::optional<bool>(!*x) : std::nullopt;
  }
  if (node.op == "LogicalAnd" || node.op == "LogicalOr") {
    const bool decides = node.op == "LogicalOr";
    auto a = operand(0), b = operand(1);
    if ((a && *a == decides) || (b && *b == decides)) return decides;
    return a && b ? std::optional<bool>(!decides) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

bool is_conditional_switch(const Node& node) {
  return (node.op == "Switch" || node.op == "RefSwitch") && node.operand_count() == 2 &&
         node.operand(0) && node.operand(1) && node.operand(1)->node()->op != "LoopCond";
}

bool is_conditional_merge(const Node& node) {
  if (node.op != "Merge" && node.op != "RefMerge") return false;
  for (size_t i = 0; i < node.operand_count(); ++i)
    if (node.operand(i) && node.operand(i)->node()->op == "NextIteration") return false;
  return true;
}

bool Guards::needed(const Graph& graph) {
  for (const Node& node : graph)
    if (is_conditional_switch(node) || is_conditional_merge(node)) return true;
  return false;
}

Guards::Id Guards::intern(Set set) {
  auto [it, added] = interned_.emplace(std::move(set), static_cast<Id>(sets_.size()));
  if (added) sets_.push_back(it->first);
  return it->second;
}

/// The guard of what needs both; no node runs under a predicate and its opposite.
Guards::Id Guards::both(Id a, Id b) {
  if (a == b || b == kAlways) return a;
  if (a == kAlways) return b;
  if (a == kDead || b == kDead) return kDead;
  auto [it, added] = unions_.emplace(std::minmax(a, b), kDead);
  if (!added) return it->second;
  Set all;
  std::set_union(sets_[a].begin(), sets_[a].end(), sets_[b].begin(), sets_[b].end(),
                 std::back_inserter(all));
  if (all.size() > kDeepestNesting) {
    too_deep_ = true;
    return it->second = a;
  }
  for (size_t i = 1; i < all.size(); ++i)
    if (all[i].predicate == all[i - 1].predicate) return kDead;
  return it->second = intern(std::move(all));
}

Guards::Id Guards::of(const Value& value) {
  if (cut_.count(&value)) return kAlways;
  const Node& node = *value.node();
  Id id = of(node);
  if (!is_conditional_switch(node)) return id;
  const Value* predicate = behind_switches(node.operand(1));
  const bool side = value.index() == 1;
  if (auto known = constant_predicate(predicate, cut_)) return *known == side ? id : kDead;
  return both(id, intern({{predicate, side}}));
}

/// Depth first, over data and control inputs; the back edges of loops do not count.
Guards::Id Guards::of(const Node& node) {
  if (auto it = ids_.find(&node); it != ids_.end()) return it->second;
  std::vector<const Node*> stack{&node};
  std::unordered_set<const Node*> open;
  while (!stack.empty()) {
    const Node& top = *stack.back();
    if (ids_.count(&top)) {
      stack.pop_back();
      continue;
    }
    // A cycle (import names it): what is open already is taken as alive.
    if (open.insert(&top).second) {
      const size_t mark = stack.size();
      auto wait = [&](const Node* input) {
        if (!ids_.count(input) && !open.count(input)) stack.push_back(input);
      };
      for (size_t i = 0; i < top.operand_count(); ++i) {
        const Value* operand = top.operand(i);
        if (operand && !cut_.count(operand) && operand->node()->op != "NextIteration")
          wait(operand->node());
      }
      for (const Node* control : top.control_inputs) wait(control);
      if (stack.size() != mark) continue;
    }
    stack.pop_back();
    Id id = kAlways;
    if (is_conditional_merge(top)) {
      id = of_merge(top);
    } else {
      for (size_t i = 0; i < top.operand_count(); ++i) {
        const Value* operand = top.operand(i);
        if (!operand || operand->node()->op == "NextIteration") continue;
        if (cut_.count(operand) || ids_.count(operand->node())) id = both(id, of(*operand));
      }
      for (const Node* control : top.control_inputs)
        if (auto it = ids_.find(control); it != ids_.end()) id = both(id, it->second);
    }
    ids_[&top] = id;
  }
  return ids_.at(&node);
}

/// What all operands hang on, the Merge hangs on; by the rest it must be possible to decide.
Guards::Id Guards::of_merge(const Node& node) {
  std::vector<Alternative> alternatives;
  for (size_t i = 0; i < node.operand_count(); ++i) {
    const Value* operand = node.operand(i);
    if (!operand || (!cut_.count(operand) && !ids_.count(operand->node()))) return kAlways;
    if (Id id = of(*operand); id != kDead) alternatives.push_back({i, sets_[id]});
  }
  if (alternatives.empty()) return kDead;
  Set common = alternatives.front().guard;
  for (const Alternative& a : alternatives) {
    Set less;
    std::set_intersection(common.begin(), common.end(), a.guard.begin(), a.guard.end(),
                          std::back_inserter(less));
    common = std::move(less);
  }
  for (Alternative& a : alternatives) {
    Set rest;
    std::set_difference(a.guard.begin(), a.guard.end(), common.begin(), common.end(),
                        std::back_inserter(rest));
    a.guard = std::move(rest);
  }
  choices_[&node] = decide(std::move(alternatives));
  return intern(std::move(common));
}

/// Null where the alternatives do not exclude each other, or leave a case open.
std::unique_ptr<Choice> Guards::decide(std::vector<Alternative> alternatives) {
  auto choice = std::make_unique<Choice>();
  if (alternatives.size() == 1) {
    choice->operand = alternatives.front().operand;
    return alternatives.front().guard.empty() ? std::move(choice) : nullptr;
  }
  for (const Literal& by : alternatives.front().guard) {
    std::vector<Alternative> sides[2];
    bool all = true;
    for (const Alternative& a : alternatives) {
      auto it = std::find_if(a.guard.begin(), a.guard.end(),
                             [&](const Literal& l) { return l.predicate == by.predicate; });
      all &= it != a.guard.end();
      if (!all) break;
      Alternative rest = a;
      rest.guard.erase(rest.guard.begin() + (it - a.guard.begin()));
      sides[it->side].push_back(std::move(rest));
    }
    if (!all || sides[0].empty() || sides[1].empty()) continue;
    choice->predicate = by.predicate;
    choice->yes = decide(std::move(sides[1]));
    choice->no = decide(std::move(sides[0]));
    return choice->yes && choice->no ? std::move(choice) : nullptr;
  }
  return nullptr;
}

Result<const Choice*> Guards::choice(const Node& merge) {
  Id id = of(merge);
  if (too_deep_)
    return Error(ErrorCode::kUnsupported, "conditionals nest too deeply")
        .at(merge.name, merge.op)
        .expected("at most " + std::to_string(kDeepestNesting) + " predicates over one node");
  auto it = choices_.find(&merge);
  if (it != choices_.end() && it->second) return it->second.get();
  return Error(ErrorCode::kMalformed, id == kDead ? "no input of this Merge is ever computed"
                                                  : "the conditional is malformed")
      .at(merge.name, merge.op)
      .expected(
          "inputs of which a predicate (the second operand of a Switch) lets exactly one live")
      .found(std::to_string(merge.operand_count()) + " inputs that no predicate tells apart");
}

}  // namespace pumice
