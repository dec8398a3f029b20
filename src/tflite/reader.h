// A .tflite file to graphs of TensorFlow Lite ops: the one reader of the format.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "graph/model.h"
#include "graph/tensor.h"
#include "pumice/error.h"

namespace pumice {

/// What a .tflite file holds.
struct TfliteFile {
  /// As writer.h describes it. Constants are views of the file's bytes. Signatures stand in the
  /// order of their subgraphs; where the primary subgraph has no signature, the first one is its,
  /// with an empty key and the tensors' names.
  Model model;
  std::vector<std::string> graphs;  // names of the subgraphs' graphs, in their order

  uint64_t bytes = 0;
  uint32_t version = 0;
  std::string description;
  std::string minimum_runtime;  // as its metadata say; empty: they say nothing
  struct OperatorCode {
    std::string op;  // "CONV_2D", "custom:Name"
    int version = 1;
  };
  std::vector<OperatorCode> operator_codes;
  /// What the file has and the graphs cannot hold: written again, the model would lack it.
  std::vector<std::string> not_represented;
};

/// Begins as a .tflite file does.
bool is_tflite(std::span<const std::byte> bytes);

/// Checks everything against the bytes that are there. `file` is for messages. Errors:
/// kUnknownFormat (another identifier), kTruncated, kMalformed, kUnsupported (an unknown operator
/// or tensor type, sparse tensors).
Result<TfliteFile> read_tflite(const Bytes& bytes, const std::string& file);

}  // namespace pumice
