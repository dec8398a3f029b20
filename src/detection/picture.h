// Pictures: from PNG and JPEG, scaled, and to PNG.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "graph/tensor.h"
#include "pumice/error.h"

namespace pumice {

/// Rows of red, green, blue; three bytes a pixel.
struct Picture {
  int width = 0, height = 0;
  std::vector<uint8_t> rgb;
  uint8_t* at(int x, int y) { return &rgb[3 * (static_cast<size_t>(y) * width + x)]; }
  const uint8_t* at(int x, int y) const { return &rgb[3 * (static_cast<size_t>(y) * width + x)]; }
};

/// Larger pictures are refused before any memory is taken for them.
constexpr int64_t kMostPixels = 64'000'000;

/// PNG (alpha is dropped, palettes and grey become colours) or JPEG (CMYK becomes RGB; turned upright).
/// `file` is for messages. Errors: kUnknownFormat, kTruncated, kMalformed, kTooLarge, kUnsupported.
Result<Picture> decode_picture(const Bytes& bytes, const std::string& file);

/// Bilinear, pixels' centres aligned as areas are.
Picture resize(const Picture& picture, int width, int height);

/// Writes a PNG: whole or not at all.
Status write_png(const Picture& picture, const std::string& path);

}  // namespace pumice
