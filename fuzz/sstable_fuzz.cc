// Any bytes as a checkpoint's index: the table with its checksums, and the keys of parts of
// tensors.
#include <string>

#include "formats/tensor_bundle/slice.h"
#include "formats/tensor_bundle/sstable.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pumice;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  (void)read_sstable(bytes, [](std::string_view, std::string_view) -> Status { return {}; }).ok();
  if (auto part = parse_shape_and_slice(bytes)) (void)slice_key("name", part->slice);
  return 0;
}
