#include "formats/tensor_bundle/sstable.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include <snappy.h>

#include "formats/tensor_bundle/crc32c.h"

namespace pumice {
namespace {

// The file ends with two block handles (metaindex, index), padding, and the magic number.
constexpr size_t kFooterSize = 48;
constexpr uint64_t kMagic = 0xdb4775248b80fb57;
// Behind each block: how it is compressed (one byte), its masked checksum (four).
constexpr size_t kTrailerSize = 5;
// Snappy cannot expand further: a copy of 64 bytes takes at least 2 (and a little before).
constexpr uint64_t kMaxExpansion = 64;

Error malformed(const char* what) {
  return Error(ErrorCode::kMalformed, std::string("the checkpoint's index is damaged: ") + what)
      .hint("Copy the checkpoint again.");
}

uint32_t read_fixed32(const char* p) {
  uint32_t v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

/// Takes a varint off the front of `bytes`.
bool take_varint(std::string_view* bytes, uint64_t* value) {
  *value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (bytes->empty()) return false;
    const uint8_t byte = static_cast<uint8_t>(bytes->front());
    bytes->remove_prefix(1);
    *value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (!(byte & 0x80)) return true;
  }
  return false;
}

struct Handle {
  uint64_t offset = 0, size = 0;
};

bool take_handle(std::string_view* bytes, Handle* handle) {
  return take_varint(bytes, &handle->offset) && take_varint(bytes, &handle->size);
}

/// A block's content: a view into the table, or what snappy made of it, in `*space`.
Result<std::string_view> read_block(std::string_view table, Handle handle, std::string* space) {
  const uint64_t room = table.size();
  if (handle.offset > room || handle.size > room - handle.offset ||
      room - handle.offset - handle.size < kTrailerSize) {
    return malformed("a block lies outside the file");
  }
  const std::string_view content = table.substr(handle.offset, handle.size);
  const char* trailer = content.data() + content.size();
  const std::string_view checked = table.substr(handle.offset, handle.size + 1);
  if (masked_crc32c(checked) != read_fixed32(trailer + 1)) return malformed("a checksum is wrong");
  if (trailer[0] == 0) return content;
  if (trailer[0] != 1) return malformed("a block's compression is unknown");
  size_t size = 0;
  if (!snappy::GetUncompressedLength(content.data(), content.size(), &size) ||
      size > content.size() * kMaxExpansion) {
    return malformed("a compressed block's size is impossible");
  }
  space->resize(size);
  if (!snappy::RawUncompress(content.data(), content.size(), space->data())) {
    return malformed("a compressed block cannot be expanded");
  }
  return std::string_view(*space);
}

/// The entries of one block. Each key shares a prefix with the one before it.
Status read_entries(std::string_view block, uint64_t* key_budget, const TableSink& sink) {
  // A list of restart points, for searching, ends the block; walking it whole needs none of them.
  if (block.size() < 4) return malformed("a block is too short");
  const uint64_t restarts = read_fixed32(block.data() + block.size() - 4);
  if (restarts > (block.size() - 4) / 4) return malformed("a block's restart points do not fit");
  block = block.substr(0, block.size() - 4 - restarts * 4);
  std::string key;
  while (!block.empty()) {
    uint64_t shared = 0, fresh = 0, value_size = 0;
    if (!take_varint(&block, &shared) || !take_varint(&block, &fresh) ||
        !take_varint(&block, &value_size) || shared > key.size() || fresh > block.size() ||
        value_size > block.size() - fresh) {
      return malformed("an entry does not fit its block");
    }
    key.resize(shared);
    key.append(block.substr(0, fresh));
    // Shared prefixes could blow a small file up to any size.
    if (key.size() > *key_budget) {
      return Error(ErrorCode::kTooLarge, "the checkpoint's keys are far larger than its index");
    }
    *key_budget -= key.size();
    PUMICE_CHECK(sink(key, block.substr(fresh, value_size)));
    block.remove_prefix(fresh + value_size);
  }
  return {};
}

}  // namespace

Status read_sstable(std::string_view table, const TableSink& sink) {
  const auto cut_off = [&](const char* what) {
    return Error(ErrorCode::kTruncated, what)
        .found(std::to_string(table.size()) + " bytes")
        .hint("The index is incomplete or no checkpoint index: copy the checkpoint again.");
  };
  if (table.size() < kFooterSize) return cut_off("the checkpoint's index is too short");
  std::string_view footer = table.substr(table.size() - kFooterSize);
  uint64_t magic;
  std::memcpy(&magic, footer.data() + kFooterSize - 8, sizeof magic);
  if (magic != kMagic) return cut_off("the checkpoint's index does not end as one does");
  Handle meta, index;
  if (!take_handle(&footer, &meta) || !take_handle(&footer, &index)) {
    return malformed("its last bytes name no block");
  }

  std::string index_space, space;
  PUMICE_TRY(const std::string_view index_block, read_block(table, index, &index_space));
  uint64_t index_keys = (uint64_t{16} << 20) + 4 * table.size();
  uint64_t keys = index_keys;
  uint64_t end_of_last = 0;
  return read_entries(index_block, &index_keys,
                      [&](std::string_view, std::string_view value) -> Status {
                        Handle handle;
                        if (!take_handle(&value, &handle))
                          return malformed("its index names no block");
                        // Blocks stand one behind the other; one that is named twice would be work
                        // without end.
                        if (handle.offset < end_of_last) return malformed("its blocks overlap");
                        PUMICE_TRY(const std::string_view block, read_block(table, handle, &space));
                        end_of_last = handle.offset + handle.size + kTrailerSize;
                        return read_entries(block, &keys, sink);
                      });
}

}  // namespace pumice
