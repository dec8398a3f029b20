// TensorFlow Lite Metadata: what a model's tensors mean, for the libraries that run it.
//
// A flatbuffer of its own (root ModelMetadata, identifier M001) in the metadata entry
// TFLITE_METADATA, and the files that it names (labels) in a zip archive behind the model's last
// byte, where a reader of the model does not look. Field numbers and enum values are those of the
// public schema (metadata_schema.fbs of TensorFlow Lite Support).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/tensor.h"
#include "pumice/error.h"

namespace pumice {

/// The name of the model's metadata entry.
constexpr std::string_view kModelMetadataEntry = "TFLITE_METADATA";

struct AssociatedFile {
  enum Type : int8_t {
    kUnknown = 0,
    kDescriptions = 1,
    kTensorAxisLabels = 2,   // line i names index i of the tensor's last axis
    kTensorValueLabels = 3,  // line i names the value i
  };
  std::string name;  // in the archive
  std::string description;
  int8_t type = kUnknown;
  std::string locale;
};

struct TensorMetadata {
  enum Content : uint8_t { kNothing = 0, kFeature = 1, kImage = 2, kBoundingBox = 3, kAudio = 4 };
  enum ColorSpace : int8_t { kAnyColors = 0, kRgb = 1, kGray = 2 };
  enum BoxType : int8_t { kAnyBox = 0, kBoundaries = 1, kUpperLeft = 2, kCenter = 3 };
  enum Coordinates : int8_t { kRatio = 0, kPixel = 1 };

  std::string name, description;
  Content content = kNothing;
  int8_t color_space = kAnyColors;  // of kImage
  std::vector<uint32_t> box_index;  // of kBoundingBox: where left, top, right, bottom stand
  int8_t box_type = kAnyBox, coordinates = kRatio;
  std::optional<std::array<int32_t, 2>> range;  // the axes that the content covers, first to last
  std::vector<float> mean, deviation;           // NormalizationOptions: one each, or one a channel
  std::vector<float> max, min;                  // Stats
  std::vector<AssociatedFile> files;
};

struct TensorGroup {
  std::string name;
  std::vector<std::string> tensors;
};

/// In the order of the subgraph's inputs and outputs.
struct SubgraphMetadata {
  std::string name;
  std::vector<TensorMetadata> inputs, outputs;
  std::vector<AssociatedFile> files;
  std::vector<TensorGroup> output_groups;
};

struct ModelMetadata {
  std::string name, description, version, author, license;
  std::string min_parser_version;  // written: always the one that the content needs
  std::vector<SubgraphMetadata> subgraphs;
  std::vector<AssociatedFile> files;
};

/// The flatbuffer. The bytes depend on the metadata alone.
std::string metadata_bytes(const ModelMetadata& metadata);

/// Reads such a flatbuffer, every reference checked; what ModelMetadata cannot hold is passed over.
/// `file` is for messages. Errors: kMalformed, kTruncated.
Result<ModelMetadata> parse_metadata(std::span<const std::byte> bytes, const std::string& file);

/// A file beside the model, in the archive behind it.
struct AppendedFile {
  std::string name, content;
};

/// The content of a file in the archive behind the model; empty where there is no archive or no
/// such file in it. Errors: those of ZipReader, and kTooLarge above `limit`.
Result<std::optional<std::string>> read_appended(const Bytes& model, const std::string& name,
                                                 uint64_t limit, const std::string& file);

}  // namespace pumice
