// Zip archives: a bounded reader over mapped bytes (`.npz`, `.keras`, metadata appended to a
// `.tflite`) and a small deterministic writer. Methods: stored and deflate. Zip64 both ways.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "graph/tensor.h"
#include "pumice/error.h"

namespace pumice {

/// One file of an archive, as its central directory describes it.
struct ZipEntry {
  std::string name;       // a relative path with '/', without "." or ".." parts
  bool deflated = false;  // otherwise stored
  uint32_t crc32 = 0;
  uint64_t compressed_size = 0;  // bytes in the archive
  uint64_t size = 0;             // bytes after inflating
  uint64_t data_offset = 0;      // where the bytes begin in the file
};

/// What an archive may ask for. A deflated entry may grow to `max_ratio` times its compressed size
/// or to `free_size`, whichever is larger, and never beyond `max_size`.
struct ZipLimits {
  uint64_t max_entries = 1 << 18;
  uint64_t max_size = uint64_t{8} << 30;
  uint64_t free_size = uint64_t{32} << 20;
  uint64_t max_ratio = 200;
};

class ZipReader {
 public:
  /// Reads the directory and checks all of it: names (relative, unique), sizes, ranges (inside the
  /// file, not overlapping), limits. The file may carry other bytes in front of the archive.
  /// Errors: kTruncated, kMalformed, kTooLarge, kUnsupported (encrypted, several disks, methods).
  static Result<ZipReader> open(Bytes file, const ZipLimits& limits = {});

  /// Files in directory order; folders are left out.
  const std::vector<ZipEntry>& entries() const { return entries_; }
  /// Null when there is no such file.
  const ZipEntry* find(std::string_view name) const;

  /// The bytes of an entry. Stored: a view of the file, its checksum compared only up to 1 MiB
  /// (verify() compares any). Deflated: inflated into memory and always compared.
  Result<Bytes> read(const ZipEntry& entry) const;
  /// Compares the checksum of a stored entry of any size.
  Status verify(const ZipEntry& entry) const;

 private:
  Bytes file_;
  std::vector<ZipEntry> entries_;
  std::unordered_map<std::string, size_t> by_name_;
};

/// Whether the bytes end in a zip archive's directory.
bool looks_like_zip(std::span<const std::byte> file);

/// Writes stored entries with a fixed time stamp: the same input gives the same bytes.
class ZipWriter {
 public:
  using Sink = std::function<Status(std::span<const std::byte>)>;
  /// Entry data begins at multiples of `alignment` bytes (a power of two up to 4096; 1: packed).
  /// `offset`: how many other bytes of the file stand in front of the archive.
  explicit ZipWriter(Sink sink, size_t alignment = 1, uint64_t offset = 0)
      : sink_(std::move(sink)), alignment_(alignment), offset_(offset) {}

  /// One file; its content is the concatenation of `parts`.
  Status add(const std::string& name, const std::vector<std::span<const std::byte>>& parts);
  /// The directory. To be called once, after the last add().
  Status finish();

 private:
  struct Record {
    std::string name;
    uint32_t crc32;
    uint64_t size, offset;
  };
  Status put(std::span<const std::byte> bytes);

  Sink sink_;
  size_t alignment_;
  uint64_t offset_;
  std::vector<Record> records_;
};

}  // namespace pumice
