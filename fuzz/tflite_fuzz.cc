// .tflite files: whatever the bytes, an error or a model that the validator can look at.
#include <cstdint>

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
  return 0;
}
