#include "cleaning/slot_table.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace pumice {
namespace {

int64_t child(const ObjectNode& object, std::string_view name) {
  for (const auto& [local, id] : object.children)
    if (local == name) return id;
  return -1;
}

bool is_index(const std::string& text) {
  return !text.empty() && text.size() < 9 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// The elements of a list by their numbers; nothing where it is no list without gaps.
bool read_list(const ObjectNode& list, std::vector<int64_t>* elements) {
  elements->assign(list.children.size(), -1);
  for (const auto& [name, id] : list.children) {
    const size_t at = is_index(name) ? std::stoul(name) : elements->size();
    if (at >= elements->size() || (*elements)[at] >= 0) return false;
    (*elements)[at] = id;
  }
  return true;
}

Error unknown_slots(const Registration& r, const char* why) {
  return Error(ErrorCode::kUnsupported,
               "the files do not tell which variables an optimizer's slots belong to")
      .found(r.id + " (" + (r.class_name.empty() ? r.kind : r.class_name) + "): " + why)
      .hint("Keep it where it is (namespace), or strip it");
}

/// The end of a slot's name names its variable: "Adam/m/dense/kernel", "m/dense/kernel".
std::string_view without_first(std::string_view name, int parts) {
  for (; parts > 0; --parts) {
    const size_t slash = name.find('/');
    if (slash == std::string_view::npos) return {};
    name.remove_prefix(slash + 1);
  }
  return name;
}

/// tf_keras names the variables in their slots' names.
Status variables_by_name(const Objects& objects, const Registration& r, SlotTable* table) {
  std::unordered_set<int64_t> own(table->counters.begin(), table->counters.end());
  for (const auto& list : table->lists) own.insert(list.slots.begin(), list.slots.end());
  std::unordered_map<std::string_view, std::vector<int64_t>> by_name;
  for (size_t i = 0; i < objects.size(); ++i)
    if (objects[i].kind == "variable" && !own.count(static_cast<int64_t>(i)))
      by_name[objects[i].name].push_back(static_cast<int64_t>(i));
  const auto& slots = table->lists[0].slots;
  for (const int64_t slot : slots) {
    const std::vector<int64_t>* found = nullptr;
    for (int parts = 1; parts <= 3 && !found; ++parts) {
      const auto it = by_name.find(without_first(objects[slot].name, parts));
      if (it != by_name.end()) found = &it->second;
    }
    if (!found) return unknown_slots(r, "no variable has the name that a slot's ends in");
    if (found->size() > 1)
      return unknown_slots(r, "several variables have the name that a slot's ends in");
    table->variables.push_back((*found)[0]);
  }
  return {};
}

/// How `_variables` orders the slots.
Status read_order(const Objects& objects, const Registration& r, SlotTable* table) {
  if (table->all < 0) return {};
  std::vector<int64_t> all;
  if (!read_list(objects[table->all], &all))
    return unknown_slots(r, "its list of variables has gaps");
  std::unordered_set<int64_t> slots;
  for (const auto& list : table->lists) slots.insert(list.slots.begin(), list.slots.end());
  size_t at = 0;
  while (at < all.size() && !slots.count(all[at])) table->counters.push_back(all[at++]);
  const size_t lists = table->lists.size(), count = table->variables.size();
  std::vector<int64_t> interleaved, one_by_one;
  for (size_t v = 0; v < count; ++v)
    for (const auto& list : table->lists) interleaved.push_back(list.slots[v]);
  for (const auto& list : table->lists)
    one_by_one.insert(one_by_one.end(), list.slots.begin(), list.slots.end());
  const std::vector<int64_t> rest(all.begin() + static_cast<int64_t>(at), all.end());
  if (rest.size() != lists * count)
    return unknown_slots(r, "its list of variables holds other things, too");
  if (rest == interleaved) return {};
  table->interleaved = false;
  if (rest == one_by_one) return {};
  return unknown_slots(r, "its list of variables has an order of its own");
}

}  // namespace

Result<SlotTable> read_slot_table(const Objects& objects, const Registration& r) {
  SlotTable table;
  table.optimizer = r.object;
  const ObjectNode& object = objects[r.object];
  if (!object.slots.empty() || r.generation == "tf_keras_legacy" || r.generation == "tf1") {
    for (const auto& slot : object.slots)
      if (std::find(table.variables.begin(), table.variables.end(), slot.original_variable) ==
          table.variables.end())
        table.variables.push_back(slot.original_variable);
    return table;
  }
  table.all = child(object, "_variables");
  table.trained = child(object, "_trainable_variables");
  for (const auto& [name, id] : object.children) {
    if (id == table.all || id == table.trained || objects[id].kind == "variable") continue;
    std::vector<int64_t> elements;
    if (objects[id].children.empty() || !read_list(objects[id], &elements)) continue;
    if (std::any_of(elements.begin(), elements.end(),
                    [&](int64_t e) { return objects[e].kind != "variable"; }))
      continue;
    table.lists.push_back({name, id, std::move(elements)});
  }
  if (table.trained >= 0) {
    if (!read_list(objects[table.trained], &table.variables))
      return unknown_slots(r, "its list of trained variables has gaps");
  } else if (!table.lists.empty()) {
    PUMICE_CHECK(variables_by_name(objects, r, &table));
  }
  for (const auto& list : table.lists)
    if (list.slots.size() != table.variables.size())
      return unknown_slots(r, "its lists are not equally long");
  PUMICE_CHECK(read_order(objects, r, &table));
  return table;
}

Status relist_slots(const SlotTable& table, const std::vector<SlotTable>& others,
                    const std::vector<int64_t>& order, const Objects& objects, EdgeEdits* edits) {
  std::unordered_map<int64_t, std::pair<const SlotTable*, size_t>>
      whose;  // variable → table, place
  for (size_t i = 0; i < table.variables.size(); ++i)
    whose.emplace(table.variables[i], std::pair(&table, i));
  for (const SlotTable& other : others)
    for (size_t i = 0; i < other.variables.size(); ++i)
      whose.emplace(other.variables[i], std::pair(&other, i));

  // The older optimizers: pairs, in any order.
  if (table.lists.empty()) {
    auto slots = objects[table.optimizer].slots;
    for (const SlotTable& other : others)
      for (const auto& slot : objects[other.optimizer].slots)
        if (whose.at(slot.original_variable).first == &other) slots.push_back(slot);
    if (slots.size() != objects[table.optimizer].slots.size())
      edits->slots[table.optimizer] = std::move(slots);
    return {};
  }
  using Children = std::vector<std::pair<std::string, int64_t>>;
  const auto slot_of = [&](int64_t variable, const std::string& list) -> int64_t {
    const auto it = whose.find(variable);
    if (it == whose.end()) return -1;
    for (const auto& l : it->second.first->lists)
      if (l.name == list) return l.slots[it->second.second];
    return -1;
  };
  Children all, trained;
  for (size_t i = 0; i < table.counters.size(); ++i)
    all.emplace_back(std::to_string(i), table.counters[i]);
  for (size_t l = 0; l < table.lists.size(); ++l) {
    Children children;
    for (size_t v = 0; v < order.size(); ++v) {
      const int64_t slot = slot_of(order[v], table.lists[l].name);
      if (slot < 0) continue;
      children.emplace_back(std::to_string(v), slot);
      const size_t place = table.interleaved ? v * table.lists.size() + l : l * order.size() + v;
      all.emplace_back(std::to_string(table.counters.size() + place), slot);
    }
    edits->children[table.lists[l].object] = std::move(children);
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return std::pair(a.first.size(), a.first) < std::pair(b.first.size(), b.first);
  });
  if (table.all >= 0) edits->children[table.all] = std::move(all);
  if (table.trained >= 0) {
    for (size_t v = 0; v < order.size(); ++v) trained.emplace_back(std::to_string(v), order[v]);
    edits->children[table.trained] = std::move(trained);
  }
  return {};
}

}  // namespace pumice
