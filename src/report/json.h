// Pieces of JSON that several documents share.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "graph/model.h"
#include "report/report.h"

namespace pumice {

using Json = nlohmann::ordered_json;

Json to_json(const GraphStatistics& statistics);
/// [{"key", "inputs": [{"name", "dtype", "shape"}], "outputs"}]; unknown sizes are -1, an unknown
/// rank is null.
Json to_json(const std::vector<Signature>& signatures);
/// TensorFlow Lite Metadata: {"name", "min_parser_version", "inputs", "outputs", "labels", …}; the
/// first subgraph's tensors. `labels`: the lines of the label file.
Json to_json(const ModelMetadata& metadata, const std::vector<std::string>& labels);
/// The same as a few indented lines.
std::string metadata_text(const ModelMetadata& metadata, const std::vector<std::string>& labels);
/// Indented, with invalid UTF-8 replaced, and a final newline.
std::string dump(const Json& json);

/// "24.3 MB".
std::string bytes_text(uint64_t bytes);
/// One signature as a few indented lines.
std::string signature_text(const Signature& signature);

}  // namespace pumice
