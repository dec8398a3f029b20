#include "report/report.h"

#include "pumice/version.h"
#include "report/json.h"

namespace pumice {

void count(const Graph& graph, GraphStatistics& s) {
  for (Node& node : graph) {
    if (node.is("Return") || node.is("Input")) continue;
    if (const Constant* constant = node.is("Const") ? constant_of(node.result()) : nullptr) {
      s.parameters += constant->elements();
      s.bytes += constant->byte_size();
      continue;
    }
    ++s.nodes;
    ++s.ops[node.op];
  }
}

GraphStatistics statistics(const Model& model) {
  GraphStatistics s;
  for (const auto& [name, graph] : model.graphs) count(*graph, s);
  return s;
}

std::string to_json(const Report& r) {
  Json passes = Json::array(), warnings = Json::array(), timing = Json::object();
  for (const PassRecord& p : r.passes)
    passes.push_back({{"name", p.name}, {"applied", p.applied}, {"ms", p.milliseconds}});
  for (const Warning& w : r.warnings)
    warnings.push_back({{"code", w.code}, {"message", w.message}, {"node", w.node}});
  for (const auto& [stage, ms] : r.timing) timing[stage + "_ms"] = ms;
  Json optimizers = nullptr;
  if (!r.optimizers_json.empty()) optimizers = Json::parse(r.optimizers_json, nullptr, false);
  Json document = {
      {"pumice", version()},
      {"input",
       {{"format", r.format},
        {"files", r.files},
        {"bytes", r.input_bytes},
        {"producer", r.producer}}},
      {"optimizers", optimizers},
      {"graph", {{"before", to_json(r.before)}, {"after", to_json(r.after)}}},
      {"passes", passes},
      {"output",
       {{"file", r.output_path},
        {"bytes", r.output.bytes},
        {"subgraphs", r.output.subgraphs},
        {"signatures", to_json(r.signatures)},
        {"ops", r.output.ops},
        {"custom_ops", r.output.custom_ops},
        {"minimum_runtime_version", r.output.minimum_runtime},
        {"metadata", r.metadata ? to_json(*r.metadata, r.labels) : Json()}}},
      {"warnings", warnings},
      {"timing", timing},
  };
  if (!r.detectors_json.empty())
    document["detectors"] = Json::parse(r.detectors_json, nullptr, false);
  return dump(document);
}

std::string to_text(const Report& r) {
  std::string text = r.output_path + ": " + bytes_text(r.output.bytes) + ", " +
                     std::to_string(r.after.nodes) + " operators (from " +
                     std::to_string(r.before.nodes) + " nodes)";
  if (!r.output.minimum_runtime.empty())
    text += ", for runtime " + r.output.minimum_runtime + " or later";
  text += "\n";
  for (const Signature& s : r.signatures) text += signature_text(s);
  if (r.metadata) text += metadata_text(*r.metadata, r.labels);
  for (const std::string& line : r.detectors_text) text += "  " + line + "\n";
  if (!r.output.custom_ops.empty()) {
    text += "  custom ops:";
    for (const auto& [name, count] : r.output.custom_ops)
      text += " " + name + " (" + std::to_string(count) + ")";
    text += "\n";
  }
  return text;
}

}  // namespace pumice
