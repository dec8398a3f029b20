// Any bytes as a GraphDef: the whole graph and every function of it.
#include "formats/graph_def/graph_def.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pumice;
  const Bytes bytes(nullptr, std::as_bytes(std::span<const uint8_t>(data, size)));
  auto source = read_graph_def_file(bytes, "fuzz.pb");
  if (source.ok() && source->functions) {
    for (const std::string& name : source->functions->names()) {
      (void)source->functions->attributes(name);
      (void)source->functions->find(name).ok();
    }
  }
  return 0;
}
