// Any text as a GraphDef, and on through the binary reader; and as labels.
#include "detection/labels.h"
#include "formats/graph_def/graph_def.h"
#include "formats/protobuf/text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pumice;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)parse_labels(text, "fuzz").ok();
  for (const char* message : {"GraphDef", "SavedModel"}) {
    auto wire = text_to_wire(text, message);
    if (!wire.ok() || message[0] != 'G') continue;
    auto owner = std::make_shared<const std::string>(std::move(wire).value());
    const Bytes bytes(owner, std::as_bytes(std::span<const char>(owner->data(), owner->size())));
    (void)read_graph_def_file(bytes, "fuzz.pbtxt").ok();
  }
  return 0;
}
