// The decoders of picture.h's formats.
#pragma once

#include <span>

#include "detection/picture.h"

namespace pumice {

Result<Picture> decode_png(std::span<const std::byte> bytes);
Result<Picture> decode_jpeg(std::span<const std::byte> bytes);

/// At most kMostPixels, and at least one.
bool picture_fits(int64_t width, int64_t height);
Error picture_too_large(int64_t width, int64_t height);

}  // namespace pumice
