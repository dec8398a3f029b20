#include "formats/meta_graph/object_graph.h"

#include <unordered_map>

#include "formats/graph_def/tensor_proto.h"
#include "formats/protobuf/reader.h"

namespace pumice {
namespace {

Status read_child(ProtoReader message, ObjectNode* object) {
  int64_t id = 0;
  std::string name;
  while (message.next()) {
    if (message.field() == 1) id = message.integer();
    if (message.field() == 2) name = message.bytes();
  }
  object->children.emplace_back(std::move(name), id);
  return message.status();
}

Status read_slot(ProtoReader message, ObjectNode* object) {
  ObjectNode::Slot slot{0, 0, {}};
  while (message.next()) {
    if (message.field() == 1) slot.original_variable = message.integer();
    if (message.field() == 2) slot.slot_name = message.bytes();
    if (message.field() == 3) slot.slot_variable = message.integer();
  }
  object->slots.push_back(std::move(slot));
  return message.status();
}

Status read_attribute(ProtoReader message, ObjectNode* object) {
  std::string name, key, full_name;
  while (message.next()) {
    if (message.field() == 1) name = message.bytes();
    if (message.field() == 2) full_name = message.bytes();
    if (message.field() == 3) key = message.bytes();
  }
  if (object->name.empty()) object->name = std::move(full_name);
  object->attributes.emplace_back(std::move(name), std::move(key));
  return message.status();
}

Status read_user_object(ProtoReader message, ObjectNode* object) {
  while (message.next()) {
    if (message.field() == 1) object->identifier = message.bytes();
    if (message.field() == 3) object->metadata = message.bytes();
  }
  return message.status();
}

Status read_variable(ProtoReader message, ObjectNode* object) {
  while (message.next()) {
    switch (message.field()) {
      case 1: object->dtype = dtype_from_tensorflow(message.integer()); break;
      case 2: {
        PUMICE_TRY(object->shape, read_shape(message.message()));
        break;
      }
      case 6: object->name = message.bytes(); break;
    }
  }
  return message.status();
}

/// A field of a message that names concrete functions.
Status read_functions(ProtoReader message, uint32_t field, ObjectNode* object) {
  while (message.next())
    if (message.field() == field) object->functions.emplace_back(message.bytes());
  return message.status();
}

/// An entry of `saveable_objects`: the functions that save and restore a part of the object.
Status read_saveable(ProtoReader entry, ObjectNode* object) {
  while (entry.next()) {
    if (entry.field() != 2) continue;
    ProtoReader saveable = entry.message();
    while (saveable.next())
      if (saveable.field() == 2 || saveable.field() == 3)
        object->references.push_back(saveable.integer());
    PUMICE_CHECK(saveable.status());
  }
  return entry.status();
}

Status read_saved_object(ProtoReader message, ObjectNode* object) {
  while (message.next()) {
    switch (message.field()) {
      case 1: PUMICE_CHECK(read_child(message.message(), object)); break;
      case 3: PUMICE_CHECK(read_slot(message.message(), object)); break;
      case 4:
        object->kind = "user_object";
        PUMICE_CHECK(read_user_object(message.message(), object));
        break;
      case 5: object->kind = "asset"; break;
      case 6:
        object->kind = "function";
        PUMICE_CHECK(read_functions(message.message(), 1, object));
        break;
      case 7:
        object->kind = "variable";
        PUMICE_CHECK(read_variable(message.message(), object));
        break;
      case 8:
        object->kind = "bare_concrete_function";
        PUMICE_CHECK(read_functions(message.message(), 1, object));
        break;
      case 9: {
        object->kind = "constant";
        ProtoReader constant = message.message();
        while (constant.next()) {
          if (constant.field() == 1) object->name = constant.bytes();
        }
        PUMICE_CHECK(constant.status());
        break;
      }
      case 10: object->kind = "resource"; break;
      case 12:
        object->kind = "captured_tensor";
        PUMICE_CHECK(read_functions(message.message(), 2, object));
        break;
      case 11: PUMICE_CHECK(read_saveable(message.message(), object)); break;
      case 13:
        if (object->identifier.empty()) object->identifier = message.bytes();
        break;
      case 15: {
        ProtoReader dependency = message.message();
        while (dependency.next())
          if (dependency.field() == 1) object->references.push_back(dependency.integer());
        PUMICE_CHECK(dependency.status());
        break;
      }
    }
  }
  return message.status();
}

Status read_trackable_object(ProtoReader message, ObjectNode* object) {
  while (message.next()) {
    if (message.field() == 1) PUMICE_CHECK(read_child(message.message(), object));
    if (message.field() == 2) PUMICE_CHECK(read_attribute(message.message(), object));
    if (message.field() == 3) PUMICE_CHECK(read_slot(message.message(), object));
  }
  return message.status();
}

void drop_dangling(const char* where, std::vector<ObjectNode>* objects,
                   std::vector<std::string>* warnings) {
  const int64_t count = static_cast<int64_t>(objects->size());
  const auto outside = [count](int64_t id) { return id < 0 || id >= count; };
  size_t dropped = 0;
  for (ObjectNode& object : *objects) {
    dropped += std::erase_if(object.children, [&](const auto& c) { return outside(c.second); });
    dropped += std::erase_if(object.slots, [&](const ObjectNode::Slot& s) {
      return outside(s.original_variable) || outside(s.slot_variable);
    });
    dropped += std::erase_if(object.references, outside);
  }
  if (dropped > 0) {
    warnings->push_back(std::string(where) + ": " + std::to_string(dropped) +
                        " references to objects that are not there");
  }
}

}  // namespace

Result<SavedObjects> read_saved_objects(std::string_view message,
                                        std::vector<std::string>* warnings) {
  SavedObjects saved;
  ProtoReader r(message);
  while (r.next()) {
    if (r.field() == 1) {
      PUMICE_CHECK(read_saved_object(r.message(), &saved.objects.emplace_back()));
    } else if (r.field() == 2) {
      std::string function;
      std::vector<int64_t> bound;
      ProtoReader entry = r.message();
      while (entry.next()) {
        if (entry.field() == 1) function = entry.bytes();
        if (entry.field() != 2) continue;
        ProtoReader concrete = entry.message();
        while (concrete.next()) {
          if (concrete.field() == 2) concrete.integers([&](int64_t id) { bound.push_back(id); });
        }
        PUMICE_CHECK(concrete.status());
      }
      PUMICE_CHECK(entry.status());
      saved.bound_inputs[function] = std::move(bound);
    }
  }
  PUMICE_CHECK(r.status());
  drop_dangling("the saved object graph", &saved.objects, warnings);
  return saved;
}

Result<std::vector<ObjectNode>> read_trackable_objects(std::string_view message,
                                                       std::vector<std::string>* warnings) {
  std::vector<ObjectNode> objects;
  ProtoReader r(message);
  while (r.next()) {
    if (r.field() != 1) continue;
    PUMICE_CHECK(read_trackable_object(r.message(), &objects.emplace_back()));
  }
  PUMICE_CHECK(r.status());
  drop_dangling("the checkpoint's object graph", &objects, warnings);
  return objects;
}

std::vector<int64_t> match_objects(const std::vector<ObjectNode>& saved,
                                   const std::vector<ObjectNode>& checkpoint) {
  std::vector<int64_t> match(saved.size(), -1);
  if (saved.empty() || checkpoint.empty()) return match;
  match[0] = 0;
  std::vector<int64_t> work{0};
  while (!work.empty()) {
    const int64_t id = work.back();
    work.pop_back();
    std::unordered_map<std::string_view, int64_t> by_name;
    for (const auto& [name, child] : checkpoint[match[id]].children) by_name.emplace(name, child);
    for (const auto& [name, child] : saved[id].children) {
      if (match[child] >= 0) continue;
      if (auto it = by_name.find(name); it != by_name.end()) {
        match[child] = it->second;
        work.push_back(child);
      }
    }
  }
  return match;
}

void match_slots(const std::vector<ObjectNode>& saved, const std::vector<ObjectNode>& checkpoint,
                 std::vector<int64_t>* match) {
  const auto name = [](int64_t variable, const std::string& slot) {
    return std::to_string(variable) + "/" + slot;
  };
  for (size_t i = 0; i < saved.size(); ++i) {
    if (saved[i].slots.empty() || (*match)[i] < 0) continue;
    std::unordered_map<std::string, int64_t> by_slot;
    for (const auto& slot : checkpoint[(*match)[i]].slots)
      by_slot.emplace(name(slot.original_variable, slot.slot_name), slot.slot_variable);
    for (const auto& slot : saved[i].slots) {
      const auto it = by_slot.find(name((*match)[slot.original_variable], slot.slot_name));
      if (it != by_slot.end() && (*match)[slot.slot_variable] < 0)
        (*match)[slot.slot_variable] = it->second;
    }
  }
}

std::string value_key(const ObjectNode& checkpoint_object) {
  for (const auto& [name, key] : checkpoint_object.attributes) {
    if (name == "VARIABLE_VALUE") return key;
  }
  return {};
}

}  // namespace pumice
