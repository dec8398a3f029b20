#include "tflite/buffers.h"

#include <cstring>

#include "tflite/schema.h"

namespace pumice {
namespace {

/// Up to here a payload is held in memory and compared by its bytes.
constexpr size_t kSmall = 4096;
/// What kernels may rely on; external payloads are mapped on their own and get a cache line.
constexpr uint64_t kAlignment = 16, kExternalAlignment = 64;

uint64_t align(uint64_t position, uint64_t alignment) {
  return (position + alignment - 1) / alignment * alignment;
}

/// The place of a field's value in a finished flatbuffer; the field is there.
uint8_t* field_of(uint8_t* table, int slot) {
  int32_t to_vtable;
  std::memcpy(&to_vtable, table, 4);
  uint16_t offset;
  std::memcpy(&offset, table - to_vtable + schema::vtable_entry(slot), 2);
  return table + offset;
}

template <typename T>
void store(uint8_t* at, T value) {
  std::memcpy(at, &value, sizeof(T));
}

}  // namespace

std::vector<std::byte> pack_strings(const std::vector<std::string>& strings) {
  std::vector<int32_t> head = {static_cast<int32_t>(strings.size())};
  size_t end = 4 * (strings.size() + 2);
  for (const std::string& s : strings) {
    head.push_back(static_cast<int32_t>(end));
    end += s.size();
  }
  head.push_back(static_cast<int32_t>(end));
  std::vector<std::byte> bytes(end);
  std::memcpy(bytes.data(), head.data(), head.size() * 4);
  size_t at = head.size() * 4;
  for (const std::string& s : strings) {
    if (!s.empty()) std::memcpy(bytes.data() + at, s.data(), s.size());
    at += s.size();
  }
  return bytes;
}

uint32_t BufferTable::add(const Constant& constant) {
  if (constant.dtype() == DType::kString) {
    std::vector<std::byte> bytes = pack_strings(constant.materialize().strings());
    if (bytes.size() <= kSmall) return add_small(std::move(bytes));
    const auto size = static_cast<int64_t>(bytes.size());
    return add_large(Tensor(DType::kUInt8, {size}, Bytes::own(std::move(bytes))));
  }
  if (constant.byte_size() > kSmall) return add_large(constant);
  const Tensor tensor = constant.materialize();
  const auto view = tensor.bytes().view();
  return add_small({view.begin(), view.end()});
}

uint32_t BufferTable::add(const std::string& bytes) {
  const auto* data = reinterpret_cast<const std::byte*>(bytes.data());
  std::vector<std::byte> copy(data, data + bytes.size());
  if (bytes.size() <= kSmall) {
    entries_.push_back({std::move(copy), {}, 0, 0});
    return static_cast<uint32_t>(entries_.size() - 1);
  }
  return add_large(
      Tensor(DType::kUInt8, {static_cast<int64_t>(bytes.size())}, Bytes::own(std::move(copy))));
}

uint32_t BufferTable::add_small(std::vector<std::byte> bytes) {
  const std::string_view key(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto [it, added] = small_.try_emplace(key, static_cast<uint32_t>(entries_.size()));
  // Moving a vector leaves its bytes where they are, so the key stays good.
  if (added) entries_.push_back({std::move(bytes), {}, 0, 0});
  return it->second;
}

uint32_t BufferTable::add_large(Constant constant) {
  std::vector<uint32_t>& same_address = large_[constant.source().data()];
  for (uint32_t index : same_address) {
    if (entries_[index].constant.same_source_as(constant)) return index;
  }
  same_address.push_back(static_cast<uint32_t>(entries_.size()));
  const uint64_t size = constant.byte_size();
  large_bytes_ += size;
  entries_.push_back({{}, std::move(constant), size, 0});
  return same_address.back();
}

BufferTable::Tables BufferTable::write_tables(flatbuffers::FlatBufferBuilder& builder,
                                              bool external) {
  Tables tables;
  tables.reserve(entries_.size());
  for (size_t i = 0; i < entries_.size(); ++i) {
    const Entry& entry = entries_[i];
    flatbuffers::Offset<flatbuffers::Vector<uint8_t>> data;
    if (i > 0 && !entry.large()) {
      builder.ForceVectorAlignment(entry.bytes.size(), 1, kAlignment);
      data = builder.CreateVector(reinterpret_cast<const uint8_t*>(entry.bytes.data()),
                                  entry.bytes.size());
    }
    const auto start = builder.StartTable();
    // Placeholders must differ from the defaults, or they would be left out.
    if (!data.IsNull()) {
      builder.AddOffset(schema::vtable_entry(schema::buffer::kData), data);
    } else if (entry.large() && external) {
      builder.AddElement<uint64_t>(schema::vtable_entry(schema::buffer::kOffset), ~uint64_t{0}, 0);
      builder.AddElement<uint64_t>(schema::vtable_entry(schema::buffer::kSize), entry.size, 0);
    } else if (entry.large()) {
      builder.AddElement<uint32_t>(schema::vtable_entry(schema::buffer::kData), ~uint32_t{0}, 0);
    }
    tables.push_back(builder.EndTable(start));
  }
  return tables;
}

uint64_t BufferTable::place(uint8_t* file, size_t size, const Tables& tables, bool external) {
  uint64_t end = size;
  for (size_t i = 0; i < entries_.size(); ++i) {
    Entry& entry = entries_[i];
    if (!entry.large()) continue;
    // An inline payload has its length in the four bytes before the aligned data.
    entry.position = external ? align(end, kExternalAlignment) : align(end + 4, kAlignment);
    end = entry.position + entry.size;
    uint8_t* table = file + (size - tables[i].o);  // the builder counts from the end
    if (external) {
      store<uint64_t>(field_of(table, schema::buffer::kOffset), entry.position);
    } else {
      uint8_t* field = field_of(table, schema::buffer::kData);
      const uint64_t distance = entry.position - 4 - static_cast<uint64_t>(field - file);
      store<uint32_t>(field, static_cast<uint32_t>(distance));
    }
  }
  return end;
}

Status BufferTable::write(OutputFile& file, bool external) const {
  for (const Entry& entry : entries_) {
    if (!entry.large()) continue;
    if (external) {
      PUMICE_CHECK(file.pad_to(entry.position));
    } else {
      PUMICE_CHECK(file.pad_to(entry.position - 4));
      const auto length = static_cast<uint32_t>(entry.size);
      PUMICE_CHECK(file.write(std::as_bytes(std::span(&length, 1))));
    }
    const Bytes& source = entry.constant.source().bytes();
    const bool untouched = entry.constant.transforms().empty();
    PUMICE_CHECK(entry.constant.stream([&](std::span<const std::byte> block) -> Status {
      PUMICE_CHECK(file.write(block));
      if (untouched) source.drop_pages(block);
      return {};
    }));
    source.drop_pages();
    if (file.position() != entry.position + entry.size) {
      return Error(ErrorCode::kInternal, "a constant's bytes do not fit its shape")
          .expected(std::to_string(entry.size) + " bytes")
          .found(std::to_string(file.position() - entry.position) + " bytes");
    }
  }
  return {};
}

}  // namespace pumice
