// What every reader gives: a graph as it stands in the file, and facts about its training.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "graph/graph.h"
#include "graph/model.h"
#include "pumice/error.h"

namespace pumice {

/// A tensor of the source graph by name: result `result` of node `node`.
struct TensorName {
  std::string node;
  uint32_t result = 0;
};

/// A signature as the source states it, tensors still by name.
struct SourceSignature {
  struct Tensor {
    std::string name;   // the name callers use
    TensorName tensor;  // where it is in the main graph
    DType dtype = DType::kInvalid;
    Shape shape;
  };
  std::string key;
  std::string method;
  std::vector<Tensor> inputs, outputs;
};

/// Functions by name, built when first asked for. A function's graph has its arguments as Inputs
/// and its results as outputs; control outputs are control inputs of Return.
class FunctionLibrary {
 public:
  virtual ~FunctionLibrary() = default;
  /// Null when there is no such function. The graph stays owned by the library and unchanged.
  virtual Result<const Graph*> find(const std::string& name) = 0;
  /// The function's attributes (`_implements`, …); null when there is none.
  virtual const Attributes* attributes(const std::string& name) = 0;
  virtual std::vector<std::string> names() const = 0;
  /// The function as the file has it, for a look at what it may hold before its graph is built.
  /// Empty where there is no such function or no such file.
  virtual std::string_view bytes(const std::string&) const { return {}; }
};

/// One object of a TensorFlow object graph (saved_object_graph.proto,
/// trackable_object_graph.proto).
struct ObjectNode {
  std::string kind;  // "user_object", "variable", "function", "asset", "constant", … or empty
  std::string identifier;  // a user object's: "experimentalOptimizer", "_tf_keras_layer", …
  std::string metadata;    // a user object's, as the file holds it
  std::string name;        // a variable's
  DType dtype = DType::kInvalid;
  Shape shape;
  std::vector<std::pair<std::string, int64_t>> children;  // local name → object number
  struct Slot {
    int64_t original_variable, slot_variable;
    std::string slot_name;
  };
  std::vector<Slot> slots;
  std::vector<std::pair<std::string, std::string>> attributes;  // name → checkpoint key
  std::vector<std::string>
      functions;                    // concrete functions that a function or captured tensor is of
  std::vector<int64_t> references;  // objects that it needs and that are no children
};

/// Everything a source says beyond its graph; what the optimizer analysis reads.
struct SourceFacts {
  struct Document {
    std::string file;     // relative to the source: "config.json", "keras_metadata.pb#3"
    std::string pointer;  // JSON pointer or node path of the document inside the file
    std::string json;
  };
  struct CheckpointEntry {
    std::string key;
    DType dtype = DType::kInvalid;
    Dims dims;
    uint64_t bytes = 0;
    std::string file;
  };
  std::vector<ObjectNode> objects;  // a SavedModel's, number 0 is the root
  /// Concrete function → the objects behind its last arguments, in order.
  std::map<std::string, std::vector<int64_t>> bound_inputs;
  std::vector<ObjectNode> checkpoint_objects;                   // _CHECKPOINTABLE_OBJECT_GRAPH's
  std::vector<Document> documents;                              // configs as JSON text
  std::vector<CheckpointEntry> checkpoint;                      // keys in file order
  std::map<std::string, std::vector<std::string>> collections;  // TF1: name → node names
  std::vector<std::string> warnings;  // places that could not be read, and why
  /// Keras's HDF5 weights: the attribute `name` of each group that has one, by the group's path.
  /// Their datasets are checkpoint entries, their paths the keys.
  std::map<std::string, std::string> group_names;
  /// The value under a checkpoint key, mapped; for hyperparameters and iterations.
  std::function<Result<Tensor>(const std::string& key)> checkpoint_value;
};

/// A source model, read but neither pruned nor inlined.
struct Source {
  std::string format;  // "saved_model", "graph_def", "checkpoint", "tfjs", "keras", "h5", …
  std::vector<std::string> files;  // what was read
  uint64_t bytes = 0;
  std::string producer;          // "tensorflow 2.21.0", or empty
  std::unique_ptr<Graph> graph;  // the main graph: all nodes, "Return" without operands
  std::unique_ptr<FunctionLibrary> functions;  // may be null
  std::vector<SourceSignature> signatures;
  /// Values of variables by the name of their node (VarHandleOp, VariableV2, …) in the main graph.
  std::map<std::string, Variable> variables;
  SourceFacts facts;
};

struct ReadOptions {
  std::vector<std::string> tags = {"serve"};
};

/// Tells the format by content and reads it. Errors say what was looked for.
Result<Source> read_source(const std::string& path, const ReadOptions& options = {});

}  // namespace pumice
