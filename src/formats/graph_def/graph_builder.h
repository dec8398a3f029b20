// NodeDefs into a Graph: shared by whole graphs and function bodies, which name tensors differently.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "formats/graph_def/attr_value.h"
#include "formats/graph_def/proto_context.h"
#include "graph/graph.h"

namespace pumice {

/// Where the op descriptions of a file (MetaInfoDef.stripped_op_list) and its functions' signatures
/// are looked up, for ops that TensorFlow's own registry does not know: a description as
/// find_op_outputs() gives it, or an empty optional.
using OutputLookup = std::function<std::optional<std::string>(std::string_view op)>;

class GraphBuilder {
 public:
  /// `graph` and `context` must outlive the builder. `names` are the file's: views into it.
  GraphBuilder(Graph* graph, ProtoContext* context, OutputLookup lookup)
      : graph_(graph), context_(context), lookup_(std::move(lookup)) {}

  /// Makes room for the names of this many nodes.
  void reserve(size_t nodes) { nodes_.reserve(nodes); }

  /// Makes the node of a NodeDef; its inputs are kept until connect().
  Status add_node(ProtoReader node_def);
  /// Makes a graph input under this name (a function's argument).
  Status add_argument(std::string_view name, DType dtype, Shape shape, Attributes attributes);

  /// Resolves the inputs of all nodes. `in_function`: tensors are named `node:argument:index` and
  /// arguments by their bare name, instead of `node:index`.
  Status connect(bool in_function);

  /// The tensor of this name in a function body; made by connect()'s rules.
  Result<Value*> function_tensor(std::string_view name);
  /// Null when there is no such node.
  Node* find(std::string_view name) const {
    auto it = nodes_.find(name);
    return it == nodes_.end() ? nullptr : it->second;
  }

 private:
  struct Pending {
    Node* node;
    size_t first, count;  // in inputs_
  };

  Result<Value*> result_of(Node* node, uint64_t index);
  Result<Value*> graph_tensor(std::string_view name);
  Status declare(std::string_view name, Node* node);
  std::optional<std::string_view> outputs_of(std::string_view op);
  Result<Attributes> read_attributes(std::string_view op, int depth);

  /// Attributes that were read before, and where their first entry ended: of the same bytes the same.
  struct ReadBefore {
    size_t entries, first_size;
    Attributes attributes;
  };

  Graph* graph_;
  ProtoContext* context_;
  OutputLookup lookup_;
  std::unordered_map<std::string_view, Node*> nodes_;
  std::unordered_map<std::string, std::optional<std::string>> looked_up_;
  std::vector<std::string_view> inputs_;
  std::vector<std::string_view> entries_;  // of the present node's attribute map
  std::unordered_map<std::string_view, ReadBefore> read_before_;  // by the bytes of all entries
  std::vector<Pending> pending_;
};

}  // namespace pumice
