// SHA-256 (FIPS 180-4): what a RECORD gives for each file.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace pumice {

/// The digest as a RECORD writes it: URL-safe base64 without padding (43 characters).
std::string record_digest(std::span<const std::byte> bytes);

}  // namespace pumice
