// convert's report: one JSON document, and the text drawn from it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "graph/model.h"
#include "passes/pipeline.h"
#include "pumice/observer.h"
#include "tflite/metadata.h"
#include "tflite/writer.h"

namespace pumice {

struct GraphStatistics {
  size_t nodes = 0;        // without constants, inputs and the return
  int64_t parameters = 0;  // elements of constants
  uint64_t bytes = 0;      // of constants
  std::map<std::string, size_t> ops;
};

/// Adds one graph's nodes.
void count(const Graph& graph, GraphStatistics& statistics);
/// Over all graphs of the model.
GraphStatistics statistics(const Model& model);

struct Report {
  std::string format;
  std::vector<std::string> files;
  uint64_t input_bytes = 0;
  std::string producer;
  std::string optimizers_json;  // a JSON document, or empty
  GraphStatistics before, after;
  std::vector<PassRecord> passes;
  WriteSummary output;
  std::string output_path;
  std::vector<Signature> signatures;
  std::optional<ModelMetadata> metadata;
  std::vector<std::string> labels;
  std::string detectors_json;  // a JSON list, or empty: what was done to post- and pre-processing
  std::vector<std::string> detectors_text;
  std::vector<Warning> warnings;
  std::vector<std::pair<std::string, double>> timing;  // stage → milliseconds
};

std::string to_json(const Report& report);
std::string to_text(const Report& report);

}  // namespace pumice
