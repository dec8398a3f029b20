// A TensorFlow checkpoint of the second format: PREFIX.index and PREFIX.data-00000-of-00001, ….
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "formats/tensor_bundle/slice.h"
#include "graph/tensor.h"
#include "pumice/error.h"

namespace pumice {

/// Keys and values of one checkpoint. Values are views into the mapped data files; only partitioned
/// tensors that are wanted whole, and strings, are copied.
class Bundle {
 public:
  struct Entry {
    std::string key;
    DType dtype = DType::kInvalid;
    Dims dims;
    uint32_t shard = 0;
    uint64_t offset = 0, size = 0;
    std::vector<TensorSlice> slices;  // not empty: the value stands in these parts
  };

  /// `prefix`: the path without ".index". Reads the whole index and checks that the data files are
  /// there and as long as it says: kNotFound, kTruncated ("weights file too short"), kMalformed.
  static Result<std::shared_ptr<const Bundle>> open(const std::string& prefix);

  const std::string& prefix() const { return prefix_; }
  /// In the file's order (sorted by key); parts of partitioned tensors are not listed.
  const std::vector<Entry>& entries() const { return entries_; }
  const Entry* find(std::string_view key) const;

  /// The value under a key, whole. kNotFound when there is none.
  Result<Tensor> read(std::string_view key) const;
  /// What RestoreV2 gives for a key and a description of the wanted part.
  Result<Tensor> read(std::string_view key, std::string_view shape_and_slice) const;

  /// All files that belong to it, and their bytes.
  const std::vector<std::string>& files() const { return files_; }
  uint64_t bytes() const { return bytes_; }
  std::string shard_name(uint32_t shard) const;
  uint32_t shards() const { return static_cast<uint32_t>(shards_.size()); }

 private:
  Status read_index(const Bytes& index);
  Status add(std::string_view key, std::string_view value);
  Status map_shards();
  Result<Tensor> value_of(const Entry& entry) const;
  Result<Tensor> assemble(const Entry& entry, const TensorSlice& wanted, const Dims& dims) const;
  const Entry* find_part(const Entry& entry, const TensorSlice& slice) const;

  std::string prefix_;
  int64_t shard_count_ = 1;
  std::vector<Bytes> shards_;
  std::vector<Entry> entries_, parts_;
  std::unordered_map<std::string_view, size_t> by_key_, part_by_key_;
  std::vector<std::string> files_;
  uint64_t bytes_ = 0;
};

}  // namespace pumice
