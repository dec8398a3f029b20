// Helpers for rewrites of TensorFlow Lite nodes.
#pragma once

#include <cstdint>
#include <string>

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
inline Node* operand_node(const Node& node, size_t i, const char* op) {
  Value* v = i < node.operand_count() ? node.operand(i) : nullptr;
  return v && v->node()->is(op) ? v->node() : nullptr;
}

}  // namespace pumice
