// Takes variables out of a SavedModel's graph: their handles, and what saves, restores and
// initialises them. Whatever else reads them is not edited: that is an error.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "pumice/error.h"

namespace pumice {

struct GraphRemoval {
  std::unordered_set<std::string> handles;    // VarHandleOp nodes of the main graph
  std::unordered_set<std::string> functions;  // of the library
  std::unordered_set<std::string> roots;      // nodes that signatures, savers and collections name
  std::unordered_set<std::string> saver_calls;  // the saver's own: calls that may lose operands
  /// The saver holds the checkpoint's object graph as a constant, with names of its own in it. Gives its
  /// new text, or nothing where the text is no such graph. May be null.
  std::function<Result<std::optional<std::string>>(std::string_view text)> edit_object_graph;
};

/// The GraphDef without them. kUnsupported where a variable is used in a way that is not known here.
/// Linear in nodes.
Result<std::string> remove_from_graph(std::string_view graph_def, const GraphRemoval& removal);

}  // namespace pumice
