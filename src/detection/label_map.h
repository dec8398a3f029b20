// Label maps of TensorFlow's object-detection API: StringIntLabelMap as text (`label_map.pbtxt`).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pumice/error.h"

namespace pumice {

/// Whether text is a label map: some line of it begins with `item {` (or `item <`, `item: [`).
bool is_label_map(std::string_view text);

/// Line i is the name of id i: its display_name, or where it has none its name. "???" for ids
/// without an item, and for id 0 unless the map names the background. Errors (kMalformed,
/// kTruncated, kTooLarge): text that is no label map, an item without id or without a name, an id
/// twice, below 0 or above 100,000, an id 0 that is not the background's, names that do not fit
/// into a line.
Result<std::vector<std::string>> parse_label_map(std::string_view text, const std::string& file);

}  // namespace pumice
