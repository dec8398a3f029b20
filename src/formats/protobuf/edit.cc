#include "formats/protobuf/edit.h"

namespace pumice {
bool take_varint(std::string_view* bytes, uint64_t* value) {
  *value = 0;
  for (int shift = 0; shift < 64 && !bytes->empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(bytes->front());
    bytes->remove_prefix(1);
    *value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (!(byte & 0x80)) return true;
  }
  return false;
}

bool next_field(std::string_view* message, ProtoField* field) {
  std::string_view rest = *message;
  uint64_t tag = 0, size = 0;
  if (rest.empty() || !take_varint(&rest, &tag) || (tag >> 3) == 0 || (tag >> 3) > 0x1fffffff)
    return false;
  *field = {};
  field->number = static_cast<uint32_t>(tag >> 3);
  switch (tag & 7) {
    case 0:
      if (!take_varint(&rest, &field->integer)) return false;
      break;
    case 1: size = 8; break;
    case 2:
      if (!take_varint(&rest, &size)) return false;
      field->is_bytes = true;
      break;
    case 5: size = 4; break;
    default: return false;
  }
  if (size > rest.size()) return false;
  if (field->is_bytes) field->bytes = rest.substr(0, size);
  rest.remove_prefix(size);
  field->raw = message->substr(0, message->size() - rest.size());
  *message = rest;
  return true;
}

Status message_fault(std::string_view rest) {
  if (rest.empty()) return {};
  return Error(ErrorCode::kMalformed, "the bytes are no valid protocol buffer message");
}

void put_varint(std::string* out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out->push_back(static_cast<char>(value | 0x80));
  out->push_back(static_cast<char>(value));
}

void put_bytes(std::string* out, uint32_t field, std::string_view bytes) {
  put_varint(out, uint64_t{field} << 3 | 2);
  put_varint(out, bytes.size());
  out->append(bytes);
}

void put_integer(std::string* out, uint32_t field, int64_t value) {
  put_varint(out, uint64_t{field} << 3);
  put_varint(out, static_cast<uint64_t>(value));
}

}  // namespace pumice
