#include "formats/hdf5/chunks.h"

#include <algorithm>
#include <cstring>

#include <zlib.h>

namespace pumice {
namespace {

Error malformed(const char* what) {
  return Error(ErrorCode::kMalformed, std::string("HDF5: ") + what);
}

Status check_size(uint64_t bytes, uint64_t stored, const Hdf5Limits& limits) {
  const uint64_t by_ratio =
      stored <= limits.max_size / limits.max_ratio ? stored * limits.max_ratio : limits.max_size;
  const uint64_t most = std::min(limits.max_size, std::max(limits.free_size, by_ratio));
  if (bytes <= most) return {};
  return Error(ErrorCode::kTooLarge, "HDF5: a dataset unpacks to too many bytes")
      .expected("at most " + std::to_string(most))
      .found(std::to_string(bytes) + " bytes from " + std::to_string(stored));
}

std::vector<std::byte> filled(uint64_t bytes, const std::vector<std::byte>& fill) {
  std::vector<std::byte> out(bytes);
  if (fill.empty()) return out;
  for (size_t at = 0; at + fill.size() <= out.size(); at += fill.size())
    std::memcpy(out.data() + at, fill.data(), fill.size());
  return out;
}

Result<std::vector<std::byte>> inflated(std::span<const std::byte> packed, uint64_t size) {
  std::vector<std::byte> out(size);
  uLongf written = size;
  const int code = uncompress(reinterpret_cast<Bytef*>(out.data()), &written,
                              reinterpret_cast<const Bytef*>(packed.data()), packed.size());
  if (code != Z_OK || written != size) return malformed("a chunk does not inflate to its size");
  return out;
}

/// Shuffle stores the first bytes of all elements, then all second ones, …
std::vector<std::byte> unshuffled(std::span<const std::byte> in, size_t element) {
  std::vector<std::byte> out(in.begin(), in.end());
  if (element < 2) return out;
  const size_t count = in.size() / element;
  for (size_t byte = 0; byte < element; ++byte)
    for (size_t i = 0; i < count; ++i) out[i * element + byte] = in[byte * count + i];
  return out;
}

struct Chunk {
  uint64_t address;
  uint32_t size, mask;           // bytes in the file; bit i: filter i was not applied
  std::vector<uint64_t> offset;  // in elements
};

class Chunked : public Hdf5Chunks {
 public:
  Bytes file;
  uint32_t element = 1;
  std::vector<uint64_t> dims, chunk;
  std::vector<Hdf5Filter> filters;
  std::vector<std::byte> fill;
  std::vector<Chunk> chunks;
  uint64_t bytes = 0, chunk_bytes = 0;

  Result<Bytes> load() const override {
    std::vector<std::byte> out = filled(bytes, fill);
    for (const Chunk& c : chunks) PUMICE_CHECK(unpack(c, out));
    return Bytes::own(std::move(out));
  }

 private:
  Status unpack(const Chunk& c, std::vector<std::byte>& out) const {
    std::span<const std::byte> raw = file.view().subspan(c.address, c.size);
    std::vector<std::byte> held;
    for (size_t i = filters.size(); i-- > 0;) {
      if (c.mask >> i & 1) continue;
      if (filters[i].id == 1) {
        PUMICE_TRY(held, inflated(raw, chunk_bytes));
      } else {
        held = unshuffled(raw, filters[i].values.empty() ? element : filters[i].values[0]);
      }
      raw = held;
    }
    if (raw.size() != chunk_bytes) return malformed("a chunk has another size than the file says");
    // Row by row along the last dimension; what reaches over the dataset's edge is left out.
    const size_t rank = dims.size();
    std::vector<uint64_t> at(rank, 0);
    const uint64_t row = std::min(chunk[rank - 1], dims[rank - 1] - c.offset[rank - 1]);
    while (true) {
      uint64_t from = 0, to = 0;
      for (size_t d = 0; d < rank; ++d) {
        from = from * chunk[d] + at[d];
        to = to * dims[d] + c.offset[d] + at[d];
      }
      std::memcpy(out.data() + to * element, raw.data() + from * element, row * element);
      size_t d = rank - 1;
      while (d > 0) {
        --d;
        if (++at[d] < chunk[d] && c.offset[d] + at[d] < dims[d]) break;
        at[d] = 0;
        if (d == 0) return {};
      }
      if (rank == 1) return {};
    }
  }
};

class Unwritten : public Hdf5Chunks {
 public:
  Unwritten(uint64_t bytes, std::vector<std::byte> fill) : bytes_(bytes), fill_(std::move(fill)) {}
  Result<Bytes> load() const override { return Bytes::own(filled(bytes_, fill_)); }

 private:
  uint64_t bytes_;
  std::vector<std::byte> fill_;
};

/// Walks the B-tree's leaves.
class Index {
 public:
  Index(Hdf5Blocks& blocks, Chunked& to) : blocks_(blocks), to_(to) {}

  Status read(uint64_t address, int level) {
    PUMICE_CHECK(blocks_.once(address, "a node of chunks"));
    PUMICE_TRY(const auto head, blocks_.take(address, 24));
    Hdf5Cursor h(head);
    if (!h.mark("TREE") || h.u8() != 1)
      return malformed("an index of chunks does not begin as one");
    const int here = h.u8();
    if (level >= 0 && here != level)
      return malformed("an index of chunks has levels that do not descend");
    const uint16_t entries = h.u16();
    const size_t rank = to_.dims.size();
    const uint64_t key = 8 + 8 * (rank + 1);
    PUMICE_TRY(const auto body, blocks_.take(address + 24, entries * (key + 8)));
    Hdf5Cursor c(body);
    for (int i = 0; i < entries; ++i) {
      Chunk chunk;
      chunk.size = c.u32();
      chunk.mask = c.u32();
      for (size_t d = 0; d < rank; ++d) chunk.offset.push_back(c.u64());
      c.skip(8);
      chunk.address = c.u64();
      if (here > 0) {
        PUMICE_CHECK(read(chunk.address, here - 1));
        continue;
      }
      for (size_t d = 0; d < rank; ++d)
        if (chunk.offset[d] >= to_.dims[d] || chunk.offset[d] % to_.chunk[d])
          return malformed("a chunk lies outside its dataset");
      PUMICE_TRY(const auto stored, blocks_.take(chunk.address, chunk.size));
      stored_ += stored.size();
      to_.chunks.push_back(std::move(chunk));
    }
    return {};
  }

  uint64_t stored() const { return stored_; }

 private:
  Hdf5Blocks& blocks_;
  Chunked& to_;
  uint64_t stored_ = 0;
};

}  // namespace

Result<std::shared_ptr<const Hdf5Chunks>> read_hdf5_chunks(Hdf5Blocks& blocks, const Hdf5Data& data,
                                                           const Hdf5Layout& layout,
                                                           std::vector<Hdf5Filter> filters,
                                                           std::span<const std::byte> fill,
                                                           const Hdf5Limits& limits) {
  auto out = std::make_shared<Chunked>();
  out->file = blocks.file();
  out->element = data.type.size;
  out->fill.assign(fill.begin(), fill.end());
  if (layout.chunk.size() != data.dims.size() || data.dims.empty())
    return malformed("chunks have another number of dimensions than their dataset");
  uint64_t chunk_bytes = data.type.size;
  uint64_t wanted = 1;
  for (size_t d = 0; d < data.dims.size(); ++d) {
    const uint64_t size = layout.chunk[d], dim = static_cast<uint64_t>(data.dims[d]);
    if (size == 0) return malformed("a chunk has no elements");
    if (__builtin_mul_overflow(chunk_bytes, size, &chunk_bytes))
      return Error(ErrorCode::kTooLarge, "HDF5: a chunk's size is absurd");
    wanted *= (dim + size - 1) / size;  // no more than the dataset's elements
    out->dims.push_back(dim);
    out->chunk.push_back(size);
  }
  out->chunk_bytes = chunk_bytes;
  out->bytes = data.byte_size();
  if (std::count_if(filters.begin(), filters.end(), [](const Hdf5Filter& f) { return f.id == 1; }) >
      1)
    return Error(ErrorCode::kUnsupported,
                 "HDF5: pumice does not read data that are deflated twice");
  out->filters = std::move(filters);
  uint64_t stored = 0;
  if (layout.address != kHdf5Undefined) {
    Index index(blocks, *out);
    PUMICE_CHECK(index.read(layout.address, -1));
    stored = index.stored();
  }
  if (out->chunks.size() > wanted)
    return malformed("a dataset has more chunks than its shape has room for");
  PUMICE_CHECK(check_size(out->bytes, stored, limits));
  if (!out->chunks.empty()) PUMICE_CHECK(check_size(chunk_bytes, stored, limits));
  return std::shared_ptr<const Hdf5Chunks>(std::move(out));
}

Result<std::shared_ptr<const Hdf5Chunks>> unwritten_hdf5_data(const Hdf5Data& data,
                                                              std::span<const std::byte> fill,
                                                              const Hdf5Limits& limits) {
  PUMICE_CHECK(check_size(data.byte_size(), 0, limits));
  return std::shared_ptr<const Hdf5Chunks>(std::make_shared<Unwritten>(
      data.byte_size(), std::vector<std::byte>(fill.begin(), fill.end())));
}

}  // namespace pumice
