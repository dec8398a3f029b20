#include "import/import.h"

namespace pumice {

Result<Model> import_source(const Source& source, const ImportOptions& options,
                            std::vector<DroppedNode>* dropped) {
  if (source.format == "keras" || source.format == "h5")
    return Error(ErrorCode::kUnsupported,
                 "layers of ." + source.format + " files are not converted yet")
        .in(source.files.empty() ? "" : source.files[0])
        .hint("Export a SavedModel: model.export('folder')");
  PUMICE_TRY(auto entries, find_entry_points(source, options));
  Model model;
  for (const EntryPoint& entry : entries) {
    Graph* graph = model.add_graph(model.unique_name(entry.key));
    PUMICE_CHECK(instantiate(source, *source.graph, entry, model, *graph, dropped));
    Signature signature{entry.key, graph->name, {}, {}};
    for (size_t i = 0; i < entry.inputs.size(); ++i)
      signature.inputs.push_back(
          {entry.input_names[i], entry.input_dtypes[i], entry.input_shapes[i]});
    for (const std::string& name : entry.output_names)
      signature.outputs.push_back({name, DType::kInvalid, Shape()});
    model.signatures.push_back(std::move(signature));
  }
  std::vector<Graph*> graphs;
  for (auto& [name, graph] : model.graphs) graphs.push_back(graph.get());
  for (Graph* graph : graphs) {
    PUMICE_CHECK(modernize_arrays(*graph));
    PUMICE_CHECK(raise_loops(model, *graph));
  }
  graphs.clear();
  for (auto& [name, graph] : model.graphs) graphs.push_back(graph.get());
  for (Graph* graph : graphs) PUMICE_CHECK(raise_conditionals(model, *graph));
  PUMICE_CHECK(bind_variables(model));
  for (auto& [name, graph] : model.graphs) graph->erase_dead();
  return model;
}

bool has_loops(const Model& model) {
  for (const auto& [name, graph] : model.graphs)
    for (Node& node : *graph)
      if (node.is("While") || node.is("StatelessWhile") || node.op.rfind("TensorArray", 0) == 0 ||
          node.op.rfind("TensorList", 0) == 0)
        return true;
  return false;
}

}  // namespace pumice
