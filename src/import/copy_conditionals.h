// How the Switch and Merge nodes of TensorFlow 1's conditionals (not those of loops) are copied.
#pragma once

#include <vector>

#include "graph/graph.h"
#include "import/frames.h"

namespace pumice {

/// Copies into one graph. The frames of the nodes given have guards.
class ConditionalCopier {
 public:
  ConditionalCopier(Frames& frames, Graph& graph) : frames_(frames), graph_(graph) {}

  /// Adds the values that must be there before a Merge is copied: the predicates, and the operands
  /// that may live.
  static Status inputs_of_merge(Frame& frame, const Node& merge, std::vector<const Value*>& inputs);

  /// A Merge becomes a `_Choose` of predicate, value and value; nothing where one operand alone can
  /// live.
  Status copy_merge(Frame& frame, const Node& merge);

  /// A Switch hands its value on: that its branch alone uses it, the depth of its results says.
  void copy_switch(Frame& frame, const Node& node);

 private:
  /// Result 0 of a Merge is the operand, result 1 its number.
  Value* choose(Frame& frame, const Node& merge, size_t result, const Choice& choice, size_t depth);

  Frames& frames_;
  Graph& graph_;
};

/// A Switch without a Merge gives an output on one side only: kMalformed.
Status always_computed(Frame& frame, const Value& output);

}  // namespace pumice
