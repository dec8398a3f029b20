#include "tflite/flat_table.h"

namespace pumice {

FlatTable FlatBytes::root() {
  const uint64_t position = claim(0, 8) ? follow(0) : 0;
  return position ? FlatTable(this, position) : FlatTable();
}

void FlatBytes::fail(std::string problem, bool truncated) {
  if (!ok()) return;
  problem_ = std::move(problem);
  truncated_ = truncated;
}

bool FlatBytes::claim(uint64_t position, uint64_t size) {
  if (!ok()) return false;
  if (position > bytes_.size() || size > bytes_.size() - position) {
    fail("a reference at or near byte " + std::to_string(position) + " leads beyond the last byte",
         true);
    return false;
  }
  if (size > budget_) {
    fail("the same bytes are referred to again and again");
    return false;
  }
  budget_ -= size;
  return true;
}

uint64_t FlatBytes::follow(uint64_t position) {
  const uint32_t offset = load<uint32_t>(position);
  if (offset == 0) {
    fail("the reference at byte " + std::to_string(position) + " is empty");
    return 0;
  }
  return position + offset;
}

FlatTable::FlatTable(FlatBytes* file, uint64_t position) : position_(position) {
  if (!file->claim(position, 4)) return;
  const int64_t vtable = static_cast<int64_t>(position) - file->load<int32_t>(position);
  if (vtable < 0) {
    file->fail("the table at byte " + std::to_string(position) + " has its layout before the file");
    return;
  }
  vtable_ = static_cast<uint64_t>(vtable);
  if (!file->claim(vtable_, 4)) return;
  vtable_size_ = file->load<uint16_t>(vtable_);
  table_size_ = file->load<uint16_t>(vtable_ + 2);
  if (vtable_size_ < 4 || vtable_size_ % 2 != 0 || table_size_ < 4) {
    file->fail("the table at byte " + std::to_string(position) + " has an impossible layout");
    return;
  }
  if (!file->claim(vtable_, vtable_size_) || !file->claim(position, table_size_)) return;
  file_ = file;
}

uint64_t FlatTable::field(int slot, size_t size) const {
  const uint32_t entry = 4 + 2 * static_cast<uint32_t>(slot);
  if (!file_ || entry + 2 > vtable_size_) return 0;
  const uint16_t offset = file_->load<uint16_t>(vtable_ + entry);
  if (offset == 0) return 0;
  if (offset < 4 || offset + size > table_size_) {
    file_->fail("the table at byte " + std::to_string(position_) + " has a field outside itself");
    return 0;
  }
  return position_ + offset;
}

FlatTable FlatTable::table(int slot) const {
  const uint64_t at = field(slot, 4);
  const uint64_t position = at ? file_->follow(at) : 0;
  return position ? FlatTable(file_, position) : FlatTable();
}

FlatVector FlatTable::vector(int slot, size_t element_size) const {
  const uint64_t at = field(slot, 4);
  const uint64_t position = at ? file_->follow(at) : 0;
  if (!position || !file_->claim(position, 4)) return {};
  const uint32_t count = file_->load<uint32_t>(position);
  // Bytes are data: they are looked at as views, and a count of them promises no work.
  const uint64_t size = uint64_t{count} * element_size;
  if (element_size > 1 ? !file_->claim(position + 4, size) : size > file_->size() - position - 4) {
    if (element_size == 1) {
      file_->fail("the data at byte " + std::to_string(position) + " lead beyond the last byte",
                  true);
    }
    return {};
  }
  return FlatVector(file_, position + 4, count);
}

std::string_view FlatTable::string(int slot) const {
  const FlatVector bytes = vector(slot, 1);
  if (!bytes.present() || !file_->claim(bytes.position(), bytes.size())) return {};
  return bytes.chars();
}

FlatTable FlatVector::table(uint32_t i) const {
  const uint64_t position = file_->follow(position_ + uint64_t{i} * 4);
  return position ? FlatTable(file_, position) : FlatTable();
}

std::string_view FlatVector::string(uint32_t i) const {
  const uint64_t position = file_->follow(position_ + uint64_t{i} * 4);
  if (!position || !file_->claim(position, 4)) return {};
  const uint32_t count = file_->load<uint32_t>(position);
  if (!file_->claim(position + 4, count)) return {};
  return FlatVector(file_, position + 4, count).chars();
}

std::string_view FlatVector::chars() const {
  if (!file_) return {};
  const auto bytes = file_->view(position_, count_);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace pumice
