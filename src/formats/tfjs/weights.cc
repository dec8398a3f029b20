#include "formats/tfjs/weights.h"

#include <algorithm>
#include <cmath>

#include "formats/file.h"

namespace pumice {
namespace {

/// Bytes of a weight of fixed size, as stored; nullopt on overflow.
std::optional<uint64_t> stored_size(const TfjsWeight& weight) {
  uint64_t size = 0;
  if (__builtin_mul_overflow(static_cast<uint64_t>(weight.elements),
                             element_size(weight.stored_dtype()), &size)) {
    return std::nullopt;
  }
  return size;
}

/// The files of a group as one run of bytes.
class GroupBytes {
 public:
  Status open(const TfjsWeightGroup& group, const std::string& folder, const OpenFile& open_file,
              TfjsWeights* weights);

  uint64_t size() const { return size_; }
  uint64_t remaining() const { return size_ - at_; }
  /// The next bytes, of which there must be as many.
  Bytes take(uint64_t size);

 private:
  std::vector<Bytes> files_;
  uint64_t size_ = 0, at_ = 0;
  size_t file_ = 0;     // the one that at_ is in
  size_t in_file_ = 0;  // where in it
};

Status GroupBytes::open(const TfjsWeightGroup& group, const std::string& folder,
                        const OpenFile& open_file, TfjsWeights* weights) {
  for (const std::string& path : group.paths) {
    const std::string file = join_path(folder, path);
    auto bytes = open_file(file);
    if (!bytes.ok()) {
      if (bytes.error().code() != ErrorCode::kNotFound) return std::move(bytes).error();
      return Error(ErrorCode::kNotFound, "a weights file that the model names is missing")
          .in(file)
          .expected(std::to_string(group.paths.size()) + " weights files in the group")
          .hint("Copy all files of the model into one folder.");
    }
    size_ += bytes->size();
    files_.push_back(std::move(bytes).value());
    weights->files.push_back(file);
  }
  weights->bytes += size_;
  return {};
}

Bytes GroupBytes::take(uint64_t size) {
  if (size == 0) return Bytes();
  while (in_file_ == files_[file_].size()) ++file_, in_file_ = 0;
  at_ += size;
  if (size <= files_[file_].size() - in_file_) {
    Bytes part = files_[file_].slice(in_file_, size);
    in_file_ += size;
    return part;
  }
  std::vector<std::byte> whole;
  whole.reserve(size);
  while (whole.size() < size) {
    if (in_file_ == files_[file_].size()) {
      ++file_, in_file_ = 0;
      continue;
    }
    const size_t count = std::min<size_t>(size - whole.size(), files_[file_].size() - in_file_);
    const auto part = files_[file_].view().subspan(in_file_, count);
    whole.insert(whole.end(), part.begin(), part.end());
    in_file_ += count;
  }
  return Bytes::own(std::move(whole));
}

/// Each string: its length as uint32, then its bytes. nullopt where the bytes end too early.
std::optional<Tensor> take_strings(const TfjsWeight& weight, GroupBytes* bytes) {
  const auto count = static_cast<uint64_t>(weight.elements);
  if (count > bytes->remaining() / 4) return std::nullopt;
  std::vector<std::string> strings;
  strings.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    if (bytes->remaining() < 4) return std::nullopt;
    uint32_t length = 0;
    std::memcpy(&length, bytes->take(4).data(), sizeof length);
    if (length > bytes->remaining()) return std::nullopt;
    const Bytes text = bytes->take(length);
    strings.emplace_back(as_text(text.view()));
  }
  return Tensor::of_strings(weight.dims, std::move(strings));
}

/// Math.round() and the conversion to 32 bits of a JavaScript Int32Array.
int32_t to_int32(double v) {
  v = std::floor(v + 0.5);
  if (!std::isfinite(v)) return 0;
  v = std::fmod(v, 4294967296.0);
  return static_cast<int32_t>(static_cast<uint32_t>(static_cast<int64_t>(v)));
}

Tensor dequantize_integers(const Tensor& stored, const TfjsWeight::Quantization& how) {
  Tensor tensor = Tensor::zeros(DType::kInt32, stored.dims());
  auto* to = tensor.mutable_as<int32_t>();
  for (int64_t i = 0; i < stored.elements(); ++i) {
    const double q =
        stored.dtype() == DType::kUInt8 ? stored.at<uint8_t>(i) : stored.at<uint16_t>(i);
    to[i] = to_int32(q * how.scale + how.minimum);
  }
  return tensor;
}

Constant decode(const TfjsWeight& weight, Bytes bytes) {
  Tensor stored(weight.stored_dtype(), weight.dims, std::move(bytes));
  if (!weight.quantization) return Constant(std::move(stored));
  const TfjsWeight::Quantization& how = *weight.quantization;
  if (weight.dtype == DType::kInt32) return Constant(dequantize_integers(stored, how));
  if (how.stored == DType::kFloat16) {
    return Constant(std::move(stored)).then(CastTo{DType::kFloat32});
  }
  return Constant(std::move(stored))
      .then(Dequantize{static_cast<float>(how.scale), static_cast<float>(how.minimum)});
}

Error too_short(const TfjsWeightGroup& group, const std::string& folder, const TfjsWeight& at,
                uint64_t found) {
  uint64_t needed = 0;
  bool exact = true;
  for (const TfjsWeight& weight : group.weights) {
    const auto size = stored_size(weight);
    exact &=
        size && weight.dtype != DType::kString && !__builtin_add_overflow(needed, *size, &needed);
  }
  const std::string files = std::to_string(group.paths.size());
  return Error(ErrorCode::kTruncated, "the weights files end before their weights do")
      .in(group.paths.empty() ? folder : join_path(folder, group.paths.back()))
      .at(at.name, "weight")
      .expected((exact ? std::to_string(needed) : "more than " + std::to_string(found)) +
                " bytes in the group's " + files + (group.paths.size() == 1 ? " file" : " files"))
      .found(std::to_string(found))
      .hint("A file is probably incomplete: copy or download them again.");
}

}  // namespace

Result<TfjsWeights> load_tfjs_weights(const std::vector<TfjsWeightGroup>& groups,
                                      const std::string& folder, const OpenFile& open) {
  TfjsWeights weights;
  for (const TfjsWeightGroup& group : groups) {
    GroupBytes bytes;
    PUMICE_CHECK(bytes.open(group, folder, open, &weights));
    for (const TfjsWeight& weight : group.weights) {
      if (weight.dtype == DType::kString) {
        auto strings = take_strings(weight, &bytes);
        if (!strings) return too_short(group, folder, weight, bytes.size());
        weights.by_name.emplace(weight.name, Constant(*std::move(strings)));
        continue;
      }
      const auto size = stored_size(weight);
      if (!size || *size > bytes.remaining()) {
        return too_short(group, folder, weight, bytes.size());
      }
      weights.by_name.emplace(weight.name, decode(weight, bytes.take(*size)));
    }
    if (bytes.remaining() > 0) {
      weights.warnings.push_back("the weights files hold " + std::to_string(bytes.remaining()) +
                                 " bytes more than their weights take");
    }
  }
  return weights;
}

}  // namespace pumice
