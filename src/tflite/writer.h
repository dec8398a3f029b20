// A model of TensorFlow Lite ops to a .tflite file.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "graph/model.h"
#include "pumice/error.h"
#include "tflite/metadata.h"

namespace pumice {

struct WriteOptions {
  /// From this many bytes of large constants on, the file refers to them by 64-bit offsets; below,
  /// they are ordinary vectors, which flatbuffers limits to the first 2 GiB.
  uint64_t external_from = uint64_t{2000} << 20;
  /// Read the file back and check it before it is put in place.
  bool validate = true;
  /// Files for a zip archive behind the model, where its readers do not look: labels.
  std::vector<AppendedFile> appended;
};

/// What was written; convert's report has it as "output".
struct WriteSummary {
  uint64_t bytes = 0;
  size_t subgraphs = 0, signatures = 0, tensors = 0, buffers = 0;
  std::map<std::string, int64_t> ops;         // builtin operators: name → how many
  std::map<std::string, int64_t> custom_ops;  // by their names, without "custom:"
  std::string minimum_runtime;                // "2.3.0", or empty
};

/// Writes the graphs of all signatures, in their order (the first is the primary subgraph), and the
/// graphs that they call. A signature without a key gives a subgraph but no entry point by name;
/// a model without signatures is written with its graphs in the order of their names.
///
/// Graphs hold TensorFlow Lite ops only, as op_description.h spells them, and:
///   Const           becomes a tensor with a buffer; unused ones are left out
///   Input, Return   become the subgraph's inputs and outputs
///   VariableTensor  one result: a tensor that keeps its value between runs (is_variable)
/// Tensors stand in the order of inputs, then nodes. The bytes depend on the model alone.
///
/// The file appears whole or not at all; an existing one is replaced only by a whole one.
/// Errors: kUnwritable (folder, disk), kInternal (a graph that breaks these rules), kTooLarge.
Result<WriteSummary> write_model(const Model& model, const std::string& path,
                                 const WriteOptions& options = {});

}  // namespace pumice
