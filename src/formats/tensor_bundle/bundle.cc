#include "formats/tensor_bundle/bundle.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <optional>

#include "formats/file.h"
#include "formats/graph_def/tensor_proto.h"
#include "formats/protobuf/reader.h"
#include "formats/tensor_bundle/sstable.h"

namespace pumice {
namespace {

constexpr char kHint[] = "Copy the checkpoint again, with all of its files.";

Error malformed(const std::string& key, std::string what) {
  return Error(ErrorCode::kMalformed, std::move(what)).found("key '" + key + "'").hint(kHint);
}

/// TensorSliceProto.
Result<TensorSlice> read_slice(ProtoReader message) {
  TensorSlice slice;
  while (message.next()) {
    if (message.field() != 1) continue;
    TensorSlice::Extent extent;
    ProtoReader e = message.message();
    while (e.next()) {
      if (e.field() == 1) extent.start = e.integer();
      if (e.field() == 2) extent.length = e.integer();
    }
    PUMICE_CHECK(e.status());
    slice.extents.push_back(extent);
  }
  PUMICE_CHECK(message.status());
  return slice;
}

/// A string tensor's bytes: every length as a varint, a checksum, then the characters.
std::optional<std::vector<std::string>> split_strings(std::string_view bytes, int64_t count) {
  if (static_cast<uint64_t>(count) > bytes.size()) return std::nullopt;
  std::vector<uint64_t> lengths;
  size_t at = 0;
  for (int64_t i = 0; i < count; ++i) {
    uint64_t length = 0;
    for (int shift = 0;; shift += 7) {
      if (at == bytes.size() || shift > 63) return std::nullopt;
      const uint8_t byte = static_cast<uint8_t>(bytes[at++]);
      length |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (!(byte & 0x80)) break;
    }
    lengths.push_back(length);
  }
  if (bytes.size() - at < 4) return std::nullopt;
  at += 4;
  std::vector<std::string> strings;
  for (const uint64_t length : lengths) {
    if (length > bytes.size() - at) return std::nullopt;
    strings.emplace_back(bytes.substr(at, length));
    at += length;
  }
  return strings;
}

/// Copies the part of box `from` that box `to` shares. Boxes are given by start and size in one
/// full tensor; `source` and `target` hold the boxes' elements densely.
void copy_overlap(const std::byte* source, const Dims& from_start, const Dims& from_size,
                  std::byte* target, const Dims& to_start, const Dims& to_size, size_t width) {
  const size_t rank = from_size.size();
  if (rank == 0) {
    std::memcpy(target, source, width);
    return;
  }
  Dims low(rank), high(rank);
  for (size_t i = 0; i < rank; ++i) {
    low[i] = std::max(from_start[i], to_start[i]);
    high[i] = std::min(from_start[i] + from_size[i], to_start[i] + to_size[i]);
    if (low[i] >= high[i]) return;
  }
  const size_t row = static_cast<size_t>(high[rank - 1] - low[rank - 1]) * width;
  Dims at = low;
  for (;;) {
    int64_t s = 0, t = 0;
    for (size_t i = 0; i < rank; ++i) {
      s = s * from_size[i] + (at[i] - from_start[i]);
      t = t * to_size[i] + (at[i] - to_start[i]);
    }
    std::memcpy(target + t * static_cast<int64_t>(width), source + s * static_cast<int64_t>(width),
                row);
    size_t i = rank - 1;
    while (i > 0 && ++at[i - 1] == high[i - 1]) {
      at[i - 1] = low[i - 1];
      --i;
    }
    if (i == 0) return;
  }
}

Dims starts_of(const TensorSlice& slice) {
  Dims starts;
  for (const auto& e : slice.extents) starts.push_back(e.length < 0 ? 0 : e.start);
  return starts;
}

}  // namespace

std::string Bundle::shard_name(uint32_t shard) const {
  char suffix[48];
  std::snprintf(suffix, sizeof suffix, ".data-%05u-of-%05u", shard,
                static_cast<unsigned>(shard_count_));
  return prefix_ + suffix;
}

Result<std::shared_ptr<const Bundle>> Bundle::open(const std::string& prefix) {
  auto bundle = std::make_shared<Bundle>();
  bundle->prefix_ = prefix;
  const std::string index_name = prefix + ".index";
  PUMICE_TRY(const Bytes index, map_file(index_name));
  bundle->files_.push_back(index_name);
  bundle->bytes_ += index.size();
  if (Status s = bundle->read_index(index); !s.ok()) return std::move(s).error().in(index_name);
  PUMICE_CHECK(bundle->map_shards());
  return std::shared_ptr<const Bundle>(std::move(bundle));
}

Status Bundle::read_index(const Bytes& index) {
  PUMICE_CHECK(
      read_sstable(as_text(index.view()),
                   [&](std::string_view key, std::string_view value) { return add(key, value); }));
  // The vectors have settled: their keys can be referred to.
  for (size_t i = 0; i < entries_.size(); ++i) by_key_.emplace(entries_[i].key, i);
  for (size_t i = 0; i < parts_.size(); ++i) part_by_key_.emplace(parts_[i].key, i);
  return {};
}

Status Bundle::add(std::string_view key, std::string_view value) {
  ProtoReader r(value);
  if (key.empty()) {  // BundleHeaderProto
    while (r.next()) {
      if (r.field() == 1) shard_count_ = r.integer();
      if (r.field() == 2 && r.integer() != 0) {
        return Error(ErrorCode::kUnsupported, "the checkpoint was written on a big-endian machine");
      }
    }
    PUMICE_CHECK(r.status());
    if (shard_count_ < 1 || shard_count_ > 99999) {
      return Error(ErrorCode::kMalformed, "the checkpoint names an impossible number of data files")
          .found(std::to_string(shard_count_));
    }
    return {};
  }
  Entry entry;
  entry.key = key;
  int64_t shard = 0, offset = 0, size = 0;
  Shape shape = Shape::scalar();
  while (r.next()) {
    switch (r.field()) {
      case 1: entry.dtype = dtype_from_tensorflow(r.integer()); break;
      case 2: {
        PUMICE_TRY(shape, read_shape(r.message()));
        break;
      }
      case 3: shard = r.integer(); break;
      case 4: offset = r.integer(); break;
      case 5: size = r.integer(); break;
      case 7: {
        PUMICE_TRY(TensorSlice slice, read_slice(r.message()));
        entry.slices.push_back(std::move(slice));
        break;
      }
    }
  }
  PUMICE_CHECK(r.status());
  if (!shape.fully_known() || !shape.elements()) {
    return malformed(entry.key, "a checkpoint entry's shape is impossible");
  }
  if (shard < 0 || shard >= shard_count_ || offset < 0 || size < 0) {
    return malformed(entry.key, "a checkpoint entry's place is impossible");
  }
  entry.dims = shape.sizes();
  entry.shard = static_cast<uint32_t>(shard);
  entry.offset = static_cast<uint64_t>(offset);
  entry.size = static_cast<uint64_t>(size);
  // Parts of partitioned tensors have keys in a code of their own, which begins with a zero.
  (key[0] == '\0' ? parts_ : entries_).push_back(std::move(entry));
  return {};
}

Status Bundle::map_shards() {
  std::vector<std::string> missing;
  for (int64_t i = 0; i < shard_count_; ++i) {
    const std::string name = shard_name(static_cast<uint32_t>(i));
    auto shard = map_file(name);
    if (!shard.ok()) {
      if (shard.error().code() != ErrorCode::kNotFound) return std::move(shard).error();
      missing.push_back(name);
      if (missing.size() > 3) break;
      continue;
    }
    files_.push_back(name);
    bytes_ += shard->size();
    shards_.push_back(std::move(shard).value());
  }
  if (!missing.empty()) {
    std::string names;
    for (size_t i = 0; i < missing.size() && i < 3; ++i)
      names += (i ? ", " : "") + name_of(missing[i]);
    if (missing.size() > 3) names += ", …";
    return Error(ErrorCode::kNotFound, "the checkpoint's data files are not all there")
        .in(prefix_ + ".index")
        .expected(std::to_string(shard_count_) + " beside the index")
        .found("no " + names)
        .hint(kHint);
  }
  for (const auto* list : {&entries_, &parts_}) {
    for (const Entry& e : *list) {
      const uint64_t room = shards_[e.shard].size();
      if (e.offset > room || e.size > room - e.offset) {
        return Error(ErrorCode::kTruncated, "weights file too short")
            .in(shard_name(e.shard))
            .expected("at least " + std::to_string(e.offset) + " + " + std::to_string(e.size) +
                      " bytes, for '" + (e.key[0] ? e.key : "a part of a partitioned variable") +
                      "'")
            .found(std::to_string(room) + " bytes")
            .hint(kHint);
      }
    }
  }
  return {};
}

const Bundle::Entry* Bundle::find(std::string_view key) const {
  auto it = by_key_.find(key);
  return it == by_key_.end() ? nullptr : &entries_[it->second];
}

Result<Tensor> Bundle::value_of(const Entry& entry) const {
  const Bytes bytes = shards_[entry.shard].slice(entry.offset, entry.size);
  const auto elements = element_count(entry.dims);
  if (entry.dtype == DType::kString) {
    auto strings = split_strings(as_text(bytes.view()), *elements);
    if (!strings)
      return malformed(entry.key, "the strings of a checkpoint entry do not fit its bytes");
    return Tensor::of_strings(entry.dims, *std::move(strings));
  }
  const size_t width = element_size(entry.dtype);
  if (width == 0) {
    return Error(ErrorCode::kUnsupported, "the value has a dtype that pumice does not read")
        .found("key '" + entry.key + "'");
  }
  uint64_t full = 0;
  if (__builtin_mul_overflow(static_cast<uint64_t>(*elements), width, &full) ||
      full != entry.size) {
    return malformed(entry.key, "a checkpoint entry's bytes do not fit its shape " +
                                    to_string(entry.dims) + " of " +
                                    std::string(dtype_name(entry.dtype)));
  }
  return Tensor(entry.dtype, entry.dims, bytes);
}

const Bundle::Entry* Bundle::find_part(const Entry& entry, const TensorSlice& slice) const {
  auto it = part_by_key_.find(slice_key(entry.key, slice));
  return it == part_by_key_.end() ? nullptr : &parts_[it->second];
}

/// The box `wanted`, of sizes `dims`, from the parts that the tensor stands in.
Result<Tensor> Bundle::assemble(const Entry& entry, const TensorSlice& wanted,
                                const Dims& dims) const {
  const size_t width = element_size(entry.dtype);
  const auto elements = element_count(dims);
  uint64_t full = 0;
  if (width == 0 || !elements ||
      __builtin_mul_overflow(static_cast<uint64_t>(*elements), width, &full) || full > bytes_) {
    return malformed(entry.key, "a partitioned tensor is larger than its files");
  }
  Tensor result = Tensor::zeros(entry.dtype, dims);
  const Dims to_start = starts_of(wanted);
  uint64_t covered = 0;
  for (const TensorSlice& slice : entry.slices) {
    const auto part_dims = slice.dims_in(entry.dims);
    const Entry* part = part_dims ? find_part(entry, slice) : nullptr;
    if (!part || part->dims != *part_dims || part->dtype != entry.dtype) {
      return malformed(entry.key, "a part of a partitioned tensor is missing or of another shape");
    }
    PUMICE_TRY(const Tensor value, value_of(*part));
    const Dims from_start = starts_of(slice);
    uint64_t shared = 1;
    for (size_t i = 0; i < dims.size(); ++i) {
      const int64_t overlap = std::min(from_start[i] + (*part_dims)[i], to_start[i] + dims[i]) -
                              std::max(from_start[i], to_start[i]);
      shared *= static_cast<uint64_t>(std::max<int64_t>(overlap, 0));
    }
    if (shared == 0) continue;
    covered += shared;
    copy_overlap(value.data(), from_start, *part_dims, result.mutable_data(), to_start, dims,
                 width);
  }
  if (covered != static_cast<uint64_t>(*elements)) {
    return malformed(entry.key, "the parts of a partitioned tensor do not cover it");
  }
  return result;
}

Result<Tensor> Bundle::read(std::string_view key) const { return read(key, {}); }

Result<Tensor> Bundle::read(std::string_view key, std::string_view shape_and_slice) const {
  const Entry* entry = find(key);
  if (!entry) {
    return Error(ErrorCode::kNotFound, "the checkpoint has no such key")
        .in(prefix_ + ".index")
        .found("'" + std::string(key) + "'");
  }
  const auto in_file = [&](Error error) { return std::move(error).in(prefix_ + ".index"); };
  auto wanted = parse_shape_and_slice(shape_and_slice);
  if (!wanted)
    return in_file(
        malformed(entry->key, "no part of a tensor: '" + std::string(shape_and_slice) + "'"));
  if (wanted->whole) {
    wanted->full = entry->dims;
    wanted->slice.extents.resize(entry->dims.size());
  } else if (wanted->full != entry->dims) {
    return in_file(malformed(entry->key, "the graph wants a part of a tensor of shape " +
                                             to_string(wanted->full) + ", the checkpoint has " +
                                             to_string(entry->dims)));
  }
  const auto dims = wanted->slice.dims_in(entry->dims);
  if (!dims) return in_file(malformed(entry->key, "a part that lies outside of its tensor"));

  if (entry->slices.empty()) {
    auto value = value_of(*entry);
    if (!value.ok()) return in_file(std::move(value).error());
    if (*dims == entry->dims) return value;
    if (value->dtype() == DType::kString) {
      return in_file(malformed(entry->key, "parts of string tensors cannot be read"));
    }
    Tensor part = Tensor::zeros(entry->dtype, *dims);
    copy_overlap(value->data(), Dims(dims->size(), 0), entry->dims, part.mutable_data(),
                 starts_of(wanted->slice), *dims, element_size(entry->dtype));
    return part;
  }
  // A variable is nearly always restored in the parts in which it was saved: a view will do.
  if (const Entry* part = find_part(*entry, wanted->slice); part && part->dims == *dims) {
    auto value = value_of(*part);
    if (!value.ok()) return in_file(std::move(value).error());
    return value;
  }
  auto value = assemble(*entry, wanted->slice, *dims);
  if (!value.ok()) return in_file(std::move(value).error());
  return value;
}

}  // namespace pumice
