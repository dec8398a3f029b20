#include "cleaning/object_graph_edit.h"

#include "formats/protobuf/edit.h"

namespace pumice {
namespace {

class Numbers {
 public:
  explicit Numbers(const std::vector<int64_t>& numbers) : numbers_(numbers) {}
  /// -1: it goes, or there is none.
  int64_t of(int64_t old) const {
    return old >= 0 && old < static_cast<int64_t>(numbers_.size()) ? numbers_[old] : -1;
  }

 private:
  const std::vector<int64_t>& numbers_;
};

void put_children(const ObjectNode& object, const Numbers& numbers, std::string* out) {
  for (const auto& [name, target] : object.children) {
    if (numbers.of(target) < 0) continue;
    std::string child;
    if (numbers.of(target) > 0) put_integer(&child, 1, numbers.of(target));
    put_bytes(&child, 2, name);
    put_bytes(out, 1, child);
  }
}

void put_slots(const ObjectNode& object, const Numbers& numbers, std::string* out) {
  for (const auto& slot : object.slots) {
    if (numbers.of(slot.original_variable) < 0 || numbers.of(slot.slot_variable) < 0) continue;
    std::string text;
    put_integer(&text, 1, numbers.of(slot.original_variable));
    put_bytes(&text, 2, slot.slot_name);
    put_integer(&text, 3, numbers.of(slot.slot_variable));
    put_bytes(out, 3, text);
  }
}

/// A message with object numbers in some of its fields. `*gone` becomes true where one of them
/// goes.
Result<std::string> renumbered(std::string_view message, std::initializer_list<uint32_t> fields,
                               const Numbers& numbers, bool* gone) {
  std::string out;
  PUMICE_CHECK(
      rewrite_message(message, &out, [&](const ProtoField& field, std::string* to) -> Result<bool> {
        for (const uint32_t number : fields) {
          if (field.number != number || field.is_bytes) continue;
          const int64_t target = numbers.of(static_cast<int64_t>(field.integer));
          if (target < 0) {
            *gone = true;
          } else {
            put_integer(to, number, target);
          }
          return true;
        }
        return false;
      }));
  return out;
}

Result<bool> edit_saveable(std::string_view entry, const Numbers& numbers, std::string* out) {
  bool gone = false;
  std::string text;
  PUMICE_CHECK(
      rewrite_message(entry, &text, [&](const ProtoField& field, std::string* to) -> Result<bool> {
        if (field.number != 2) return false;
        PUMICE_TRY(const std::string value, renumbered(field.bytes, {2, 3}, numbers, &gone));
        put_bytes(to, 2, value);
        return true;
      }));
  if (!gone) put_bytes(out, 11, text);
  return true;
}

/// A concrete function's entry: the objects that it captured.
Result<std::string> edit_function(std::string_view entry, const Numbers& numbers) {
  bool gone = false;
  std::string out;
  const auto put = [&](int64_t old, std::string* to) {
    const int64_t target = numbers.of(old);
    if (target < 0) gone = true;
    put_integer(to, 2, target);
  };
  PUMICE_CHECK(
      rewrite_message(entry, &out, [&](const ProtoField& field, std::string* to) -> Result<bool> {
        if (field.number != 2) return false;
        std::string value;
        PUMICE_CHECK(rewrite_message(field.bytes, &value,
                                     [&](const ProtoField& f, std::string* v) -> Result<bool> {
                                       if (f.number != 2) return false;
                                       if (!f.is_bytes) {
                                         put(static_cast<int64_t>(f.integer), v);
                                         return true;
                                       }
                                       std::string_view packed = f.bytes;
                                       uint64_t number = 0;
                                       while (take_varint(&packed, &number))
                                         put(static_cast<int64_t>(number), v);
                                       PUMICE_CHECK(message_fault(packed));
                                       return true;
                                     }));
        put_bytes(to, 2, value);
        return true;
      }));
  if (gone) return Error(ErrorCode::kMalformed, "a function captured an object that is not there");
  return out;
}

std::string_view key_of(std::string_view entry) {
  ProtoField field;
  while (next_field(&entry, &field))
    if (field.number == 1) return field.bytes;
  return {};
}

}  // namespace

Result<std::string> rewrite_saved_objects(std::string_view message, const Objects& objects,
                                          const ObjectRemoval& removal,
                                          const std::map<int64_t, std::string>& metadata) {
  const Numbers numbers(removal.numbers);
  std::string out;
  size_t next = 0;
  PUMICE_CHECK(
      rewrite_message(message, &out, [&](const ProtoField& field, std::string* to) -> Result<bool> {
        if (field.number == 2) {
          if (removal.functions.count(std::string(key_of(field.bytes)))) return true;
          PUMICE_TRY(const std::string entry, edit_function(field.bytes, numbers));
          put_bytes(to, 2, entry);
          return true;
        }
        if (field.number != 1) return false;
        const auto id = static_cast<int64_t>(next++);
        if (numbers.of(id) < 0) return true;
        std::string text;
        put_children(objects[id], numbers, &text);
        put_slots(objects[id], numbers, &text);
        PUMICE_CHECK(rewrite_message(
            field.bytes, &text, [&](const ProtoField& f, std::string* t) -> Result<bool> {
              if (f.number == 1 || f.number == 3) return true;
              if (f.number == 11) return edit_saveable(f.bytes, numbers, t);
              if (f.number == 15) {
                bool gone = false;
                PUMICE_TRY(const std::string dependency, renumbered(f.bytes, {1}, numbers, &gone));
                if (!gone) put_bytes(t, 15, dependency);
                return true;
              }
              const auto changed = f.number == 4 ? metadata.find(id) : metadata.end();
              if (changed == metadata.end()) return false;
              std::string user;
              PUMICE_CHECK(rewrite_message(
                  f.bytes, &user, [&](const ProtoField& u, std::string* w) -> Result<bool> {
                    if (u.number != 3 || u.bytes.empty()) return false;
                    put_bytes(w, 3, changed->second);
                    return true;
                  }));
              put_bytes(t, 4, user);
              return true;
            }));
        put_bytes(to, 1, text);
        return true;
      }));
  return out;
}

Result<std::string> rewrite_checkpoint_objects(std::string_view message, const Objects& objects,
                                               const std::vector<int64_t>& numbered) {
  const Numbers numbers(numbered);
  std::string out;
  size_t next = 0;
  PUMICE_CHECK(
      rewrite_message(message, &out, [&](const ProtoField& field, std::string* to) -> Result<bool> {
        if (field.number != 1) return false;
        const auto id = static_cast<int64_t>(next++);
        if (numbers.of(id) < 0) return true;
        std::string text;
        put_children(objects[id], numbers, &text);
        put_slots(objects[id], numbers, &text);
        PUMICE_CHECK(rewrite_message(field.bytes, &text,
                                     [](const ProtoField& f, std::string*) -> Result<bool> {
                                       return f.number == 1 || f.number == 3;
                                     }));
        put_bytes(to, 1, text);
        return true;
      }));
  return out;
}

Result<std::string> rewrite_keras_metadata(std::string_view message,
                                           const std::vector<int64_t>& numbered,
                                           const std::map<int64_t, std::string>& metadata) {
  const Numbers numbers(numbered);
  std::string out;
  PUMICE_CHECK(
      rewrite_message(message, &out, [&](const ProtoField& field, std::string* to) -> Result<bool> {
        if (field.number != 1) return false;
        int64_t id = 0;
        std::string_view rest = field.bytes;
        ProtoField f;
        while (next_field(&rest, &f))
          if (f.number == 2) id = static_cast<int64_t>(f.integer);
        if (numbers.of(id) < 0) return true;
        std::string text;
        if (numbers.of(id) > 0) put_integer(&text, 2, numbers.of(id));
        const auto changed = metadata.find(id);
        PUMICE_CHECK(rewrite_message(field.bytes, &text,
                                     [&](const ProtoField& n, std::string* t) -> Result<bool> {
                                       if (n.number == 2) return true;
                                       if (n.number != 5 || changed == metadata.end()) return false;
                                       put_bytes(t, 5, changed->second);
                                       return true;
                                     }));
        put_bytes(to, 1, text);
        return true;
      }));
  return out;
}

}  // namespace pumice
