#include "detection/label_map.h"

#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "detection/labels.h"
#include "formats/protobuf/reader.h"
#include "formats/protobuf/text.h"

namespace pumice {
namespace {

constexpr int64_t kLargestId = 100'000;
constexpr std::string_view kSpace = " \t\r\n\v\f";

std::string_view from(std::string_view text, size_t at) {
  return at < text.size() ? text.substr(at) : std::string_view();
}

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(kSpace);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

struct Item {
  std::optional<int64_t> id;
  std::optional<std::string_view> name, display_name;

  std::string_view shown() const {
    const std::string_view preferred = trimmed(display_name.value_or(""));
    return preferred.empty() ? trimmed(name.value_or("")) : preferred;
  }
};

Error wrong(size_t number, const Item& item, const std::string& what) {
  std::string where = "item " + std::to_string(number);
  if (item.id) where += " (id " + std::to_string(*item.id) + ")";
  return Error(ErrorCode::kMalformed, where + " of the label map " + what);
}

/// An item has each of its fields at most once, as TensorFlow's parser demands.
Result<Item> read_item(ProtoReader reader, size_t number) {
  Item item;
  bool twice = false;
  while (reader.next()) {
    if (reader.field() == 2) {
      twice |= item.id.has_value();
      item.id = reader.integer();
    } else if (reader.field() == 1 || reader.field() == 3) {
      auto& name = reader.field() == 1 ? item.name : item.display_name;
      twice |= name.has_value();
      name = reader.bytes();
    }
  }
  PUMICE_CHECK(reader.status());
  if (twice) return wrong(number, item, "states a field twice");
  return item;
}

/// The id may stand, and the name fits into a line.
Status check(const Item& item, size_t number) {
  if (!item.id) return wrong(number, item, "has no id");
  if (*item.id < 0) return wrong(number, item, "has a negative id");
  if (*item.id > kLargestId)
    return Error(ErrorCode::kTooLarge, "an id of the label map is too large")
        .expected("at most " + std::to_string(kLargestId))
        .found(std::to_string(*item.id));
  if (item.shown().empty())
    return wrong(number, item, "has no name").expected("a name or a display_name");
  if (!is_label_text(item.shown()) || item.shown().find_first_of("\r\n") != std::string_view::npos)
    return wrong(number, item, "has a name that is no line of text")
        .expected("UTF-8 without line ends");
  if (*item.id == 0 && !is_background(item.shown()) &&
      !is_background(trimmed(item.name.value_or(""))))
    return wrong(number, item, "is an object")
        .expected("id 0 for the background, objects from 1")
        .found("'" + std::string(item.shown()) + "'");
  return {};
}

Result<std::vector<std::string>> names_by_id(std::string_view wire) {
  std::map<int64_t, std::string_view> names;
  size_t number = 0;
  ProtoReader reader(wire);
  while (reader.next()) {
    if (reader.field() != 1) continue;
    PUMICE_TRY(const Item item, read_item(reader.message(), ++number));
    PUMICE_CHECK(check(item, number));
    const auto [it, fresh] = names.emplace(*item.id, item.shown());
    if (!fresh)
      return wrong(number, item, "has the id of another one")
          .found("'" + std::string(it->second) + "' and '" + std::string(item.shown()) + "'");
  }
  PUMICE_CHECK(reader.status());
  if (names.empty() || names.rbegin()->first == 0)
    return Error(ErrorCode::kMalformed, "the label map names no object");
  std::vector<std::string> lines(static_cast<size_t>(names.rbegin()->first) + 1, kNoObject);
  uint64_t bytes = lines.size() * (std::string_view(kNoObject).size() + 1);
  for (const auto& [id, name] : names) {
    if (id == 0) continue;
    bytes += name.size();
    lines[static_cast<size_t>(id)] = name;
  }
  if (names.count(0)) lines[0] = is_background(names[0]) ? std::string(names[0]) : "background";
  if (bytes > kMostLabelBytes)
    return Error(ErrorCode::kTooLarge, "the label map's names take more than 1 MB as lines");
  return lines;
}

}  // namespace

bool is_label_map(std::string_view text) {
  constexpr std::string_view kItem = "item";
  while (!text.empty()) {
    const size_t start = text.find_first_not_of(kSpace);
    if (start == text.npos) return false;
    text.remove_prefix(start);
    if (text.substr(0, kItem.size()) == kItem) {
      std::string_view rest = from(text, text.find_first_not_of(kSpace, kItem.size()));
      const bool colon = !rest.empty() && rest[0] == ':';
      if (colon) rest = from(rest, rest.find_first_not_of(kSpace, 1));
      if (!rest.empty() && (rest[0] == '{' || rest[0] == '<' || (colon && rest[0] == '[')))
        return true;
    }
    text = from(text, text.find('\n'));
  }
  return false;
}

Result<std::vector<std::string>> parse_label_map(std::string_view text, const std::string& file) {
  auto wire = text_to_wire(text, "StringIntLabelMap");
  if (!wire.ok()) return std::move(wire).error().in(file);
  auto names = names_by_id(*wire);
  if (!names.ok()) return std::move(names).error().in(file);
  return names;
}

}  // namespace pumice
