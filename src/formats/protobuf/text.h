// Protocol buffer text format (`.pbtxt`), turned into the binary form that the readers take.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "pumice/error.h"

namespace pumice {

enum class TextKind : uint8_t {
  kString,  // string and bytes
  kVarint,  // int32, int64, uint32, uint64, bool
  kEnum,
  kFloat,
  kDouble,
  kFixed32,
  kFixed64,
  kMessage,
};

/// One field of a message type. Tables of these are data: see text_schema.cc.
struct TextField {
  const char* message;  // the message type that has the field
  const char* name;
  uint32_t number;
  TextKind kind;
  const char* type;  // kMessage: its type; otherwise empty
};
extern const TextField kTextFields[];  // sorted by message, then by name
extern const size_t kTextFieldsCount;

/// The field of this name; null when the schema does not list it.
const TextField* find_text_field(std::string_view message, std::string_view name);

/// Whether `message` ("GraphDef", "SavedModel", …) has a field of this name.
bool text_schema_has(std::string_view message, std::string_view field);

/// The number of an enumerator of the schema's enums ("DT_FLOAT", "V2"); -1 when unknown.
int64_t text_enumerator(std::string_view name);

/// Parses text as the message type `message` and gives its binary form. Fields that the schema does
/// not list are skipped. Errors (kMalformed, kTruncated, kTooLarge) say line and column.
Result<std::string> text_to_wire(std::string_view text, std::string_view message);

}  // namespace pumice
