#include "cleaning/attr_edit.h"

#include <iterator>
#include <vector>

#include "formats/protobuf/edit.h"

namespace pumice {
namespace {

constexpr int kString = 7;  // DT_STRING

struct Entry {
  std::string_view key, value;
};

Result<Entry> read_entry(std::string_view bytes) {
  Entry entry;
  ProtoField field;
  while (next_field(&bytes, &field)) {
    if (field.number == 1) entry.key = field.bytes;
    if (field.number == 2) entry.value = field.bytes;
  }
  PUMICE_CHECK(message_fault(bytes));
  return entry;
}

void put_entry(std::string* out, std::string_view key, std::string_view value) {
  std::string entry;
  put_bytes(&entry, 1, key);
  put_bytes(&entry, 2, value);
  put_bytes(out, 5, entry);
}

/// AttrValue.list without some elements of its repeated field `number`. `renumber`: the elements
/// are operand numbers themselves.
Result<std::string> filter_list(std::string_view value, uint32_t number,
                                const std::set<size_t>& lost, bool renumber) {
  size_t index = 0;
  const auto keep_number = [&](int64_t v, std::string* to) {
    if (renumber) {
      const auto place = static_cast<size_t>(v);
      if (lost.count(place)) return;
      v -= std::distance(lost.begin(), lost.lower_bound(place));
    } else if (lost.count(index++)) {
      return;
    }
    put_integer(to, number, v);
  };
  const auto in_list = [&](const ProtoField& field, std::string* to) -> Result<bool> {
    if (field.number != number) return false;
    if (!field.is_bytes) {
      keep_number(static_cast<int64_t>(field.integer), to);
      return true;
    }
    if (number == 7) return lost.count(index++) > 0;  // shapes: messages
    std::string_view packed = field.bytes;
    uint64_t v = 0;
    while (take_varint(&packed, &v)) keep_number(static_cast<int64_t>(v), to);
    PUMICE_CHECK(message_fault(packed));
    return true;
  };
  return rewritten(value, [&](const ProtoField& field, std::string* to) -> Result<bool> {
    return field.number == 1 ? rewrite_field(field, to, in_list) : Result<bool>(false);
  });
}

/// AttrValue with a vector of strings, without some of them.
Result<std::string> filter_strings(std::string_view value, const std::set<size_t>& lost) {
  const auto unknown = [] {
    return Error(ErrorCode::kUnsupported,
                 "the names of saved tensors are no plain list of strings");
  };
  std::string_view tensor, shape;
  ProtoField field;
  while (next_field(&value, &field))
    if (field.number == 8) tensor = field.bytes;
  PUMICE_CHECK(message_fault(value));
  std::vector<std::string_view> strings;
  while (next_field(&tensor, &field)) {
    if (field.number == 2) shape = field.bytes;
    if (field.number == 8) strings.push_back(field.bytes);
  }
  PUMICE_CHECK(message_fault(tensor));
  uint64_t count = 0;
  size_t rank = 0;
  while (next_field(&shape, &field)) {
    if (field.number != 2) continue;
    ++rank;
    std::string_view dim = field.bytes;
    ProtoField size;
    while (next_field(&dim, &size))
      if (size.number == 1) count = size.integer;
  }
  if (rank != 1 || strings.empty() || count < strings.size() || lost.empty() ||
      *lost.rbegin() >= count || count > (uint64_t{1} << 20))
    return unknown();
  strings.resize(count, strings.back());  // a list of equal strings states one
  std::string dim, dims, out_tensor, out;
  put_integer(&dim, 1, static_cast<int64_t>(count - lost.size()));
  put_bytes(&dims, 2, dim);
  put_integer(&out_tensor, 1, kString);
  put_bytes(&out_tensor, 2, dims);
  for (size_t i = 0; i < strings.size(); ++i)
    if (!lost.count(i)) put_bytes(&out_tensor, 8, strings[i]);
  put_bytes(&out, 8, out_tensor);
  return out;
}

}  // namespace

std::string_view function_of_attr(std::string_view bytes) {
  auto entry = read_entry(bytes);
  if (!entry.ok() || entry->key != "f") return {};
  std::string_view value = entry->value;
  ProtoField field, name;
  while (next_field(&value, &field)) {
    if (field.number != 10) continue;
    std::string_view function = field.bytes;
    while (next_field(&function, &name))
      if (name.number == 1) return name.bytes;
  }
  return {};
}

Result<bool> edit_node_attr(std::string_view bytes, const std::set<size_t>& lost,
                            const std::set<size_t>& strings, std::string* out) {
  PUMICE_TRY(const Entry entry, read_entry(bytes));
  // Shapes of what has changed: a hint that TensorFlow works out by itself.
  if (entry.key == "_output_shapes") return true;
  std::string value;
  if (!strings.empty() && entry.key == "value") {
    PUMICE_TRY(value, filter_strings(entry.value, strings));
  } else if (!lost.empty() && (entry.key == "dtypes" || entry.key == "Tin")) {
    PUMICE_TRY(value, filter_list(entry.value, 6, lost, false));
  } else if (!lost.empty() && entry.key == "_read_only_resource_inputs") {
    PUMICE_TRY(value, filter_list(entry.value, 3, lost, true));
  } else {
    return false;
  }
  put_entry(out, entry.key, value);
  return true;
}

std::string_view string_of_attr(std::string_view bytes) {
  auto entry = read_entry(bytes);
  if (!entry.ok() || entry->key != "value") return {};
  std::string_view value = entry->value, text;
  ProtoField field, inner;
  while (next_field(&value, &field)) {
    if (field.number != 8) continue;
    std::string_view tensor = field.bytes;
    while (next_field(&tensor, &inner)) {
      if (inner.number == 1 && inner.integer != kString) return {};
      if (inner.number == 2 && !inner.bytes.empty()) return {};  // not a scalar
      if (inner.number == 8) text = inner.bytes;
    }
  }
  return text;
}

void put_string_attr(std::string* out, std::string_view text) {
  std::string tensor, value;
  put_integer(&tensor, 1, kString);
  put_bytes(&tensor, 2, "");
  put_bytes(&tensor, 8, text);
  put_bytes(&value, 8, tensor);
  put_entry(out, "value", value);
}

Result<bool> edit_function_attr(std::string_view bytes, const std::set<size_t>& arguments,
                                std::string* out) {
  PUMICE_TRY(const Entry entry, read_entry(bytes));
  if (entry.key != "_input_shapes") return false;
  PUMICE_TRY(const std::string value, filter_list(entry.value, 7, arguments, false));
  put_entry(out, entry.key, value);
  return true;
}

}  // namespace pumice
