// Helpers for rewrites of nodes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"

namespace pumice {

/// The attribute `fused_activation_function`; 0 where there is none.
inline int64_t activation_of(const Node& node) {
  return node.attributes.integer("fused_activation_function");
}
inline void set_activation(Node& node, int64_t activation) {
  node.attributes.set("fused_activation_function", activation);
}

/// The only reader of the node's only result, or null (Return does not count).
inline Node* only_reader(const Node& node) {
  if (node.result_count() != 1 || !node.result()->single_use()) return nullptr;
  Node* reader = node.result()->uses()[0].node;
  return reader->is("Return") ? nullptr : reader;
}

/// The node that makes operand i, if it is `op`; else null.
inline Node* operand_node(const Node& node, size_t i, std::string_view op) {
  Value* v = i < node.operand_count() ? node.operand(i) : nullptr;
  return v && v->node()->is(op) ? v->node() : nullptr;
}

/// The node behind a value, if it is `op` and clamps nothing after it; else null.
inline Node* maker(const Value* value, std::string_view op) {
  return value && value->node()->is(op) && activation_of(*value->node()) == 0 ? value->node()
                                                                              : nullptr;
}

/// The one element of a float32 constant.
std::optional<float> float_of(const Value* value);
/// Whether the value is a float32 constant of one element that is `number`, or next to it by at
/// most `slack` of its size.
bool is_number(const Value* value, float number, float slack = 0);
/// All elements of an integer constant of at most 1,024 elements.
std::optional<std::vector<int64_t>> integers_of(const Value* value);
/// A constant whose elements are all `number` (numeric dtypes; at most `limit` elements are read).
bool is_filled_with(const Value* value, double number, int64_t limit = 4096);

/// The same rank, and each dimension surely of the same size at run time.
bool same_shape(const Shape& a, const Shape& b);
/// The same dtype and surely the same shape.
bool same_type(const Value* a, const Value* b);

/// Makes all readers of the node's one result read `by`, which takes over the name that was asked
/// for it, and erases the node with the producers that nothing reads any more. Those stand before
/// it: an iteration that has taken the node's next() goes on from there.
void replace_node(Node* node, Value* by);
/// Erases a node whose results are unused, and the producers that nothing reads any more.
void erase_unused(Node* node);

/// Runs `rewrite(Node&) -> bool` over every node in order. It may erase its node (after saying
/// true) and nodes before it, and create nodes before it.
template <typename F>
size_t for_each_node(Graph& graph, F&& rewrite) {
  size_t applied = 0;
  for (Node* node = graph.first(); node;) {
    Node* next = node->next();
    if (rewrite(*node)) ++applied;
    node = next;
  }
  return applied;
}

}  // namespace pumice
