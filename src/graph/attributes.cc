#include "graph/attributes.h"

#include <algorithm>

namespace pumice {
namespace {

bool before(const std::pair<std::string, Attribute>& entry, std::string_view name) {
  return entry.first < name;
}

}  // namespace

Attributes::Attributes(std::initializer_list<std::pair<std::string, Attribute>> entries) {
  for (const auto& [name, value] : entries) set(name, value);
}

const Attribute* Attributes::find_any(std::string_view name) const {
  auto it = std::lower_bound(entries_.begin(), entries_.end(), name, before);
  return it != entries_.end() && it->first == name ? &it->second : nullptr;
}

void Attributes::set(std::string name, Attribute value) {
  auto it = std::lower_bound(entries_.begin(), entries_.end(), std::string_view(name), before);
  if (it != entries_.end() && it->first == name) {
    it->second = std::move(value);
  } else {
    entries_.emplace(it, std::move(name), std::move(value));
  }
}

void Attributes::remove(std::string_view name) {
  auto it = std::lower_bound(entries_.begin(), entries_.end(), name, before);
  if (it != entries_.end() && it->first == name) entries_.erase(it);
}

}  // namespace pumice
