// A model under conversion: graphs by name, variables, signatures.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace pumice {

/// State that lives between runs. Nodes refer to it by index: attribute `variable` (int64) of a
/// "VarHandleOp" node. Signatures share variables by identity.
struct Variable {
  std::string name;
  DType dtype = DType::kInvalid;
  Shape shape;
  Constant initial;             // its value in the checkpoint; dtype kInvalid: none was found
  std::string missing_because;  // why there is no value: what was looked for, and where
};

/// A tensor of a signature, by the name that callers use.
struct SignatureTensor {
  std::string name;
  DType dtype = DType::kInvalid;
  Shape shape;
};

/// One entry point: graph inputs and outputs in the order of `inputs` and `outputs`.
struct Signature {
  std::string key;    // "serving_default"
  std::string graph;  // the graph's name in the Model
  std::vector<SignatureTensor> inputs, outputs;
};

/// Graphs in a deterministic order; the bodies of While and If stand beside the signatures' graphs.
struct Model {
  std::map<std::string, std::unique_ptr<Graph>> graphs;
  std::vector<Variable> variables;
  std::vector<Signature> signatures;
  std::string description;
  int64_t next_symbol = 0;  // the first Dim symbol that no value uses yet
  /// Further buffers of the output file by name, as TensorFlow Lite's metadata list has them.
  std::map<std::string, std::string> metadata;

  Graph* find(const std::string& name) const {
    auto it = graphs.find(name);
    return it == graphs.end() ? nullptr : it->second.get();
  }
  Graph* add_graph(std::string name);
  /// Erases the graphs that no signature reaches, through the functions that nodes name.
  void drop_unreached_graphs();
  /// A graph name that is not taken yet, beginning with `stem`.
  std::string unique_name(const std::string& stem) const;
};

}  // namespace pumice
