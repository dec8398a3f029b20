// The buffers of a file: constants and metadata, each distinct payload once.
//
// Small payloads are part of the flatbuffer. Large ones are only planned in it: the flatbuffer is
// built with a placeholder for each, then place() gives them their positions behind it, and write()
// streams them there. What a reader sees is an ordinary file.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <flatbuffers/flatbuffers.h>

#include "formats/output_file.h"
#include "graph/constant.h"
#include "pumice/error.h"

namespace pumice {

class BufferTable {
 public:
  /// Buffer 0 is the empty one of all tensors that are no constants.
  BufferTable() : entries_(1) {}

  /// The number of the buffer with these values: an earlier one where they are surely the same.
  uint32_t add(const Constant& constant);
  /// A buffer of its own.
  uint32_t add(const std::string& bytes);

  size_t count() const { return entries_.size(); }
  /// Bytes of all large payloads, without padding.
  uint64_t large_bytes() const { return large_bytes_; }

  using Tables = std::vector<flatbuffers::Offset<flatbuffers::Table>>;
  /// Writes the Buffer tables. `external`: large payloads are referred to by 64-bit file offsets,
  /// otherwise as vectors within the first 2 GiB.
  Tables write_tables(flatbuffers::FlatBufferBuilder& builder, bool external);

  /// Chooses where the large payloads stand and fills the placeholders in the finished flatbuffer
  /// (`size` bytes at `file`, which the tables were written into). Returns the file's whole size.
  uint64_t place(uint8_t* file, size_t size, const Tables& tables, bool external);
  /// Appends the large payloads to the file, which holds the flatbuffer.
  Status write(OutputFile& file, bool external) const;

 private:
  struct Entry {
    std::vector<std::byte> bytes;  // a small payload
    Constant constant;             // a large one
    uint64_t size = 0;             // a large one's
    uint64_t position = 0;         // of its first byte of data
    bool large() const { return size != 0; }
  };
  uint32_t add_small(std::vector<std::byte> bytes);
  uint32_t add_large(Constant constant);

  std::vector<Entry> entries_;
  uint64_t large_bytes_ = 0;
  std::unordered_map<std::string_view, uint32_t> small_;  // by the bytes that an entry holds
  std::unordered_map<const std::byte*, std::vector<uint32_t>> large_;  // by the source's address
};

/// A string tensor's bytes in a file: count, offsets, characters.
std::vector<std::byte> pack_strings(const std::vector<std::string>& strings);

}  // namespace pumice
