// BEFORE  f: VAR_HANDLE "v" …                       (reads a variable that nothing has written yet)
// AFTER   f: CALL_ONCE(initialize_variables), VAR_HANDLE "v" …
//         initialize_variables: ASSIGN_VARIABLE(VAR_HANDLE "v", Const)
//
// TensorFlow Lite's variables begin without a value: the first run of any signature gives each one
// the value that the checkpoint holds.
#include <set>

#include "ops/lowering.h"
#include "passes/pipeline.h"

namespace pumice {
namespace {

constexpr const char* kNumber = "_variable";  // of VAR_HANDLE: which Variable of the model

/// The numbers of the variables that have handles in the graph.
std::set<int64_t> variables_of(const Graph& graph) {
  std::set<int64_t> numbers;
  for (const Node& node : graph)
    if (node.is("VAR_HANDLE"))
      if (const auto* number = node.attributes.find<int64_t>(kNumber)) numbers.insert(*number);
  return numbers;
}

}  // namespace

Result<size_t> initialize_variables(Model& model) {
  std::set<int64_t> all;
  std::vector<Graph*> readers;
  for (auto& [name, graph] : model.graphs) {
    std::set<int64_t> own = variables_of(*graph);
    if (!own.empty()) readers.push_back(graph.get());
    all.insert(own.begin(), own.end());
  }
  if (readers.empty()) return size_t{0};

  std::string name = model.unique_name("initialize_variables");
  Graph* graph = model.add_graph(name);
  Lowering lowering(*graph, graph->return_node());
  size_t initialized = 0;
  for (int64_t number : all) {
    if (number < 0 || number >= static_cast<int64_t>(model.variables.size())) continue;
    const Variable& variable = model.variables[static_cast<size_t>(number)];
    if (variable.initial.dtype() == DType::kInvalid) continue;
    Value* handle = lowering.emit("VAR_HANDLE", {}, {{"shared_name", variable.name}},
                                  DType::kResource, Shape::scalar());
    Value* const operands[] = {handle, lowering.constant(variable.initial)};
    lowering.emit_node("ASSIGN_VARIABLE", operands, {}, 0);
    ++initialized;
  }
  for (Graph* reader : readers) {
    Node* call = reader->create("CALL_ONCE", std::span<Value* const>{}, 0, reader->first());
    call->attributes.set("init", FunctionRef{name, nullptr});
    // Inputs stand first.
    while (call->next()->is("Input")) reader->move_before(call, call->next()->next());
  }
  return initialized;
}

}  // namespace pumice
