#include "graph/attributes.h"

#include <algorithm>

namespace pumice {
namespace {

bool before(const Attributes::Entry& entry, std::string_view name) { return entry.first < name; }

}  // namespace

Attributes::Attributes(std::initializer_list<Entry> entries)
    : Attributes(std::vector<Entry>(entries)) {}

Attributes::Attributes(std::vector<Entry> entries) {
  if (entries.empty()) return;
  // Files write their attributes in order, nearly always.
  const auto by_name = [](const Entry& a, const Entry& b) { return a.first < b.first; };
  if (!std::is_sorted(entries.begin(), entries.end(), by_name))
    std::stable_sort(entries.begin(), entries.end(), by_name);
  const auto same_name = [](const Entry& a, const Entry& b) { return a.first == b.first; };
  // unique() keeps the first of equals: from the back, that is the last.
  const auto kept = std::unique(entries.rbegin(), entries.rend(), same_name);
  entries.erase(entries.begin(), kept.base());
  entries_ = std::make_shared<std::vector<Entry>>(std::move(entries));
}

const Attribute* Attributes::find_any(std::string_view name) const {
  const Entry* it = std::lower_bound(begin(), end(), name, before);
  return it != end() && it->first == name ? &it->second : nullptr;
}

std::vector<Attributes::Entry>& Attributes::own() {
  if (!entries_) {
    entries_ = std::make_shared<std::vector<Entry>>();
  } else if (entries_.use_count() > 1) {
    entries_ = std::make_shared<std::vector<Entry>>(*entries_);
  }
  return *entries_;
}

void Attributes::set(std::string name, Attribute value) {
  auto& entries = own();
  auto it = std::lower_bound(entries.begin(), entries.end(), std::string_view(name), before);
  if (it != entries.end() && it->first == name) {
    it->second = std::move(value);
  } else {
    entries.emplace(it, std::move(name), std::move(value));
  }
}

void Attributes::remove(std::string_view name) {
  if (!has(name)) return;
  auto& entries = own();
  entries.erase(std::lower_bound(entries.begin(), entries.end(), name, before));
}

}  // namespace pumice
