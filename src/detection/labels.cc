#include "detection/labels.h"

#include <algorithm>

#include "detection/label_map.h"
#include "formats/file.h"

namespace pumice {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

Result<std::string_view> checked_text(std::string_view text, const std::string& file) {
  if (text.size() > kMostLabelBytes)
    return Error(ErrorCode::kTooLarge, "the label file is larger than 1 MB").in(file);
  if (text.substr(0, kByteOrderMark.size()) == kByteOrderMark)
    text.remove_prefix(kByteOrderMark.size());
  if (!is_label_text(text))
    return Error(ErrorCode::kMalformed, "the label file is no text")
        .in(file)
        .expected("UTF-8: one name a line, or a label map (item { id: 1 name: 'person' })");
  return text;
}

}  // namespace

bool is_label_text(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80) {
      if (byte < 0x20 && byte != '\n' && byte != '\r' && byte != '\t') return false;
      ++i;
      continue;
    }
    const size_t length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    if (byte < 0xc2 || byte > 0xf4 || text.size() - i < length) return false;
    for (size_t k = 1; k < length; ++k)
      if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) return false;
    i += length;
  }
  return true;
}

bool is_background(std::string_view label) {
  std::string small(label);
  std::transform(small.begin(), small.end(), small.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return small == "background" || small == "__background__" || small == "???";
}

Result<std::vector<std::string>> parse_label_lines(std::string_view content,
                                                   const std::string& file) {
  PUMICE_TRY(std::string_view text, checked_text(content, file));
  std::vector<std::string> names;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const size_t first = line.find_first_not_of(" \t\r"), last = line.find_last_not_of(" \t\r");
    names.emplace_back(first == line.npos ? "" : line.substr(first, last - first + 1));
  }
  while (!names.empty() && names.back().empty()) names.pop_back();
  if (names.empty())
    return Error(ErrorCode::kMalformed, "the label file holds no names")
        .in(file)
        .expected("one name a line");
  return names;
}

Result<Labels> parse_labels(std::string_view content, const std::string& file) {
  PUMICE_TRY(const std::string_view text, checked_text(content, file));
  Labels labels;
  labels.by_id = is_label_map(text);
  if (labels.by_id) {
    PUMICE_TRY(labels.lines, parse_label_map(text, file));
  } else {
    PUMICE_TRY(labels.lines, parse_label_lines(text, file));
  }
  return labels;
}

Result<Labels> read_labels(const std::string& path) {
  PUMICE_TRY(const Bytes bytes, map_file(path));
  return parse_labels(as_text(bytes.view()), path);
}

std::optional<std::vector<std::string>> labels_of_columns(const Labels& labels, int64_t columns) {
  std::vector<std::string> lines = labels.lines;
  const auto count = static_cast<int64_t>(lines.size());
  if (count == columns) return lines;
  if (count == columns - 1 && !(count > 0 && is_background(lines[0]))) {
    lines.insert(lines.begin(), kNoObject);
    return lines;
  }
  if (!labels.by_id || count - 1 != columns) return std::nullopt;
  lines.erase(lines.begin());
  return lines;
}

}  // namespace pumice
