// SHA-256 (FIPS 180-4): what a RECORD gives for each file.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace pumice {

/// The digest as a RECORD writes it: URL-safe base64 without padding (43 characters).
std::string record_digest(std::span<const std::byte> bytes);

/// The same of a digest in hexadecimal; empty where that is not 64 digits.
std::string record_digest_of_hex(std::string_view hex);

}  // namespace pumice
