// Import: from a source as the reader gives it to the graphs that are wanted, pruned and inlined.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "formats/source.h"
#include "graph/model.h"

namespace pumice {

/// What is wanted of a source.
struct ImportOptions {
  std::vector<std::string> signatures;    // keys; empty: all (or the arrays below)
  std::vector<std::string> input_arrays;  // "node" or "node:1"; cuts the graph there
  std::vector<std::string> output_arrays;
  /// One per input (array, or the signature's inputs in order); a negative size is unknown; a Shape
  /// of unknown rank is allowed. Empty: as the source states.
  std::vector<Shape> input_shapes;
  /// Unknown first dimensions of inputs become 1.
  bool pin_batch = false;
};

/// An entry point with its tensors found in the source's main graph.
struct EntryPoint {
  std::string key;
  std::vector<std::string> input_names, output_names;
  std::vector<const Value*> inputs, outputs;  // in Source::graph
  std::vector<DType> input_dtypes;
  std::vector<Shape> input_shapes;
};

/// Finds the wanted entry points: signatures, arrays by name, or, for a graph without signatures,
/// its placeholders and what nothing reads. Unknown names: kUsage with near matches.
Result<std::vector<EntryPoint>> find_entry_points(const Source& source,
                                                  const ImportOptions& options);

/// A node that checks, prints or records, and that the model goes without.
struct DroppedNode {
  std::string op, name;
};

/// Builds a Model with one graph per entry point: only what its outputs need, calls inlined,
/// TensorFlow's control edges turned into order, variables that nothing writes turned into
/// constants. Ops are still TensorFlow's. `dropped` (may be null) gets the asserts, prints and
/// summaries that the outputs' nodes wait for, and that are left out.
Result<Model> import_source(const Source& source, const ImportOptions& options,
                            std::vector<DroppedNode>* dropped = nullptr);

/// Copies into `graph` what the entry's outputs need of `from` (the main graph or a function's),
/// cutting at the entry's inputs. Functions that While, If and Case nodes name become graphs of the
/// model. TensorFlow 1's conditionals become `_Choose` nodes: see raise_conditionals().
Status instantiate(const Source& source, const Graph& from, const EntryPoint& entry, Model& model,
                   Graph& graph, std::vector<DroppedNode>* dropped);

/// Operands: a predicate, the value where it holds, the value where it does not. Only within
/// import.
inline constexpr char kChoose[] = "_Choose";
/// The attribute that says how many predicates a node hangs on (missing: none). Only within import.
inline constexpr char kGuardDepth[] = "_guard_depth";
/// The attribute of a `_Choose` that is equal where two run under the same conditions.
inline constexpr char kGuard[] = "_guard";

/// Turns `_Choose` nodes into If nodes whose branches are graphs of the model: what stands deeper
/// than the choice moves into its branches. After raise_loops(), which leaves no cycle.
Status raise_conditionals(Model& model, Graph& graph);

/// Loops, TensorArrays or TensorLists are left in some graph.
bool has_loops(const Model& model);

/// Turns TensorArrays of the versions before 3 into the third's. Before raise_loops().
Status modernize_arrays(Graph& graph);

/// Turns TensorFlow 1's dataflow loops (Enter, Merge, Switch, NextIteration, Exit) into While nodes
/// whose conditions and bodies are graphs of the model. kMalformed for frames that are no loops.
Status raise_loops(Model& model, Graph& graph);

/// Replaces reads of variables that no node of any graph writes by constants. A variable that is
/// read but has no value is an error.
Status bind_variables(Model& model);

/// The names most like `name`, best first, at most `most`.
std::vector<std::string> near_matches(const std::string& name,
                                      const std::vector<std::string>& candidates, size_t most = 3);

/// The dtype of a result by its node's attributes alone (readers do not infer).
DType dtype_by_attributes(const Value& value);

}  // namespace pumice
