// The activations of functions that an instantiation walks through, and what has become in each of
// the source's nodes.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "formats/source.h"
#include "graph/graph.h"
#include "import/composites.h"
#include "import/guards.h"

namespace pumice {

/// What has become of a node of the source in a frame.
struct Visit {
  Node* copy = nullptr;  // makes its results, but for those that Frame::given has
  bool given = false;    // Frame::given has results of it
  bool copied = false;
  bool ordered = false;  // its control predecessors were visited
  bool visited = false;  // its own side effects were asked for
  bool waiting = false;  // it waits for its inputs
};

/// One activation of a function body (or of the main graph).
struct Frame {
  const Graph* graph = nullptr;
  const Node* call = nullptr;  // in parent->graph
  Frame* parent = nullptr;
  int depth = 0;
  std::string prefix;         // of node names
  std::vector<Visit> visits;  // by the node's number (Node::scratch)
  /// Values that no copy of their node makes: given from outside, chosen by a Merge.
  std::unordered_map<const Value*, Value*> given;
  std::unordered_map<const Node*, std::unique_ptr<Frame>> calls;
  std::unique_ptr<Guards> guards;  // null: the graph has no conditionals of TensorFlow 1
  size_t outer_guard = 0;          // how many predicates the call hangs on
  int number = 0;                  // one a frame

  Visit& visit(const Node& node) { return visits[static_cast<size_t>(node.scratch)]; }
  /// What has been made of a value; null: nothing yet.
  Value* made(const Value* value) {
    const Visit& visit = this->visit(*value->node());
    if (visit.given)
      if (auto it = given.find(value); it != given.end()) return it->second;
    return visit.copy ? visit.copy->result(value->index()) : nullptr;
  }
  void give(const Value* value, Value* made) {
    visit(*value->node()).given = true;
    given[value] = made;
  }

  /// How many predicates a node or a value hangs on.
  template <typename NodeOrValue>
  size_t guard_depth(const NodeOrValue& what) {
    return outer_guard + (guards ? guards->depth(what) : 0);
  }
  /// It stands in a branch that is never taken.
  template <typename NodeOrValue>
  bool is_dead(const NodeOrValue& what) {
    return guards && guards->is_dead(what);
  }
};

/// A value of a frame's graph.
struct Place {
  Frame* frame;
  const Value* value;
};

/// The frames of one instantiation: opened when a value or an effect of the call is first wanted.
class Frames {
 public:
  static constexpr size_t kMostNodes = 20'000'000;
  static Error too_many_nodes(const Node& node);

  /// The root frame runs `main`; no guard stands over the values of `cut`.
  Frames(const Source& source, const Graph& main, const std::vector<const Value*>& cut);

  Frame& root() { return root_; }

  /// The frame of a call node; null when the node is no call that is to be inlined.
  Result<Frame*> enter(Frame& frame, const Node& node);

  /// Where a value really comes from: through arguments to the caller, through calls to the callee;
  /// or where something has been made of it.
  Result<Place> resolve(Frame& frame, const Value* value);
  /// What has been made of a value, wherever it comes from; null: nothing yet.
  Value* lookup(Frame& frame, const Value* value);

  /// The op that takes the place of a call that enter() has seen; null: none.
  const Composite* composite(const Node& call) const;

 private:
  /// Numbers the nodes of the graph that the frame runs. A function's frames give the same numbers.
  static void open(Frame& frame, const Graph& graph, const std::vector<const Value*>& cut);

  const Source& source_;
  Frame root_;
  std::unordered_map<const Node*, Composite> composites_;  // calls that become an op
  size_t numbered_ = 0;  // nodes of the functions that frames were opened for
  int opened_ = 0;
};

}  // namespace pumice
