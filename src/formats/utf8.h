#pragma once

#include <cstdint>
#include <string>

namespace pumice {

/// Appends one code point (below 0x110000) in UTF-8.
void append_utf8(std::string* out, uint32_t code);

}  // namespace pumice
