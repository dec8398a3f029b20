// Label files: one name a line, or a label map of TensorFlow's object-detection API.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pumice/error.h"

namespace pumice {

struct Labels {
  std::vector<std::string> lines;  // empty: there are none
  /// Of a label map: line i is the name of id i, and line 0 stands for no object whether the map
  /// says so or not. Otherwise the lines are a list, which may leave the background out.
  bool by_id = false;

  bool empty() const { return lines.empty(); }
};

/// UTF-8, one name a line; a byte order mark, carriage returns and spaces at the ends of lines do
/// not count, nor do empty lines at the end (one in between is a class without a name). Errors:
/// kTooLarge above 1 MB; kMalformed for what is no text, and for a file without names. `file` is
/// for messages.
Result<std::vector<std::string>> parse_label_lines(std::string_view text, const std::string& file);

/// Lines, or a label map where the text is one (see label_map.h).
Result<Labels> parse_labels(std::string_view text, const std::string& file);
/// The same from a file. Errors of map_file too.
Result<Labels> read_labels(const std::string& path);

constexpr uint64_t kMostLabelBytes = 1 << 20;
constexpr char kNoObject[] = "???";

/// A first line that stands for no object: "background", "__background__" or "???".
bool is_background(std::string_view label);

/// UTF-8 without control characters (tabs and line ends may stand in it).
bool is_label_text(std::string_view text);

/// A line for each column of raw class predictions. Column 0 is the background's where the labels
/// name one column less; a label map's line 0 goes where there is no column for it. Nothing where
/// the numbers do not fit.
std::optional<std::vector<std::string>> labels_of_columns(const Labels& labels, int64_t columns);

}  // namespace pumice
