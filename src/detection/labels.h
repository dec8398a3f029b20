// Label files: one name a line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pumice/error.h"

namespace pumice {

/// UTF-8, one name a line; a byte order mark, carriage returns and spaces at the ends of lines do
/// not count, nor do empty lines at the end (one in between is a class without a name). Errors:
/// those of map_file; kTooLarge above 1 MB; kMalformed for what is no text, and for a file without
/// names.
Result<std::vector<std::string>> read_labels(const std::string& path);
/// The same for text that is there already; `file` is for messages.
Result<std::vector<std::string>> parse_labels(std::string_view text, const std::string& file);
constexpr uint64_t kMostLabelBytes = 1 << 20;

/// A first line that stands for no object: "background", "__background__" or "???".
bool is_background(std::string_view label);

}  // namespace pumice
