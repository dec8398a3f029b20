#include "pumice/inspect.h"

#include <optional>
#include <span>

#include "detection/metadata.h"
#include "formats/file.h"
#include "formats/source.h"
#include "pumice/version.h"
#include "report/json.h"
#include "tflite/reader.h"
#include "training/registration.h"

namespace pumice {
namespace {

/// What both kinds of input come down to.
struct Findings {
  std::string format, producer;
  std::vector<std::string> files, warnings;
  uint64_t bytes = 0;
  GraphStatistics graph;
  std::vector<Signature> signatures;
  std::string optimizers_json;  // empty: none can be in such a file
  std::optional<ModelMetadata> metadata;
  std::vector<std::string> labels;  // that the metadata name
};

/// Broken metadata are a warning: the model stands without them.
void inspect_metadata(const TfliteFile& file, const Bytes& bytes, const std::string& path,
                      Findings& f) {
  const auto it = file.model.metadata.find(std::string(kModelMetadataEntry));
  if (it == file.model.metadata.end()) return;
  auto metadata = parse_metadata(std::as_bytes(std::span(it->second)), path);
  if (!metadata.ok()) {
    f.warnings.push_back(metadata.error().text());
    return;
  }
  auto known = read_known_detector(*metadata, bytes, path);
  if (known.ok())
    f.labels = std::move(known->labels);
  else
    f.warnings.push_back(known.error().text());
  f.metadata = std::move(*metadata);
}

Result<Findings> inspect_tflite(const Bytes& bytes, const std::string& path) {
  PUMICE_TRY(TfliteFile file, read_tflite(bytes, path));
  Findings f{"tflite",   file.description,
             {path},     file.not_represented,
             file.bytes, statistics(file.model),
             {},         {},
             {},         {}};
  for (const Signature& s : file.model.signatures) f.signatures.push_back(s);
  inspect_metadata(file, bytes, path, f);
  return f;
}

Result<Findings> inspect_source(const std::string& path, const InspectOptions& options) {
  PUMICE_TRY(Source source, read_source(path, {options.tags}));
  Findings f{source.format,
             source.producer,
             source.files,
             source.facts.warnings,
             source.bytes,
             {},
             {},
             {},
             {},
             {}};
  if (source.graph) count(*source.graph, f.graph);
  if (source.functions)
    for (const std::string& name : source.functions->names()) {
      PUMICE_TRY(const Graph* body, source.functions->find(name));
      if (body) count(*body, f.graph);
    }
  for (const auto& [node, variable] : source.variables) {
    if (variable.initial.dtype() == DType::kInvalid) continue;
    f.graph.parameters += variable.initial.elements();
    f.graph.bytes += variable.initial.byte_size();
  }
  for (const SourceSignature& s : source.signatures) {
    Signature signature{s.key, "", {}, {}};
    for (const auto& t : s.inputs) signature.inputs.push_back({t.name, t.dtype, t.shape});
    for (const auto& t : s.outputs) signature.outputs.push_back({t.name, t.dtype, t.shape});
    f.signatures.push_back(std::move(signature));
  }
  PUMICE_TRY(const OptimizerFindings optimizers, find_optimizers(source, OptimizerPolicy::kStrip));
  f.optimizers_json = to_json(optimizers);
  return f;
}

std::string to_text(const Findings& f, const std::string& input) {
  std::string text = input + ": " + f.format + ", " + bytes_text(f.bytes);
  if (!f.producer.empty()) text += ", made by " + f.producer;
  text += "\n  " + std::to_string(f.graph.nodes) + " nodes, " + std::to_string(f.graph.parameters) +
          " parameters (" + bytes_text(f.graph.bytes) + ")\n";
  for (const Signature& s : f.signatures) text += signature_text(s);
  if (f.metadata) text += metadata_text(*f.metadata, f.labels);
  text += "  ops\n";
  for (const auto& [op, count] : f.graph.ops)
    text += "    " + std::to_string(count) + " " + op + "\n";
  for (const std::string& warning : f.warnings) text += "  warning: " + warning + "\n";
  return text;
}

std::string to_document(const Findings& f) {
  Json optimizers = nullptr;
  if (!f.optimizers_json.empty()) optimizers = Json::parse(f.optimizers_json, nullptr, false);
  return dump({
      {"pumice", version()},
      {"input",
       {{"format", f.format}, {"files", f.files}, {"bytes", f.bytes}, {"producer", f.producer}}},
      {"optimizers", optimizers},
      {"graph", to_json(f.graph)},
      {"signatures", to_json(f.signatures)},
      {"metadata", f.metadata ? to_json(*f.metadata, f.labels) : Json()},
      {"warnings", f.warnings},
  });
}

}  // namespace

Result<InspectReport> inspect(const std::string& input, const InspectOptions& options) {
  Result<Findings> findings = Error(ErrorCode::kInternal, "");
  Bytes bytes;
  if (is_file(input)) {
    PUMICE_TRY(bytes, map_file(input));
  }
  findings =
      is_tflite(bytes.view()) ? inspect_tflite(bytes, input) : inspect_source(input, options);
  if (!findings.ok()) return std::move(findings).error();
  return InspectReport{to_text(*findings, input), to_document(*findings)};
}

}  // namespace pumice
