// Rewriting protocol buffer messages: fields are copied as they stand, but for those that change.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pumice/error.h"

namespace pumice {

/// One field as it stands in a message.
struct ProtoField {
  uint32_t number = 0;
  std::string_view raw;    // tag and value
  std::string_view bytes;  // the value of a length-delimited field
  uint64_t integer = 0;    // the value of a varint field
  bool is_bytes = false;
};

/// Takes the next field off the front of `message`; false at its end and where it is malformed
/// (message_fault() then tells: something is left).
bool next_field(std::string_view* message, ProtoField* field);
/// What a loop over next_field() has left: an error unless it is empty.
Status message_fault(std::string_view rest);

/// Takes a varint off the front of `bytes`; false where there is none.
bool take_varint(std::string_view* bytes, uint64_t* value);
void put_varint(std::string* out, uint64_t value);
void put_bytes(std::string* out, uint32_t field, std::string_view bytes);
/// Negative numbers as int32 and int64 have them.
void put_integer(std::string* out, uint32_t field, int64_t value);

/// Appends to `out` the fields of `message`. `edit(field, out)` gives true for a field that it has
/// replaced (by whatever it appended, or by nothing) and false for one to copy; it may fail.
template <typename Edit>
Status rewrite_message(std::string_view message, std::string* out, Edit edit) {
  ProtoField field;
  while (next_field(&message, &field)) {
    Result<bool> replaced = edit(field, out);
    if (!replaced.ok()) return std::move(replaced).error();
    if (!*replaced) out->append(field.raw);
  }
  return message_fault(message);
}

/// A whole message with its fields as `edit` has them.
template <typename Edit>
Result<std::string> rewritten(std::string_view message, const Edit& edit) {
  std::string out;
  PUMICE_CHECK(rewrite_message<const Edit&>(message, &out, edit));
  return out;
}

/// Within an edit: appends a field that holds a message, with that message's fields as `edit` has
/// them. True: the field is replaced.
template <typename Edit>
Result<bool> rewrite_field(const ProtoField& field, std::string* out, const Edit& edit) {
  PUMICE_TRY(const std::string message, rewritten(field.bytes, edit));
  put_bytes(out, field.number, message);
  return true;
}

}  // namespace pumice
