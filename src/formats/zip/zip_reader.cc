#include <algorithm>
#include <limits>
#include <memory>
#include <optional>

#include <zlib.h>

#include "formats/zip/zip.h"

namespace pumice {
namespace {

constexpr size_t kEndSize = 22, kEnd64Size = 56, kLocator64Size = 20, kCentralSize = 46,
                 kLocalSize = 30;
constexpr uint32_t kEndMagic = 0x06054b50, kEnd64Magic = 0x06064b50, kLocator64Magic = 0x07064b50,
                   kCentralMagic = 0x02014b50, kLocalMagic = 0x04034b50;
constexpr uint64_t kCheckedStoredSize = 1 << 20;

Error malformed(std::string message) {
  return Error(ErrorCode::kMalformed, "zip archive: " + std::move(message));
}

// A name as a message may show it: no control characters, not endless.
std::string shown(std::string_view name) {
  std::string text;
  for (char c : name.substr(0, 120)) text += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
  return "'" + text + (name.size() > 120 ? "…'" : "'");
}

Error entry_error(ErrorCode code, std::string_view name, const std::string& message) {
  return Error(code, "zip archive: entry " + shown(name) + ": " + message);
}
Error malformed_entry(std::string_view name, const std::string& message) {
  return entry_error(ErrorCode::kMalformed, name, message);
}

// Little-endian fields of bytes that the caller has measured.
class FieldReader {
 public:
  explicit FieldReader(std::span<const std::byte> bytes) : bytes_(bytes) {}
  uint64_t get(size_t offset, size_t width) const {
    uint64_t value = 0;
    for (size_t i = 0; i < width; ++i)
      value |= uint64_t{std::to_integer<uint8_t>(bytes_[offset + i])} << (8 * i);
    return value;
  }
  uint16_t u16(size_t offset) const { return static_cast<uint16_t>(get(offset, 2)); }
  uint32_t u32(size_t offset) const { return static_cast<uint32_t>(get(offset, 4)); }
  uint64_t u64(size_t offset) const { return get(offset, 8); }

 private:
  std::span<const std::byte> bytes_;
};

bool fits(uint64_t offset, uint64_t size, uint64_t limit) {
  return offset <= limit && size <= limit - offset;
}

// The last end-of-directory record whose comment reaches exactly to the end of the file.
std::optional<size_t> find_end(std::span<const std::byte> file) {
  if (file.size() < kEndSize) return std::nullopt;
  FieldReader f(file);
  size_t lowest = file.size() > kEndSize + 0xffff ? file.size() - kEndSize - 0xffff : 0;
  for (size_t at = file.size() - kEndSize;; --at) {
    if (f.u32(at) == kEndMagic && at + kEndSize + f.u16(at + 20) == file.size()) return at;
    if (at == lowest) return std::nullopt;
  }
}

// Why a name may not be used, or null.
const char* name_fault(std::string_view name) {
  if (name.empty()) return "an entry has no name";
  if (name.find('\0') != name.npos) return "an entry's name has a zero byte";
  if (name.find('\\') != name.npos) return "an entry's name has a backslash";
  if (name.front() == '/') return "an entry's name is an absolute path";
  if (name.size() > 1 && name[1] == ':') return "an entry's name has a drive letter";
  for (size_t begin = 0; begin <= name.size();) {
    size_t end = std::min(name.find('/', begin), name.size());
    std::string_view part = name.substr(begin, end - begin);
    if (part == ".." || part == ".") return "an entry's name leaves its folder";
    begin = end + 1;
  }
  return nullptr;
}

struct Directory {
  uint64_t entries, offset, size;
  uint64_t prefix;  // bytes in front of the archive: every offset is relative to them
};

Result<Directory> find_directory(std::span<const std::byte> file) {
  std::optional<size_t> end = find_end(file);
  if (!end) {
    bool begins = file.size() >= 4 && FieldReader(file).u32(0) == kLocalMagic;
    return Error(begins ? ErrorCode::kTruncated : ErrorCode::kMalformed,
                 "zip archive: the end of the central directory is missing")
        .hint("The file is cut short or is no zip archive.");
  }
  FieldReader f(file);
  Directory d{f.u16(*end + 10), f.u32(*end + 16), f.u32(*end + 12), 0};
  bool split = f.u16(*end + 4) != 0 || f.u16(*end + 6) != 0 || f.u16(*end + 8) != d.entries;
  uint64_t directory_end = *end;
  bool zip64 = *end >= kLocator64Size && f.u32(*end - kLocator64Size) == kLocator64Magic;
  if (zip64) {
    // The record stands right before its locator in what writers make; a prefix would move it.
    if (*end < kLocator64Size + kEnd64Size) return malformed("the zip64 end record is missing");
    uint64_t at = *end - kLocator64Size - kEnd64Size;
    if (f.u32(at) != kEnd64Magic)
      return malformed("the zip64 end record is not where it should be");
    d.entries = f.u64(at + 32);
    d.size = f.u64(at + 40);
    d.offset = f.u64(at + 48);
    split = f.u32(at + 16) != 0 || f.u32(at + 20) != 0 || f.u64(at + 24) != d.entries;
    directory_end = at;
  }
  if (split) return Error(ErrorCode::kUnsupported, "zip archive: it is split over several files");
  if (!fits(d.offset, d.size, directory_end))
    return malformed("the central directory does not fit into the file");
  d.prefix = directory_end - d.size - d.offset;
  d.offset += d.prefix;
  return d;
}

// Replaces the fields that are 0xffffffff by those of the zip64 extra field.
Status apply_zip64(std::span<const std::byte> extra, ZipEntry* entry, uint64_t* local_offset) {
  constexpr uint64_t kHere = 0xffffffff;
  if (entry->size != kHere && entry->compressed_size != kHere && *local_offset != kHere) return {};
  FieldReader f(extra);
  for (size_t at = 0; at + 4 <= extra.size();) {
    size_t size = f.u16(at + 2);
    if (size > extra.size() - at - 4) break;
    if (f.u16(at) == 0x0001) {
      size_t next = at + 4, last = at + 4 + size;
      for (uint64_t* field : {&entry->size, &entry->compressed_size, local_offset}) {
        if (*field != kHere) continue;
        if (last - next < 8) return malformed_entry(entry->name, "a zip64 field is too short");
        *field = f.u64(next);
        next += 8;
      }
      return {};
    }
    at += 4 + size;
  }
  return {};  // a size of exactly 0xffffffff without zip64: the range check decides
}

Status check_limits(const ZipEntry& e, const ZipLimits& limits) {
  uint64_t most = std::max(limits.free_size, e.compressed_size <= limits.max_size / limits.max_ratio
                                                 ? e.compressed_size * limits.max_ratio
                                                 : limits.max_size);
  if (e.deflated && e.size > std::min(most, limits.max_size)) {
    return entry_error(ErrorCode::kTooLarge, e.name, "it inflates to too many bytes")
        .expected("at most " + std::to_string(std::min(most, limits.max_size)) + " bytes")
        .found(std::to_string(e.size) + " bytes from " + std::to_string(e.compressed_size));
  }
  return {};
}

uint32_t checksum(std::span<const std::byte> bytes) {
  return static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

Error checksum_error(const ZipEntry& e) {
  return malformed_entry(e.name, "the checksum does not match the content")
      .hint("The file is damaged.");
}

}  // namespace

bool looks_like_zip(std::span<const std::byte> file) { return find_end(file).has_value(); }

Result<ZipReader> ZipReader::open(Bytes file, const ZipLimits& limits) {
  std::span<const std::byte> all = file.view();
  PUMICE_TRY(Directory d, find_directory(all));
  if (d.entries > limits.max_entries || d.entries > d.size / kCentralSize) {
    return Error(d.entries > limits.max_entries ? ErrorCode::kTooLarge : ErrorCode::kMalformed,
                 "zip archive: the number of entries cannot be right")
        .expected("at most " + std::to_string(std::min(limits.max_entries, d.size / kCentralSize)))
        .found(std::to_string(d.entries));
  }
  struct Range {
    uint64_t begin, end;
  };
  std::vector<Range> ranges;
  ZipReader reader;
  FieldReader f(all);
  uint64_t at = d.offset;
  const uint64_t directory_end = d.offset + d.size;
  for (uint64_t i = 0; i < d.entries; ++i) {
    if (!fits(at, kCentralSize, directory_end)) return malformed("the directory ends too early");
    if (f.u32(at) != kCentralMagic) return malformed("a directory record has a wrong mark");
    const uint64_t name_size = f.u16(at + 28), extra_size = f.u16(at + 30);
    const uint64_t record_size = kCentralSize + name_size + extra_size + f.u16(at + 32);
    if (!fits(at, record_size, directory_end)) return malformed("the directory ends too early");
    ZipEntry e;
    e.name.assign(reinterpret_cast<const char*>(all.data()) + at + kCentralSize, name_size);
    if (const char* fault = name_fault(e.name)) return malformed(fault).found(shown(e.name));
    const uint16_t flags = f.u16(at + 8), method = f.u16(at + 10);
    e.crc32 = f.u32(at + 16);
    e.compressed_size = f.u32(at + 20);
    e.size = f.u32(at + 24);
    uint64_t local = f.u32(at + 42);
    PUMICE_CHECK(apply_zip64(all.subspan(at + kCentralSize + name_size, extra_size), &e, &local));
    if (flags & 1) return entry_error(ErrorCode::kUnsupported, e.name, "it is encrypted");
    if (method != 0 && method != 8) {
      return entry_error(ErrorCode::kUnsupported, e.name, "unknown compression method")
          .expected("0 (stored) or 8 (deflate)")
          .found(std::to_string(method));
    }
    e.deflated = method == 8;
    if (!e.deflated && e.size != e.compressed_size)
      return malformed_entry(e.name, "stored, but with two different sizes");

    if (local > d.offset - d.prefix || !fits(local + d.prefix, kLocalSize, d.offset))
      return malformed_entry(e.name, "it begins outside the file");
    local += d.prefix;
    if (f.u32(local) != kLocalMagic) return malformed_entry(e.name, "its header has a wrong mark");
    const uint64_t local_name = f.u16(local + 26);
    e.data_offset = local + kLocalSize + local_name + f.u16(local + 28);
    if (!fits(e.data_offset, e.compressed_size, d.offset))
      return malformed_entry(e.name, "it reaches beyond the file");
    if (local_name != name_size ||
        std::memcmp(all.data() + local + kLocalSize, e.name.data(), name_size) != 0) {
      return malformed_entry(e.name, "its header names another file than the directory");
    }
    PUMICE_CHECK(check_limits(e, limits));
    ranges.push_back({local, e.data_offset + e.compressed_size});
    at += record_size;
    if (e.name.back() == '/') continue;
    if (!reader.by_name_.emplace(e.name, reader.entries_.size()).second)
      return malformed_entry(e.name, "the name stands there twice");
    reader.entries_.push_back(std::move(e));
  }
  std::sort(ranges.begin(), ranges.end(),
            [](const Range& a, const Range& b) { return a.begin < b.begin; });
  for (size_t i = 1; i < ranges.size(); ++i)
    if (ranges[i].begin < ranges[i - 1].end) return malformed("two entries overlap");
  reader.file_ = std::move(file);
  return reader;
}

const ZipEntry* ZipReader::find(std::string_view name) const {
  auto it = by_name_.find(std::string(name));
  return it == by_name_.end() ? nullptr : &entries_[it->second];
}

Status ZipReader::verify(const ZipEntry& e) const {
  if (!e.deflated && checksum(file_.view().subspan(e.data_offset, e.compressed_size)) != e.crc32)
    return checksum_error(e);
  return {};
}

Result<Bytes> ZipReader::read(const ZipEntry& e) const {
  if (!e.deflated) {
    if (e.size <= kCheckedStoredSize) PUMICE_CHECK(verify(e));
    return file_.slice(e.data_offset, e.compressed_size);
  }
  // open() has bounded e.size by the bytes that are really there.
  std::vector<std::byte> out(e.size);
  std::span<const std::byte> in = file_.view().subspan(e.data_offset, e.compressed_size);
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK)
    return entry_error(ErrorCode::kInternal, e.name, "zlib could not be started");
  std::unique_ptr<z_stream, int (*)(z_streamp)> guard(&stream, inflateEnd);
  constexpr size_t kMost = std::numeric_limits<uInt>::max();
  size_t read = 0, written = 0;
  std::byte none{};  // zlib wants an address even for nothing
  int code = Z_OK;
  while (code == Z_OK) {
    uInt give = static_cast<uInt>(std::min(kMost, in.size() - read));
    uInt take = static_cast<uInt>(std::min(kMost, out.size() - written));
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in.data() + read));
    stream.avail_in = give;
    stream.next_out = reinterpret_cast<Bytef*>(take ? out.data() + written : &none);
    stream.avail_out = take;
    code = inflate(&stream, Z_NO_FLUSH);
    read += give - stream.avail_in;
    written += take - stream.avail_out;
    if (code == Z_OK && give == stream.avail_in && take == stream.avail_out) break;  // no progress
  }
  if (code != Z_STREAM_END || written != out.size() || read != in.size()) {
    return malformed_entry(e.name, "it does not inflate to its stated size")
        .expected(std::to_string(out.size()) + " bytes")
        .found(std::to_string(written) + " bytes");
  }
  if (checksum(out) != e.crc32) return checksum_error(e);
  return Bytes::own(std::move(out));
}

}  // namespace pumice
