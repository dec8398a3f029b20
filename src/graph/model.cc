#include "graph/model.h"

namespace pumice {

Graph* Model::add_graph(std::string name) {
  auto& slot = graphs[name];
  slot = std::make_unique<Graph>(std::move(name));
  return slot.get();
}

std::string Model::unique_name(const std::string& stem) const {
  if (!graphs.count(stem)) return stem;
  for (int i = 1;; ++i) {
    std::string name = stem + "_" + std::to_string(i);
    if (!graphs.count(name)) return name;
  }
}

}  // namespace pumice
