#include "pumice/ops.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "ops/op.h"

namespace pumice {

std::string ops_json() {
  auto list = nlohmann::ordered_json::array();
  for (const OpDef* op : all_ops())
    list.push_back({{"name", op->name},
                    {"folds", op->evaluate != nullptr},
                    {"converts", op->lower != nullptr},
                    {"lowers_to", op->lowers_to},
                    {"limits", op->limits}});
  return list.dump(2) + "\n";
}

std::string ops_text() {
  size_t width = 0;
  for (const OpDef* op : all_ops()) width = std::max(width, op->name.size());
  std::string text;
  for (const OpDef* op : all_ops()) {
    text += std::string(op->name) + std::string(width - op->name.size() + 2, ' ') +
            std::string(op->lower ? op->lowers_to : "(folds only)");
    if (!op->limits.empty()) text += "  [" + std::string(op->limits) + "]";
    text += "\n";
  }
  return text;
}

}  // namespace pumice
