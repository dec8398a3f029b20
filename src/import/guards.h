// Under which conditions the nodes of a graph run: what TensorFlow 1's Switch and Merge mean.
#pragma once

#include <map>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "graph/graph.h"
#include "pumice/error.h"

namespace pumice {

/// What a Merge hands on: one of its operands, or, by a predicate, one of two choices.
struct Choice {
  size_t operand = 0;                // where predicate is null
  const Value* predicate = nullptr;  // behind Identity and Switch
  std::unique_ptr<Choice> yes, no;
};

/// TensorFlow 1 runs a node when all its inputs, control inputs too, are alive; a Switch makes one of its two
/// results alive, a Merge is alive when one of its operands is. So each node has a guard: a set of
/// predicates with the side that must have been taken. Computed on demand, each node once.
/// Source: "Implementation of control flow in TensorFlow" (Yu et al., 2017), dead tensors.
class Guards {
 public:
  /// `cut`: values that the caller gives, alive whatever stands above them.
  explicit Guards(const std::vector<const Value*>& cut) : cut_(cut.begin(), cut.end()) {}

  /// Whether the graph has a Switch or a Merge that belongs to no loop. Linear.
  static bool needed(const Graph& graph);

  /// The guard of a node or a value: how many predicates it hangs on, or that it is never alive,
  /// because a predicate is constant.
  size_t depth(const Node& node) { return sets_[of(node)].size(); }
  size_t depth(const Value& value) { return sets_[of(value)].size(); }
  bool is_dead(const Node& node) { return of(node) == kDead; }
  bool is_dead(const Value& value) { return of(value) == kDead; }

  /// Equal for nodes that run under the same conditions.
  uint32_t number(const Node& node) { return of(node); }

  /// How a Merge outside loops chooses. kMalformed where its operands are no alternatives,
  /// kUnsupported where conditionals nest too deeply.
  Result<const Choice*> choice(const Node& merge);

 private:
  struct Literal {
    const Value* predicate;
    bool side;
    friend auto operator<=>(const Literal&, const Literal&) = default;
  };
  using Set = std::vector<Literal>;  // sorted
  using Id = uint32_t;
  static constexpr Id kAlways = 0, kDead = 1;
  struct Alternative {
    size_t operand;
    Set guard;
  };

  Id of(const Node& node);
  Id of(const Value& value);
  Id intern(Set set);
  Id both(Id a, Id b);
  Id of_merge(const Node& node);
  std::unique_ptr<Choice> decide(std::vector<Alternative> alternatives);

  std::unordered_set<const Value*> cut_;
  std::unordered_map<const Node*, Id> ids_;
  std::unordered_map<const Node*, std::unique_ptr<Choice>> choices_;
  std::vector<Set> sets_{{}, {}};
  std::map<Set, Id> interned_{{{}, kAlways}};
  std::map<std::pair<Id, Id>, Id> unions_;
  bool too_deep_ = false;  // some set is not complete
};

/// A Switch or RefSwitch that a loop's condition does not drive.
bool is_conditional_switch(const Node& node);
/// A Merge or RefMerge into which no NextIteration leads.
bool is_conditional_merge(const Node& node);

}  // namespace pumice
