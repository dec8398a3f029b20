// PNG and JPEG: whatever the bytes, an error or a picture that has all of its pixels.
#include <cstdint>

#include "detection/picture.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto* begin = reinterpret_cast<const std::byte*>(data);
  const auto picture =
      pumice::decode_picture(pumice::Bytes::own({begin, begin + size}), "fuzz.png");
  if (!picture.ok()) return 0;
  const auto pixels = static_cast<size_t>(picture->width) * static_cast<size_t>(picture->height);
  if (pixels == 0 || picture->rgb.size() != 3 * pixels) __builtin_trap();
  return 0;
}
