#include "formats/tensor_bundle/sstable_writer.h"

#include <algorithm>

#include "formats/protobuf/edit.h"
#include "formats/tensor_bundle/crc32c.h"

namespace pumice {
namespace {

constexpr size_t kBlockSize = 4096;
constexpr size_t kRestartInterval = 16;
constexpr size_t kHandles = 40;  // room for two handles in the footer
constexpr uint64_t kMagic = 0xdb4775248b80fb57;

void put_fixed32(std::string* out, uint32_t v) {
  for (int i = 0; i < 4; ++i) out->push_back(static_cast<char>(v >> (8 * i)));
}

}  // namespace

void TableWriter::Block::add(std::string_view key, std::string_view value) {
  size_t shared = 0;
  if (restart_count == 0 || since_restart == kRestartInterval) {
    put_fixed32(&restarts, static_cast<uint32_t>(bytes.size()));
    ++restart_count;
    since_restart = 0;
  } else {
    const size_t limit = std::min(key.size(), last_key.size());
    while (shared < limit && key[shared] == last_key[shared]) ++shared;
  }
  put_varint(&bytes, shared);
  put_varint(&bytes, key.size() - shared);
  put_varint(&bytes, value.size());
  bytes.append(key.substr(shared)).append(value);
  last_key = key;
  ++since_restart;
}

std::string TableWriter::append(Block* block) {
  if (block->restart_count == 0) {  // an empty block has one restart point, too
    put_fixed32(&block->restarts, 0);
    block->restart_count = 1;
  }
  std::string content = std::move(block->bytes) + block->restarts;
  put_fixed32(&content, block->restart_count);
  std::string handle;
  put_varint(&handle, table_.size());
  put_varint(&handle, content.size());
  content.push_back('\0');  // not compressed
  table_ += content;
  put_fixed32(&table_, masked_crc32c(content));
  *block = {};
  return handle;
}

void TableWriter::flush() {
  if (data_.restart_count == 0) return;
  const std::string last = data_.last_key;
  index_.add(last, append(&data_));
  // Each block of the index can be searched from any of its keys.
  index_.since_restart = kRestartInterval;
}

Status TableWriter::add(std::string_view key, std::string_view value) {
  if (any_ && key <= std::string_view(last_key_))
    return Error(ErrorCode::kInternal, "keys of a table must ascend")
        .found("'" + std::string(key) + "'");
  any_ = true;
  last_key_ = key;
  data_.add(key, value);
  if (data_.bytes.size() >= kBlockSize) flush();
  return {};
}

std::string TableWriter::finish() {
  flush();
  Block meta;
  std::string footer = append(&meta);
  footer += append(&index_);
  footer.resize(kHandles);
  for (int i = 0; i < 8; ++i) footer.push_back(static_cast<char>(kMagic >> (8 * i)));
  table_ += footer;
  return std::move(table_);
}

}  // namespace pumice
