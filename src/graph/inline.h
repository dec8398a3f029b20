// Copies of graphs.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace pumice {

/// Copies the body of `callee` (sorted, without cycles) before `before` in `target`, with `arguments`
/// in place of its inputs. Returns the values that stand for its outputs. Names get `prefix`.
std::vector<Value*> inline_graph(const Graph& callee, std::span<Value* const> arguments,
                                 Graph& target, Node* before, const std::string& prefix = {});

}  // namespace pumice
