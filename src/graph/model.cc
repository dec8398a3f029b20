#include "graph/model.h"

#include <set>

namespace pumice {

Graph* Model::add_graph(std::string name) {
  auto& slot = graphs[name];
  slot = std::make_unique<Graph>(std::move(name));
  return slot.get();
}

void Model::drop_unreached_graphs() {
  std::set<std::string> reached;
  std::vector<std::string> pending;
  auto reach = [&](const std::string& name) {
    if (graphs.count(name) && reached.insert(name).second) pending.push_back(name);
  };
  for (const Signature& signature : signatures) reach(signature.graph);
  while (!pending.empty()) {
    const Graph& graph = *graphs.at(pending.back());
    pending.pop_back();
    for (const Node& node : graph)
      for (const auto& [name, value] : node.attributes) {
        if (const auto* ref = std::get_if<FunctionRef>(&value)) reach(ref->name);
        if (const auto* refs = std::get_if<std::vector<FunctionRef>>(&value))
          for (const FunctionRef& ref : *refs) reach(ref.name);
      }
  }
  std::erase_if(graphs, [&](const auto& entry) { return !reached.count(entry.first); });
}

std::string Model::unique_name(const std::string& stem) const {
  if (!graphs.count(stem)) return stem;
  for (int i = 1;; ++i) {
    std::string name = stem + "_" + std::to_string(i);
    if (!graphs.count(name)) return name;
  }
}

}  // namespace pumice
