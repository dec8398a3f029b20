#include "detection/anchors.h"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>
#include <vector>

#include "formats/file.h"
#include "formats/npz/npz.h"
#include "graph/cast.h"

namespace pumice {
namespace {

constexpr char kRow[] = "ycenter, xcenter, h, w";

Error malformed_anchors(std::string what) {
  return Error(ErrorCode::kMalformed, "anchors: " + std::move(what));
}

bool separates(char c) { return c == ',' || c == ';' || c == ' ' || c == '\t' || c == '\r'; }

std::vector<std::string_view> fields_of(std::string_view line) {
  std::vector<std::string_view> fields;
  for (size_t i = 0; i < line.size();) {
    if (separates(line[i])) {
      ++i;
      continue;
    }
    size_t end = i;
    while (end < line.size() && !separates(line[end])) ++end;
    fields.push_back(line.substr(i, end - i));
    i = end;
  }
  return fields;
}

std::optional<float> number(std::string_view field) {
  if (!field.empty() && field.front() == '+') field.remove_prefix(1);
  float value = 0;
  auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (error != std::errc() || end != field.data() + field.size()) return std::nullopt;
  return value;
}

/// A head line in the one order that is right; another order would be read wrongly.
bool names_columns(const std::vector<std::string_view>& fields) {
  static constexpr std::array<std::array<std::string_view, 5>, 4> kNames = {{
      {"y", "cy", "ycenter", "y_center", "center_y"},
      {"x", "cx", "xcenter", "x_center", "center_x"},
      {"h", "height", "h", "h", "h"},
      {"w", "width", "w", "w", "w"},
  }};
  if (fields.size() != 4) return false;
  for (size_t i = 0; i < 4; ++i) {
    bool named = false;
    for (std::string_view name : kNames[i]) named |= fields[i] == name;
    if (!named) return false;
  }
  return true;
}

std::string shown(std::string_view line) {
  constexpr size_t kMost = 60;
  std::string text = "'";
  for (char c : line.substr(0, kMost)) text += c >= ' ' && c <= '~' ? c : '?';
  return text + (line.size() > kMost ? "…'" : "'");
}

Result<Tensor> parse_text(std::string_view text) {
  std::vector<float> values;
  size_t line_number = 0;
  bool first = true;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++line_number;
    const auto fields = fields_of(line);
    if (fields.empty() || fields[0].front() == '#') continue;
    if (std::exchange(first, false) && names_columns(fields)) continue;
    bool good = fields.size() == 4;
    for (size_t i = 0; good && i < 4; ++i) {
      const auto value = number(fields[i]);
      good = value.has_value();
      if (good) values.push_back(*value);
    }
    if (!good)
      return malformed_anchors("line " + std::to_string(line_number) + " is no anchor")
          .expected(std::string("four numbers: ") + kRow)
          .found(shown(line));
  }
  const auto rows = static_cast<int64_t>(values.size() / 4);
  return Tensor::of<float>(DType::kFloat32, {rows, 4}, values);
}

Result<Tensor> parse_archive(const Bytes& bytes) {
  PUMICE_TRY(std::vector<NamedTensor> arrays, parse_npz(bytes));
  std::string names;
  for (const NamedTensor& array : arrays) {
    if (arrays.size() == 1 || array.name == "anchors") return array.tensor;
    names += (names.empty() ? "'" : ", '") + array.name + "'";
  }
  return malformed_anchors("the archive does not tell which array they are")
      .expected("one array, or one named 'anchors'")
      .found(arrays.empty() ? "no array" : names);
}

Result<Tensor> parse(const Bytes& bytes) {
  const std::string_view text = as_text(bytes.view());
  if (text.substr(0, 6) == "\x93NUMPY") return parse_npy(bytes);
  if (text.substr(0, 4) == std::string_view("PK\x03\x04", 4) ||
      text.substr(0, 4) == std::string_view("PK\x05\x06", 4))
    return parse_archive(bytes);
  return parse_text(text);
}

}  // namespace

Status check_anchors(const Tensor& anchors, std::optional<int64_t> count) {
  if (anchors.dtype() != DType::kFloat32 || anchors.rank() != 2 || anchors.dims()[1] != 4 ||
      anchors.dims()[0] == 0)
    return malformed_anchors("wrong shape or dtype")
        .expected(std::string("float numbers of shape [N,4], each row ") + kRow)
        .found(std::string(dtype_name(anchors.dtype())) + " " + to_string(anchors.dims()));
  const int64_t n = anchors.dims()[0];
  if (count && *count != n)
    return malformed_anchors("their number does not fit the model")
        .expected(std::to_string(*count) + ", as many as the model has boxes")
        .found(std::to_string(n));
  for (int64_t i = 0; i < 4 * n; ++i) {
    const float value = anchors.at<float>(i);
    const bool is_size = i % 4 >= 2;
    if (std::isfinite(value) && (!is_size || value > 0)) continue;
    return malformed_anchors("number " + std::to_string(i / 4) + " (counted from 0) is no box")
        .expected(is_size ? "a positive height and width" : "a finite centre")
        .found(std::to_string(value))
        .hint(is_size ? std::string("A row is ") + kRow + ", not two corners" : std::string());
  }
  return {};
}

Result<Tensor> read_anchors(const std::string& path, std::optional<int64_t> count) {
  PUMICE_TRY(Bytes bytes, map_file(path));
  auto anchors = parse(bytes);
  if (!anchors.ok()) return std::move(anchors).error().in(path);
  if (is_float(anchors->dtype())) *anchors = cast_tensor(*anchors, DType::kFloat32);
  if (Status status = check_anchors(*anchors, count); !status.ok())
    return std::move(status).error().in(path);
  return anchors;
}

}  // namespace pumice
