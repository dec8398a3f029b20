#include "cleaning/object_graph_edit.h"

#include <algorithm>
#include <initializer_list>

#include "formats/protobuf/edit.h"

namespace pumice {
namespace {

// Fields of an object.
constexpr uint32_t kChildren = 1, kSlots = 3;

/// What numbers the objects get.
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
    put_bytes(out, kChildren, child);
  }
}

void put_slots(const ObjectNode& object, const Numbers& numbers, std::string* out) {
  for (const auto& slot : object.slots) {
    if (numbers.of(slot.original_variable) < 0 || numbers.of(slot.slot_variable) < 0) continue;
    std::string text;
    put_integer(&text, 1, numbers.of(slot.original_variable));
    put_bytes(&text, 2, slot.slot_name);
    put_integer(&text, 3, numbers.of(slot.slot_variable));
    put_bytes(out, kSlots, text);
  }
}

/// Replaces one of `fields` of a message by the object's new number. `*gone` becomes true where the
/// object goes.
Result<bool> renumber(const ProtoField& field, std::initializer_list<uint32_t> fields,
                      const Numbers& numbers, bool* gone, std::string* out) {
  if (field.is_bytes || std::find(fields.begin(), fields.end(), field.number) == fields.end())
    return false;
  const int64_t target = numbers.of(static_cast<int64_t>(field.integer));
  if (target < 0) {
    *gone = true;
  } else {
    put_integer(out, field.number, target);
  }
  return true;
}

/// A dependency on an object: it goes when the object does.
Result<bool> edit_dependency(const ProtoField& field, const Numbers& numbers, std::string* out) {
  bool gone = false;
  const auto edit = [&](const ProtoField& f, std::string* to) {
    return renumber(f, {1}, numbers, &gone, to);
  };
  PUMICE_TRY(const std::string dependency, rewritten(field.bytes, edit));
  if (!gone) put_bytes(out, field.number, dependency);
  return true;
}

/// An entry of saveable objects: its value names the functions that save and restore.
Result<bool> edit_saveable(const ProtoField& field, const Numbers& numbers, std::string* out) {
  bool gone = false;
  const auto edit_value = [&](const ProtoField& f, std::string* to) {
    return renumber(f, {2, 3}, numbers, &gone, to);
  };
  const auto edit_entry = [&](const ProtoField& f, std::string* to) -> Result<bool> {
    return f.number == 2 ? rewrite_field(f, to, edit_value) : Result<bool>(false);
  };
  PUMICE_TRY(const std::string entry, rewritten(field.bytes, edit_entry));
  if (!gone) put_bytes(out, field.number, entry);
  return true;
}

/// A user object with another text as its metadata.
Result<bool> edit_metadata(const ProtoField& field, const std::string& metadata, std::string* out) {
  return rewrite_field(field, out, [&](const ProtoField& f, std::string* to) -> Result<bool> {
    if (f.number != 3 || f.bytes.empty()) return false;
    put_bytes(to, 3, metadata);
    return true;
  });
}

/// The objects that a concrete function captured, packed or one by one.
class CaptureEdit {
 public:
  explicit CaptureEdit(const Numbers& numbers) : numbers_(numbers) {}

  Result<bool> edit(const ProtoField& field, std::string* to) {
    if (field.number != 2) return false;
    if (!field.is_bytes) {
      put(static_cast<int64_t>(field.integer), to);
      return true;
    }
    std::string_view packed = field.bytes;
    uint64_t number = 0;
    while (take_varint(&packed, &number)) put(static_cast<int64_t>(number), to);
    PUMICE_CHECK(message_fault(packed));
    return true;
  }
  bool gone() const { return gone_; }  // one of them is not there

 private:
  void put(int64_t old, std::string* to) {
    const int64_t target = numbers_.of(old);
    if (target < 0) gone_ = true;
    put_integer(to, 2, target);
  }

  const Numbers& numbers_;
  bool gone_ = false;
};

/// An entry of concrete functions.
Result<bool> edit_function(const ProtoField& field, const Numbers& numbers, std::string* out) {
  CaptureEdit captures(numbers);
  const auto edit_captures = [&](const ProtoField& f, std::string* to) {
    return captures.edit(f, to);
  };
  const auto edit_entry = [&](const ProtoField& f, std::string* to) -> Result<bool> {
    return f.number == 2 ? rewrite_field(f, to, edit_captures) : Result<bool>(false);
  };
  PUMICE_CHECK(rewrite_field(field, out, edit_entry));
  if (captures.gone())
    return Error(ErrorCode::kMalformed, "a function captured an object that is not there");
  return true;
}

std::string_view key_of(std::string_view entry) {
  ProtoField field;
  while (next_field(&entry, &field))
    if (field.number == 1) return field.bytes;
  return {};
}

/// The objects of a SavedModel's or a checkpoint's graph, one after the other.
class ObjectEdit {
 public:
  ObjectEdit(const Objects& objects, const Numbers& numbers)
      : objects_(objects), numbers_(numbers) {}

  /// The next object, with its children and slots renumbered, or nothing where it goes.
  /// `edit(object number, field, out)` is for its other fields.
  template <typename Edit>
  Result<bool> next(const ProtoField& field, std::string* out, const Edit& edit) {
    const auto id = static_cast<int64_t>(next_++);
    if (numbers_.of(id) < 0) return true;
    std::string text;
    put_children(objects_[id], numbers_, &text);
    put_slots(objects_[id], numbers_, &text);
    PUMICE_CHECK(rewrite_message(field.bytes, &text,
                                 [&](const ProtoField& f, std::string* to) -> Result<bool> {
                                   if (f.number == kChildren || f.number == kSlots) return true;
                                   return edit(id, f, to);
                                 }));
    put_bytes(out, field.number, text);
    return true;
  }

 private:
  const Objects& objects_;
  const Numbers& numbers_;
  size_t next_ = 0;
};

}  // namespace

Result<std::string> rewrite_saved_objects(std::string_view message, const Objects& objects,
                                          const ObjectRemoval& removal,
                                          const std::map<int64_t, std::string>& metadata) {
  const Numbers numbers(removal.numbers);
  ObjectEdit object(objects, numbers);
  const auto edit_object = [&](int64_t id, const ProtoField& field,
                               std::string* to) -> Result<bool> {
    if (field.number == 11) return edit_saveable(field, numbers, to);
    if (field.number == 15) return edit_dependency(field, numbers, to);
    const auto changed = field.number == 4 ? metadata.find(id) : metadata.end();
    return changed == metadata.end() ? Result<bool>(false)
                                     : edit_metadata(field, changed->second, to);
  };
  return rewritten(message, [&](const ProtoField& field, std::string* to) -> Result<bool> {
    if (field.number == 1) return object.next(field, to, edit_object);
    if (field.number != 2) return false;
    if (removal.functions.count(std::string(key_of(field.bytes)))) return true;
    return edit_function(field, numbers, to);
  });
}

Result<std::string> rewrite_checkpoint_objects(std::string_view message, const Objects& objects,
                                               const std::vector<int64_t>& numbered) {
  const Numbers numbers(numbered);
  ObjectEdit object(objects, numbers);
  const auto copy = [](int64_t, const ProtoField&, std::string*) -> Result<bool> { return false; };
  return rewritten(message, [&](const ProtoField& field, std::string* to) -> Result<bool> {
    return field.number == 1 ? object.next(field, to, copy) : Result<bool>(false);
  });
}

Result<std::string> rewrite_keras_metadata(std::string_view message,
                                           const std::vector<int64_t>& numbered,
                                           const std::map<int64_t, std::string>& metadata) {
  const Numbers numbers(numbered);
  const auto edit_node = [&](const ProtoField& field, std::string* to) -> Result<bool> {
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
    const auto edit = [&](const ProtoField& n, std::string* t) -> Result<bool> {
      if (n.number == 2) return true;
      if (n.number != 5 || changed == metadata.end()) return false;
      put_bytes(t, 5, changed->second);
      return true;
    };
    PUMICE_CHECK(rewrite_message(field.bytes, &text, edit));
    put_bytes(to, 1, text);
    return true;
  };
  return rewritten(message, edit_node);
}

}  // namespace pumice
