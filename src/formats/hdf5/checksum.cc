#include "formats/hdf5/checksum.h"

#include <bit>

namespace pumice {

uint32_t hdf5_checksum(std::span<const std::byte> bytes) {
  const auto word = [&](size_t at) {
    uint32_t value = 0;
    for (size_t i = 0; i < 4 && at + i < bytes.size(); ++i)
      value |= std::to_integer<uint32_t>(bytes[at + i]) << (8 * i);
    return value;
  };
  uint32_t a = 0xdeadbeef + static_cast<uint32_t>(bytes.size()), b = a, c = a;
  const auto step = [](uint32_t& x, uint32_t y, uint32_t& z, int rotation) {
    x -= z;
    x ^= std::rotl(z, rotation);
    z += y;
  };
  if (bytes.empty()) return c;
  size_t at = 0;
  // The last 1 to 12 bytes go through the final mix.
  for (; bytes.size() - at > 12; at += 12) {
    a += word(at), b += word(at + 4), c += word(at + 8);
    step(a, b, c, 4), step(b, c, a, 6), step(c, a, b, 8);
    step(a, b, c, 16), step(b, c, a, 19), step(c, a, b, 4);
  }
  a += word(at), b += word(at + 4), c += word(at + 8);
  const auto last = [](uint32_t& x, uint32_t y, int rotation) {
    x = (x ^ y) - std::rotl(y, rotation);
  };
  last(c, b, 14), last(a, c, 11), last(b, a, 25), last(c, b, 16);
  last(a, c, 4), last(b, a, 14), last(c, b, 24);
  return c;
}

}  // namespace pumice
