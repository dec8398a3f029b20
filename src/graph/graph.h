// The one intermediate representation: graphs of nodes that pass values to each other.
//
// The same structure holds TensorFlow ops (`Conv2D`, as they come) and TensorFlow Lite ops
// (`CONV_2D`, as they leave). Ops common to both: "Input" (a graph parameter), "Const" (attribute
// `value`: a Constant), "Return" (the graph's outputs; one a graph, made with it).
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/attributes.h"
#include "graph/constant.h"
#include "graph/dtype.h"
#include "graph/pool.h"
#include "graph/shape.h"
#include "graph/small_vector.h"

namespace pumice {

class Graph;
class Node;

/// Affine quantization of a value: real = scale * (stored - zero_point), per tensor or along
/// `axis`.
struct Quantization {
  std::vector<float> scales;  // one, or one per index along axis; empty: not quantized
  std::vector<int64_t> zero_points;
  int axis = 0;
};

/// One operand position: which node reads the value, and as which operand.
struct Use {
  Node* node;
  uint32_t operand;
};

/// A result of a node. Lives as long as its node.
class Value {
 public:
  DType dtype = DType::kInvalid;

 private:
  uint32_t index_ = 0;
  Node* node_ = nullptr;
  SmallVector<Use, 1> uses_;

 public:
  Shape shape;
  std::unique_ptr<Quantization> quantization;  // null: not quantized
  std::string name;  // the name it has in the output file; empty: made from its node's
  /// What is known of the elements of a small integer tensor although it is no constant (a computed
  /// shape such as [batch, 10, 4]): one Dim per element, row-major. Empty: nothing known.
  SmallVector<Dim, 1> partial;

  Node* node() const { return node_; }
  uint32_t index() const { return index_; }  // which result of its node
  std::span<const Use> uses() const { return {uses_.data(), uses_.size()}; }
  bool unused() const { return uses_.empty(); }
  /// Read by exactly one operand position.
  bool single_use() const { return uses_.size() == 1; }

 private:
  friend class Graph;
  friend class Node;
};

/// One operation. Made and erased by its Graph. What every walk over a graph looks at comes first,
/// in one cache line.
class alignas(64) Node {
  Node* next_ = nullptr;
  Node* previous_ = nullptr;

 public:
  std::string op;
  Attributes attributes;

  Graph& graph() const { return *graph_; }
  size_t operand_count() const { return operands_.size(); }
  /// Null where an optional operand is absent (TensorFlow Lite's -1).
  Value* operand(size_t i) const { return operands_[i].value; }
  size_t result_count() const { return result_count_; }
  Value* result(size_t i = 0) const {
    return i == 0 ? const_cast<Value*>(&first_result_) : (*more_results_)[i - 1].get();
  }
  bool is(std::string_view name_of_op) const { return op == name_of_op; }

  /// The operand's entry in its value's use-list is there (verify_graph).
  bool listed_as_use(size_t operand) const;

  void set_operand(size_t i, Value* value);
  void add_operand(Value* value);
  void remove_operand(size_t i);
  Value* add_result();

  Node* next() const {
    // Most nodes were made in their order, so that the ones to come lie behind this one. Without
    // the hint a walk over a graph larger than the caches waits for each of them.
    __builtin_prefetch(this + kAhead);
    return next_;
  }
  Node* previous() const { return previous_; }

 private:
  friend class Graph;
  static constexpr int kAhead = 16;
  struct Operand {
    Value* value;
    uint32_t use_index;  // position in value->uses_
  };
  void link(size_t operand);
  void unlink(size_t operand);

  uint32_t result_count_ = 0;
  SmallVector<Operand, 2> operands_;
  Value first_result_;  // nearly every node has one result: it lives in the node
  std::unique_ptr<std::vector<std::unique_ptr<Value>>> more_results_;
  Graph* graph_ = nullptr;

 public:
  std::string name;  // the node's name in the source, for every message; derived ones share it

  /// Nodes that must have run before this one (TensorFlow's control inputs). Only in graphs as the
  /// readers make them: import turns them into the order of the nodes.
  SmallVector<Node*, 1> control_inputs;

  /// Scratch number for passes (a topological index, a mark); meaningless between passes.
  int64_t scratch = 0;
};

/// A list of nodes in execution order. In graphs as the readers make them the order is the file's,
/// and TensorFlow 1 loops may close cycles through NextIteration; import orders and raises them.
class Graph {
 public:
  explicit Graph(std::string name = {});
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  std::string name;

  /// Makes a node with `results` untyped results, before `before` (null: before Return, at the
  /// end).
  Node* create(std::string op, std::span<Value* const> operands, size_t results = 1,
               Node* before = nullptr);
  Node* create(std::string op, std::initializer_list<Value*> operands, size_t results = 1,
               Node* before = nullptr) {
    return create(std::move(op), std::span<Value* const>(operands.begin(), operands.size()),
                  results, before);
  }
  /// A "Const" node; dtype and shape are the constant's.
  Value* constant(Constant value, Node* before = nullptr, std::string name = {});
  /// Adds a graph input: the result of an "Input" node.
  Value* add_input(std::string name, DType dtype, Shape shape);
  /// Removes graph input i, which nothing may use.
  void remove_input(size_t i);

  /// Erases a node; none of its results may be used.
  void erase(Node* node);
  /// Moves a node before another one of the same graph.
  void move_before(Node* node, Node* before);
  /// Makes every reader of `from` (the graph's outputs too) read `to`.
  void replace_uses(Value* from, Value* to);

  const std::vector<Value*>& inputs() const { return inputs_; }
  /// Outputs are the operands of Return.
  size_t output_count() const { return return_->operand_count(); }
  Value* output(size_t i) const { return return_->operand(i); }
  void add_output(Value* value) { return_->add_operand(value); }
  void set_output(size_t i, Value* value) { return_->set_operand(i, value); }
  Node* return_node() const { return return_; }

  Node* first() const { return first_; }        // Return is the last node
  size_t node_count() const { return count_; }  // Return included

  /// Erases every node (Inputs and Return stay) whose results no one uses and that has no side
  /// effect. Linear. Returns how many went.
  size_t erase_dead();

  /// Sorts nodes so that operands and control inputs come before their readers, keeping the present
  /// order where it may. False, and the order unchanged, when there is a cycle (NextIteration's
  /// edges into Merge do not count).
  bool sort();

  class Iterator {
   public:
    explicit Iterator(Node* node) : node_(node) {}
    Node& operator*() const { return *node_; }
    Iterator& operator++() {
      node_ = node_->next();
      return *this;
    }
    bool operator!=(const Iterator& other) const { return node_ != other.node_; }

   private:
    Node* node_;
  };
  /// Iterates in order, Return included. To erase the current node, take next() first.
  Iterator begin() const { return Iterator(first_); }
  Iterator end() const { return Iterator(nullptr); }

 private:
  Node* make_node();
  void destroy(Node* node);
  void insert(Node* node, Node* before);
  void detach(Node* node);

  Pool<Node> pool_;
  Node* first_ = nullptr;
  Node* last_ = nullptr;
  Node* return_ = nullptr;
  size_t count_ = 0;
  std::vector<Value*> inputs_;
};

/// The Constant behind a value made by "Const", or null.
const Constant* constant_of(const Value* value);

/// Ops that must stay although nothing reads their results (assignments, random state, prints).
bool has_side_effect(const Node& node);

/// Checks the structure: operands belong to the graph and come first, use-lists agree, dtypes of
/// constants agree. `lowered`: only TensorFlow Lite ops may be present.
Status verify_graph(const Graph& graph);

/// The graph as text, one node a line:
///   %4:f32[1,?,10] = Conv2D(%1, %3) {strides=[1, 2, 2, 1]}  "conv/Conv2D"
std::string to_text(const Graph& graph);

}  // namespace pumice
