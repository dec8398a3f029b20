#include "report/report.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "pumice/version.h"

namespace pumice {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const GraphStatistics& s) {
  Json ops = Json::object();
  for (const auto& [name, count] : s.ops) ops[name] = count;
  return {{"nodes", s.nodes}, {"parameters", s.parameters}, {"bytes", s.bytes}, {"ops", ops}};
}

Json tensors(const std::vector<SignatureTensor>& list) {
  Json json = Json::array();
  for (const SignatureTensor& t : list) {
    Json shape = nullptr;
    if (t.shape.known_rank()) shape = t.shape.sizes_or_minus_one();
    json.push_back({{"name", t.name}, {"dtype", dtype_name(t.dtype)}, {"shape", shape}});
  }
  return json;
}

std::string megabytes(uint64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, bytes < 100000 ? "%.1f KB" : "%.1f MB",
                static_cast<double>(bytes) / (bytes < 100000 ? 1e3 : 1e6));
  return text;
}

}  // namespace

GraphStatistics statistics(const Model& model) {
  GraphStatistics s;
  for (const auto& [name, graph] : model.graphs)
    for (Node& node : *graph) {
      if (node.is("Return") || node.is("Input")) continue;
      if (const Constant* constant = node.is("Const") ? constant_of(node.result()) : nullptr) {
        s.parameters += constant->elements();
        s.bytes += constant->byte_size();
        continue;
      }
      ++s.nodes;
      ++s.ops[node.op];
    }
  return s;
}

std::string to_json(const Report& r) {
  Json signatures = Json::array();
  for (const Signature& s : r.signatures)
    signatures.push_back(
        {{"key", s.key}, {"inputs", tensors(s.inputs)}, {"outputs", tensors(s.outputs)}});
  Json passes = Json::array(), warnings = Json::array(), timing = Json::object();
  for (const PassRecord& p : r.passes)
    passes.push_back({{"name", p.name}, {"applied", p.applied}, {"ms", p.milliseconds}});
  for (const Warning& w : r.warnings)
    warnings.push_back({{"code", w.code}, {"message", w.message}, {"node", w.node}});
  for (const auto& [stage, ms] : r.timing) timing[stage + "_ms"] = ms;
  Json optimizers = nullptr;
  if (!r.optimizers_json.empty()) optimizers = Json::parse(r.optimizers_json, nullptr, false);
  Json json = {
      {"pumice", version()},
      {"input",
       {{"format", r.format}, {"files", r.files}, {"bytes", r.input_bytes}, {"producer", r.producer}}},
      {"optimizers", optimizers},
      {"graph", {{"before", to_json(r.before)}, {"after", to_json(r.after)}}},
      {"passes", passes},
      {"output",
       {{"file", r.output_path},
        {"bytes", r.output.bytes},
        {"subgraphs", r.output.subgraphs},
        {"signatures", signatures},
        {"ops", r.output.ops},
        {"custom_ops", r.output.custom_ops},
        {"minimum_runtime_version", r.output.minimum_runtime}}},
      {"warnings", warnings},
      {"timing", timing},
  };
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string to_text(const Report& r) {
  std::string text = r.output_path + ": " + megabytes(r.output.bytes) + ", " +
                     std::to_string(r.after.nodes) + " operators (from " +
                     std::to_string(r.before.nodes) + " nodes)";
  if (!r.output.minimum_runtime.empty()) text += ", runtime " + r.output.minimum_runtime + " or later";
  text += "\n";
  for (const Signature& s : r.signatures) {
    auto line = [&](const char* what, const std::vector<SignatureTensor>& list) {
      text += std::string("  ") + what;
      for (const SignatureTensor& t : list)
        text += " " + t.name + ":" + std::string(dtype_name(t.dtype)) + to_string(t.shape);
      text += "\n";
    };
    text += "  signature " + s.key + "\n";
    line("  in ", s.inputs);
    line("  out", s.outputs);
  }
  if (!r.output.custom_ops.empty()) {
    text += "  custom ops:";
    for (const auto& [name, count] : r.output.custom_ops)
      text += " " + name + " (" + std::to_string(count) + ")";
    text += "\n";
  }
  return text;
}

}  // namespace pumice
