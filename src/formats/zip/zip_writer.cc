#include <zlib.h>

#include "formats/zip/zip.h"

namespace pumice {
namespace {

constexpr uint64_t kZip64Mark = 0xffffffff;
constexpr uint16_t kTime = 0, kDate = 0x21;  // 1980-01-01, the earliest that zip can say
constexpr uint16_t kPaddingField = 0xd935;   // an extra field whose content is alignment padding

// A growing little-endian record.
class FieldWriter {
 public:
  FieldWriter& u16(uint64_t v) { return put(v, 2); }
  FieldWriter& u32(uint64_t v) { return put(v, 4); }
  FieldWriter& u64(uint64_t v) { return put(v, 8); }
  FieldWriter& text(const std::string& s) {
    for (char c : s) bytes_.push_back(static_cast<std::byte>(c));
    return *this;
  }
  FieldWriter& zeros(size_t n) {
    bytes_.resize(bytes_.size() + n);
    return *this;
  }
  std::span<const std::byte> view() const { return bytes_; }

 private:
  FieldWriter& put(uint64_t v, int width) {
    for (int i = 0; i < width; ++i) bytes_.push_back(static_cast<std::byte>(v >> (8 * i)));
    return *this;
  }
  std::vector<std::byte> bytes_;
};

uint64_t small(uint64_t v) { return v < kZip64Mark ? v : kZip64Mark; }

}  // namespace

Status ZipWriter::put(std::span<const std::byte> bytes) {
  offset_ += bytes.size();
  return sink_(bytes);
}

Status ZipWriter::add(const std::string& name,
                      const std::vector<std::span<const std::byte>>& parts) {
  if (name.empty() || name.size() > 0xffff) {
    return Error(ErrorCode::kUnsupported, "zip archive: a name cannot be written")
        .expected("1 to 65535 bytes")
        .found(std::to_string(name.size()));
  }
  uint64_t size = 0;
  uLong crc = crc32_z(0, nullptr, 0);
  for (std::span<const std::byte> part : parts) {
    size += part.size();
    if (!part.empty()) crc = crc32_z(crc, reinterpret_cast<const Bytef*>(part.data()), part.size());
  }
  Record record{name, static_cast<uint32_t>(crc), size, offset_};

  const bool zip64 = size >= kZip64Mark;
  size_t extra = zip64 ? 20 : 0;
  size_t padding = 0;  // of the padding field, beyond its 6 fixed bytes
  if (alignment_ > 1) {
    extra += 6;
    uint64_t data = offset_ + 30 + name.size() + extra;
    padding = (alignment_ - data % alignment_) % alignment_;
    extra += padding;
  }
  FieldWriter header;
  header.u32(0x04034b50).u16(zip64 ? 45 : 20).u16(0x0800).u16(0).u16(kTime).u16(kDate);
  header.u32(record.crc32).u32(small(size)).u32(small(size)).u16(name.size()).u16(extra).text(name);
  if (zip64) header.u16(1).u16(16).u64(size).u64(size);
  if (alignment_ > 1) header.u16(kPaddingField).u16(2 + padding).u16(alignment_).zeros(padding);
  PUMICE_CHECK(put(header.view()));
  for (std::span<const std::byte> part : parts) PUMICE_CHECK(put(part));
  records_.push_back(std::move(record));
  return {};
}

Status ZipWriter::finish() {
  const uint64_t begin = offset_;
  for (const Record& r : records_) {
    const bool large = r.size >= kZip64Mark, far = r.offset >= kZip64Mark;
    const size_t zip64 = (large ? 16 : 0) + (far ? 8 : 0);
    const size_t extra = zip64 ? zip64 + 4 : 0;
    FieldWriter c;
    c.u32(0x02014b50).u16(extra ? 45 : 20).u16(extra ? 45 : 20).u16(0x0800).u16(0);
    c.u16(kTime).u16(kDate).u32(r.crc32).u32(small(r.size)).u32(small(r.size));
    c.u16(r.name.size()).u16(extra).u16(0).u16(0).u16(0).u32(0).u32(small(r.offset)).text(r.name);
    if (extra) c.u16(1).u16(zip64);
    if (large) c.u64(r.size).u64(r.size);
    if (far) c.u64(r.offset);
    PUMICE_CHECK(put(c.view()));
  }
  const uint64_t size = offset_ - begin, count = records_.size();
  FieldWriter end;
  if (count >= 0xffff || size >= kZip64Mark || begin >= kZip64Mark) {
    end.u32(0x06064b50).u64(44).u16(45).u16(45).u32(0).u32(0).u64(count).u64(count);
    end.u64(size).u64(begin);
    end.u32(0x07064b50).u32(0).u64(offset_).u32(1);
  }
  const uint64_t short_count = count < 0xffff ? count : 0xffff;
  end.u32(0x06054b50).u16(0).u16(0).u16(short_count).u16(short_count);
  end.u32(small(size)).u32(small(begin)).u16(0);
  return put(end.view());
}

}  // namespace pumice
