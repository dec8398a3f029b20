#include "formats/tensor_bundle/bundle_writer.h"

#include <optional>

#include "formats/file.h"
#include "formats/output_file.h"
#include "formats/protobuf/edit.h"
#include "formats/tensor_bundle/crc32c.h"
#include "formats/tensor_bundle/sstable.h"
#include "formats/tensor_bundle/sstable_writer.h"

namespace pumice {
namespace {

void put_fixed32(std::string* out, uint32_t v) {
  for (int i = 0; i < 4; ++i) out->push_back(static_cast<char>(v >> (8 * i)));
}

uint32_t masked(uint32_t crc) { return (crc >> 15 | crc << 17) + 0xa282ead8u; }

/// A scalar string as a data file holds it: its length, a checksum of that, its bytes. `*checksum`
/// is the entry's. TensorFlow takes checksums of lengths as fixed32 or fixed64 numbers, not as
/// written.
std::string string_value(const std::string& text, uint32_t* checksum) {
  std::string length, bytes;
  put_fixed32(&length, static_cast<uint32_t>(text.size()));
  if (text.size() > 0xffffffffu) put_fixed32(&length, static_cast<uint32_t>(text.size() >> 32));
  uint32_t crc = crc32c(length);
  put_varint(&bytes, text.size());
  std::string length_checksum;
  put_fixed32(&length_checksum, masked(crc));
  bytes += length_checksum + text;
  crc = crc32c(text, crc32c(length_checksum, crc));
  *checksum = masked(crc);
  return bytes;
}

/// Where a BundleEntryProto says its bytes are.
struct Where {
  uint64_t shard = 0, offset = 0, size = 0;
};

Result<Where> where(std::string_view entry) {
  Where w;
  ProtoField field;
  while (next_field(&entry, &field)) {
    if (field.number == 3) w.shard = field.integer;
    if (field.number == 4) w.offset = field.integer;
    if (field.number == 5) w.size = field.integer;
  }
  PUMICE_CHECK(message_fault(entry));
  return w;
}

/// The entry with its bytes at another place; dtype, shape, slices and checksum stay.
Result<std::string> placed(std::string_view entry, uint64_t offset, uint64_t size,
                           std::optional<uint32_t> checksum) {
  const auto goes = [&](const ProtoField& field, std::string*) -> Result<bool> {
    return (field.number >= 3 && field.number <= 5) || (field.number == 6 && checksum);
  };
  PUMICE_TRY(std::string out, rewritten(entry, goes));
  if (offset > 0) put_integer(&out, 4, static_cast<int64_t>(offset));
  if (size > 0) put_integer(&out, 5, static_cast<int64_t>(size));
  if (checksum) {
    put_varint(&out, 6 << 3 | 5);
    put_fixed32(&out, *checksum);
  }
  return out;
}

Result<std::string> header_of_one_shard(std::string_view header) {
  return rewritten(header, [](const ProtoField& field, std::string* to) -> Result<bool> {
    if (field.number != 1) return false;
    put_integer(to, 1, 1);
    return true;
  });
}

}  // namespace

Status write_bundle(const Bundle& source, const BundleEdit& edit, const std::string& prefix) {
  std::unordered_set<std::string> dropped = edit.removed;
  for (const Bundle::Entry& entry : source.entries())
    if (edit.removed.count(entry.key))
      for (const TensorSlice& slice : entry.slices) dropped.insert(slice_key(entry.key, slice));
  std::vector<Bytes> shards;
  for (uint32_t i = 0; i < source.shards(); ++i) {
    PUMICE_TRY(Bytes shard, map_file(source.shard_name(i)));
    shards.push_back(std::move(shard));
  }
  PUMICE_TRY(OutputFile data, OutputFile::create(prefix + ".data-00000-of-00001"));
  TableWriter table;
  const auto copy = [&](std::string_view key, std::string_view value) -> Status {
    if (key.empty()) {
      PUMICE_TRY(const std::string header, header_of_one_shard(value));
      return table.add(key, header);
    }
    if (dropped.count(std::string(key))) return {};
    const uint64_t offset = data.position();
    if (const auto text = edit.strings.find(std::string(key)); text != edit.strings.end()) {
      uint32_t checksum = 0;
      const std::string bytes = string_value(text->second, &checksum);
      PUMICE_CHECK(data.write(std::as_bytes(std::span<const char>(bytes))));
      PUMICE_TRY(const std::string entry, placed(value, offset, bytes.size(), checksum));
      return table.add(key, entry);
    }
    PUMICE_TRY(const Where w, where(value));
    // The bundle has been opened: places were checked against the files. They may have changed
    // since.
    if (w.shard >= shards.size() || w.offset > shards[w.shard].size() ||
        w.size > shards[w.shard].size() - w.offset)
      return Error(ErrorCode::kTruncated, "weights file too short").in(source.prefix() + ".index");
    PUMICE_CHECK(data.write(shards[w.shard].view().subspan(w.offset, w.size)));
    PUMICE_TRY(const std::string entry, placed(value, w.size ? offset : 0, w.size, std::nullopt));
    return table.add(key, entry);
  };
  PUMICE_TRY(const Bytes index, map_file(source.prefix() + ".index"));
  if (Status s = read_sstable(as_text(index.view()), copy); !s.ok())
    return std::move(s).error().in(source.prefix() + ".index");
  PUMICE_CHECK(data.commit());
  PUMICE_TRY(OutputFile out, OutputFile::create(prefix + ".index"));
  const std::string bytes = table.finish();
  PUMICE_CHECK(out.write(std::as_bytes(std::span<const char>(bytes))));
  return out.commit();
}

}  // namespace pumice
