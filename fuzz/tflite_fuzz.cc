// .tflite files: whatever the bytes, an error or a model that the validator can look at; its
// metadata and the labels behind it likewise.
#include <cstdint>
#include <span>

#include "detection/metadata.h"
#include "tflite/reader.h"
#include "tflite/validator.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto* begin = reinterpret_cast<const std::byte*>(data);
  const pumice::Bytes bytes = pumice::Bytes::own({begin, begin + size});
  const auto file = pumice::read_tflite(bytes, "fuzz.tflite");
  if (!file.ok()) return 0;
  (void)pumice::validate_tflite(bytes, "fuzz.tflite");
  for (const auto& [name, graph] : file->model.graphs) {
    if (!pumice::verify_graph(*graph).ok()) __builtin_trap();  // the reader made a wrong graph
  }
  const auto entry = file->model.metadata.find(std::string(pumice::kModelMetadataEntry));
  if (entry != file->model.metadata.end()) {
    const auto metadata =
        pumice::parse_metadata(std::as_bytes(std::span(entry->second)), "fuzz.tflite");
    if (metadata.ok()) {
      (void)pumice::read_known_detector(*metadata, bytes, "fuzz.tflite");
      (void)pumice::metadata_bytes(*metadata);
    }
  }
  return 0;
}
