#include "formats/protobuf/json.h"

#include <charconv>
#include <limits>

#include "formats/protobuf/text.h"

namespace pumice {
namespace {

/// camelCase → snake_case, as protocol buffers derive the former from the latter.
std::string field_name(std::string_view key) {
  std::string name;
  for (const char c : key) {
    if (c >= 'A' && c <= 'Z') {
      name += '_';
      name += static_cast<char>(c + 32);
    } else {
      name += c;
    }
  }
  return name;
}

/// The schema does not tell strings from bytes, since text format has one form for both. These are
/// the fields of type bytes that a graph can reach.
bool is_bytes(const TextField& field) {
  const std::string_view name = field.name;
  return field.kind == TextKind::kString &&
         (name == "s" || name == "tensor_content" || name == "string_val" || name == "float8_val");
}

bool is_map(const TextField& field) {
  return field.kind == TextKind::kMessage && std::string_view(field.type).ends_with("Entry");
}

/// -1 where `c` is no digit of base64 in its plain or its URL alphabet.
int base64_digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+' || c == '-') return 62;
  if (c == '/' || c == '_') return 63;
  return -1;
}

bool decode_base64(std::string_view text, std::string* out) {
  while (text.ends_with('=')) text.remove_suffix(1);
  if (text.size() % 4 == 1) return false;
  out->reserve(text.size() / 4 * 3 + 2);
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int digit = base64_digit(c);
    if (digit < 0) return false;
    bits = bits << 6 | static_cast<uint32_t>(digit);
    if ((count += 6) >= 8) out->push_back(static_cast<char>(bits >> (count -= 8) & 0xff));
  }
  return true;
}

class JsonToWire {
 public:
  JsonToWire(JsonReader* json, std::string* out) : json_(*json), out_(*out) {}

  void message(std::string_view type);

 private:
  void tag(const TextField& field, int wire_type) {
    varint(static_cast<uint64_t>(field.number) << 3 | static_cast<uint64_t>(wire_type));
  }
  void varint(uint64_t v) {
    for (; v >= 0x80; v >>= 7) out_.push_back(static_cast<char>(v | 0x80));
    out_.push_back(static_cast<char>(v));
  }
  template <typename T>
  void fixed(T v) {
    out_.append(reinterpret_cast<const char*>(&v), sizeof v);  // little-endian
  }
  void bytes(const TextField& field, std::string_view value) {
    tag(field, 2);
    varint(value.size());
    out_.append(value);
  }

  void values(const TextField& field);
  void value(const TextField& field, bool in_list);
  void map(const TextField& field);
  template <typename Body>
  void nested(const TextField& field, Body body);
  void string_or_bytes(const TextField& field);
  int64_t integer(const TextField& field);
  double real();

  JsonReader& json_;
  std::string& out_;
};

template <typename Body>
void JsonToWire::nested(const TextField& field, Body body) {
  tag(field, 2);
  // A length of fixed width, filled in afterwards, spares moving the content.
  const size_t length_at = out_.size();
  out_.append(5, '\0');
  body();
  uint64_t length = out_.size() - length_at - 5;
  if (length > std::numeric_limits<uint32_t>::max()) {
    return json_.fail("a message is larger than 4 GiB", ErrorCode::kTooLarge);
  }
  for (size_t i = 0; i < 5; ++i, length >>= 7) {
    out_[length_at + i] = static_cast<char>((length & 0x7f) | (i < 4 ? 0x80 : 0));
  }
}

void JsonToWire::message(std::string_view type) {
  std::string key;
  json_.begin_object();
  while (json_.next_member(&key)) {
    const TextField* field = find_text_field(type, field_name(key));
    if (!field || json_.kind() == JsonKind::kNull) {
      json_.skip();
    } else {
      values(*field);
    }
  }
}

/// A field's value, or the array of a repeated field's.
void JsonToWire::values(const TextField& field) {
  if (json_.kind() != JsonKind::kArray) return value(field, /*in_list=*/false);
  if (is_bytes(field)) {
    // [[65, 66], "QUI="] is two values, [65, 66] is one.
    JsonReader ahead = json_;
    ahead.begin_array();
    if (ahead.next_element() && ahead.kind() == JsonKind::kNumber) return string_or_bytes(field);
  }
  json_.begin_array();
  while (json_.next_element()) value(field, /*in_list=*/true);
}

void JsonToWire::map(const TextField& field) {
  const TextField* key_field = find_text_field(field.type, "key");
  const TextField* value_field = find_text_field(field.type, "value");
  std::string key;
  json_.begin_object();
  while (json_.next_member(&key)) {
    nested(field, [&] {
      if (key_field->kind == TextKind::kString) {
        bytes(*key_field, key);
      } else {
        int64_t number = 0;
        if (!parse_json_integer(key, &number)) return json_.fail("a number was expected as key");
        tag(*key_field, 0);
        varint(static_cast<uint64_t>(number));
      }
      value(*value_field, /*in_list=*/false);
    });
  }
}

void JsonToWire::string_or_bytes(const TextField& field) {
  if (!is_bytes(field)) return bytes(field, json_.string());
  std::string decoded;
  if (json_.kind() == JsonKind::kArray) {
    json_.begin_array();
    while (json_.next_element()) {
      const int64_t byte = json_.integer();
      if (byte < 0 || byte > 255) return json_.fail("a byte, 0 to 255, was expected");
      decoded.push_back(static_cast<char>(byte));
    }
  } else {
    const std::string text = json_.string();
    if (json_.ok() && !decode_base64(text, &decoded)) {
      return json_.fail("bytes in base64 were expected");
    }
  }
  bytes(field, decoded);
}

int64_t JsonToWire::integer(const TextField& field) {
  switch (json_.kind()) {
    case JsonKind::kBoolean: return json_.boolean();
    case JsonKind::kString: {
      const std::string text = json_.string();
      int64_t v = 0;
      uint64_t large = 0;
      if (!json_.ok() || parse_json_integer(text, &v)) return v;
      if (field.kind == TextKind::kEnum) {
        v = text_enumerator(text);
        if (v < 0) json_.fail("an unknown enumerator");
        return v;
      }
      const char* end = text.data() + text.size();
      if (const auto [p, fault] = std::from_chars(text.data(), end, large);
          fault != std::errc() || p != end) {
        json_.fail("an integer was expected");
      }
      return static_cast<int64_t>(large);
    }
    default: return json_.integer();
  }
}

double JsonToWire::real() {
  if (json_.kind() != JsonKind::kString) return json_.real();
  const std::string text = json_.string();
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "Infinity") return std::numeric_limits<double>::infinity();
  if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
  JsonReader number(text);
  const double value = number.real();
  number.finish();
  if (!number.ok()) json_.fail("a number was expected");
  return value;
}

/// `in_list`: an element of an array; a map's elements may stand there as {"key": …, "value": …}.
void JsonToWire::value(const TextField& field, bool in_list) {
  switch (field.kind) {
    case TextKind::kMessage:
      if (is_map(field) && !in_list) return map(field);
      return nested(field, [&] { message(field.type); });
    case TextKind::kString: return string_or_bytes(field);
    case TextKind::kVarint:
    case TextKind::kEnum: tag(field, 0); return varint(static_cast<uint64_t>(integer(field)));
    case TextKind::kFloat: tag(field, 5); return fixed(static_cast<float>(real()));
    case TextKind::kDouble: tag(field, 1); return fixed(real());
    case TextKind::kFixed32: tag(field, 5); return fixed(static_cast<uint32_t>(integer(field)));
    case TextKind::kFixed64: tag(field, 1); return fixed(integer(field));
  }
}

}  // namespace

Result<std::string> json_to_wire(JsonReader* json, std::string_view message) {
  std::string wire;
  JsonToWire(json, &wire).message(message);
  PUMICE_CHECK(json->status());
  return wire;
}

}  // namespace pumice
