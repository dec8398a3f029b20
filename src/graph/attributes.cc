#include "graph/attributes.h"

#include <algorithm>

namespace pumice {
namespace {

bool before(const Attributes::Entry& entry, std::string_view name) { return entry.first < name; }

}  // namespace

Attributes::Block* Attributes::Block::make(size_t capacity) {
  static_assert(alignof(Block) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);
  return new (::operator new(sizeof(Block) + capacity * sizeof(Entry))) Block;
}

Attributes::Attributes(std::initializer_list<Entry> entries)
    : Attributes(std::vector<Entry>(entries)) {}

Attributes::Attributes(std::vector<Entry> entries) {
  if (entries.empty()) return;
  // Files write their attributes in order, nearly always.
  const auto by_name = [](const Entry& a, const Entry& b) { return a.first < b.first; };
  if (!std::is_sorted(entries.begin(), entries.end(), by_name))
    std::stable_sort(entries.begin(), entries.end(), by_name);
  block_ = Block::make(entries.size());
  for (size_t i = 0; i < entries.size(); ++i)
    if (i + 1 == entries.size() || entries[i].first != entries[i + 1].first)
      block_->add(std::move(entries[i]));
}

Attributes::Attributes(const Attributes& other) : block_(other.block_) {
  if (block_) block_->references.fetch_add(1, std::memory_order_relaxed);
}

void Attributes::release() {
  if (!block_ || block_->references.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
  std::destroy_n(block_->entries(), block_->size);
  block_->~Block();
  ::operator delete(block_);
}

const Attribute* Attributes::find_any(std::string_view name) const {
  const Entry* it = std::lower_bound(begin(), end(), name, before);
  return it != end() && it->first == name ? &it->second : nullptr;
}

void Attributes::set(std::string name, Attribute value) {
  const Entry* at = std::lower_bound(begin(), end(), std::string_view(name), before);
  const bool there = at != end() && at->first == name;
  if (there && !shared()) {
    const_cast<Entry*>(at)->second = std::move(value);
    return;
  }
  // Rare enough after a node was made, and its entries few enough, to need no room to grow.
  Block* block = Block::make(size() + 1);
  const bool own = block_ && !shared();
  const auto take = [&](const Entry* entry) {
    if (own) {
      block->add(std::move(*const_cast<Entry*>(entry)));
    } else {
      block->add(*entry);
    }
  };
  for (const Entry* entry = begin(); entry != at; ++entry) take(entry);
  block->add({std::move(name), std::move(value)});
  for (const Entry* entry = at + there; entry != end(); ++entry) take(entry);
  replace(block);
}

void Attributes::remove(std::string_view name) {
  if (!has(name)) return;
  Block* block = Block::make(size() - 1);
  for (const Entry& entry : *this)
    if (entry.first != name) block->add(entry);
  replace(block);
}

}  // namespace pumice
