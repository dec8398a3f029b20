// CRC-32C (Castagnoli), as TensorFlow's tables and records carry it.
#pragma once

#include <cstdint>
#include <string_view>

namespace pumice {

/// The checksum of `bytes`, continued from `crc` (0 at the start).
uint32_t crc32c(std::string_view bytes, uint32_t crc = 0);

/// The form in which files store it: rotated and offset, so that a checksum of checksums stays sound.
uint32_t masked_crc32c(std::string_view bytes);

}  // namespace pumice
