// .keras files and the configs in them: whatever the bytes, an error or findings, in bounded
// memory.
#include <cstdint>
#include <string>

#include "formats/keras/keras.h"
#include "training/registration.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto* begin = reinterpret_cast<const std::byte*>(data);
  const std::string text(reinterpret_cast<const char*>(data), size);
  pumice::Source source;
  source.format = "keras";
  source.graph = std::make_unique<pumice::Graph>("main");
  source.facts.documents = {{"config.json", "", text},
                            {"metadata.json", "", text},
                            {"keras_metadata.pb#1", "root.a", text}};
  if (auto found = pumice::find_optimizers(source, pumice::OptimizerPolicy::kStrip); found.ok()) {
    (void)pumice::to_json(*found);
    (void)pumice::to_text(*found);
  }
  auto read = pumice::read_keras(pumice::Bytes::own({begin, begin + size}), "fuzz.keras");
  if (read.ok()) (void)pumice::find_optimizers(*read, pumice::OptimizerPolicy::kUnify);
  return 0;
}
