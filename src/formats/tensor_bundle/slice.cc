#include "formats/tensor_bundle/slice.h"

#include <charconv>

namespace pumice {
namespace {

bool parse_number(std::string_view text, int64_t* value) {
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return fault == std::errc() && end == text.data() + text.size() && *value >= 0;
}

std::string_view take_until(std::string_view* text, char separator) {
  const size_t at = text->find(separator);
  const std::string_view head = text->substr(0, at);
  *text = at == std::string_view::npos ? std::string_view() : text->substr(at + 1);
  return head;
}

// The keys of parts are written in an order-preserving code: bytes that sort as the values do.

/// Not negative: the number of bytes that follow, then the value, high bytes first.
void append_ordered(std::string* out, uint64_t value) {
  int bytes = 0;
  while (bytes < 8 && value >> (8 * bytes) != 0) ++bytes;
  out->push_back(static_cast<char>(bytes));
  while (bytes-- > 0) out->push_back(static_cast<char>(value >> (8 * bytes)));
}

/// 00 becomes 00 ff, ff becomes ff 00; 00 01 ends the string.
void append_ordered(std::string* out, std::string_view value) {
  for (const char c : value) {
    out->push_back(c);
    if (c == '\x00') out->push_back('\xff');
    if (c == '\xff') out->push_back('\x00');
  }
  out->push_back('\x00');
  out->push_back('\x01');
}

/// Signed: in n bytes of seven value bits each, high ones first; n leading bits are the inverse of
/// the sign, then one is the sign.
void append_ordered_signed(std::string* out, int64_t value) {
  const uint64_t magnitude =
      value < 0 ? ~static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  int bits = 0;
  while (bits < 64 && magnitude >> bits != 0) ++bits;
  const int length = bits / 7 + 1;  // a sign bit stands before the value's
  const uint8_t fill = value < 0 ? 0xff : 0x00;
  uint8_t bytes[10];
  for (int i = 0; i < length; ++i) {
    const int shift = 8 * (length - 1 - i);
    bytes[i] = shift >= 64 ? fill : static_cast<uint8_t>(static_cast<uint64_t>(value >> shift));
  }
  const int first = length < 8 ? length : 8;
  bytes[0] ^= static_cast<uint8_t>(0xff00u >> first);
  if (length > 8) bytes[1] ^= static_cast<uint8_t>(0xff00u >> (length - 8));
  out->append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(length));
}

}  // namespace

std::optional<Dims> TensorSlice::dims_in(const Dims& full) const {
  if (extents.size() != full.size()) return std::nullopt;
  Dims dims;
  for (size_t i = 0; i < full.size(); ++i) {
    const Extent& e = extents[i];
    if (e.length < 0) {
      dims.push_back(full[i]);
    } else {
      if (e.start < 0 || e.start > full[i] || e.length > full[i] - e.start) return std::nullopt;
      dims.push_back(e.length);
    }
  }
  return dims;
}

std::optional<ShapeAndSlice> parse_shape_and_slice(std::string_view text) {
  ShapeAndSlice result;
  if (text.empty()) return result;
  result.whole = false;
  while (text.find(' ') != std::string_view::npos) {
    int64_t size = 0;
    if (!parse_number(take_until(&text, ' '), &size)) return std::nullopt;
    result.full.push_back(size);
  }
  while (!text.empty()) {
    std::string_view part = take_until(&text, ':');
    TensorSlice::Extent extent;
    if (part != "-") {
      const std::string_view start = take_until(&part, ',');
      if (!parse_number(start, &extent.start) || !parse_number(part, &extent.length)) {
        return std::nullopt;
      }
    }
    result.slice.extents.push_back(extent);
  }
  if (!result.slice.dims_in(result.full)) return std::nullopt;
  return result;
}

std::string slice_key(std::string_view name, const TensorSlice& slice) {
  std::string key;
  append_ordered(&key, uint64_t{0});
  append_ordered(&key, name);
  append_ordered(&key, static_cast<uint64_t>(slice.extents.size()));
  for (const TensorSlice::Extent& e : slice.extents) {
    append_ordered_signed(&key, e.start);
    append_ordered_signed(&key, e.length);
  }
  return key;
}

}  // namespace pumice
