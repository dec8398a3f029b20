#include <optional>

#include "runtime/compare.h"

namespace pumice {
namespace {

constexpr uint64_t kMostBytes = uint64_t{4} << 30;

// SplitMix64: small, and the same everywhere.
class Random {
 public:
  explicit Random(uint64_t state) : state_(state) {}
  uint64_t bits() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  /// -1 to 1: the mean of three even ones, so that values gather around 0 as activations do.
  float real() {
    const uint64_t b = bits();
    constexpr float kScale = 1.0f / (1 << 20);
    float sum = static_cast<float>(b & 0x1fffff) + static_cast<float>((b >> 21) & 0x1fffff) +
                static_cast<float>((b >> 42) & 0x1fffff);
    return (sum * kScale - 3.0f) / 3.0f;
  }

 private:
  uint64_t state_;
};

uint64_t hash_of(const std::string& text) {  // FNV-1a
  uint64_t h = 0xcbf29ce484222325u;
  for (unsigned char c : text) h = (h ^ c) * 0x100000001b3u;
  return h;
}

// Fills with values of storage type T. (Wide integers stay small: many are indices or sizes.)
template <typename T, typename F>
void fill(Tensor* t, int64_t n, F value) {
  T* out = t->mutable_as<T>();
  for (int64_t i = 0; i < n; ++i) out[i] = static_cast<T>(value());
}

bool fill_random(Tensor* t, Random random) {
  const int64_t n = t->elements();
  auto real = [&] { return random.real(); };
  auto any = [&] { return random.bits() >> 56; };
  auto few = [&] { return random.bits() >> 61; };
  auto bit = [&] { return random.bits() >> 63; };
  switch (t->dtype()) {
    case DType::kFloat32: fill<float>(t, n, real); return true;
    case DType::kFloat64: fill<double>(t, n, real); return true;
    case DType::kComplex64: fill<float>(t, 2 * n, real); return true;
    case DType::kComplex128: fill<double>(t, 2 * n, real); return true;
    case DType::kFloat16:
      fill<uint16_t>(t, n, [&] { return float_to_half(random.real()); });
      return true;
    case DType::kBFloat16:
      fill<uint16_t>(t, n, [&] { return float_to_bfloat16(random.real()); });
      return true;
    case DType::kInt8:
    case DType::kUInt8: fill<uint8_t>(t, n, any); return true;
    case DType::kInt16:
    case DType::kUInt16: fill<uint16_t>(t, n, few); return true;
    case DType::kInt32:
    case DType::kUInt32: fill<uint32_t>(t, n, few); return true;
    case DType::kInt64:
    case DType::kUInt64: fill<uint64_t>(t, n, few); return true;
    case DType::kBool: fill<uint8_t>(t, n, bit); return true;
    default: return false;
  }
}

}  // namespace

Result<std::vector<NamedTensor>> generate_inputs(const std::vector<SignatureTensor>& inputs,
                                                 const InputOptions& options) {
  std::vector<NamedTensor> made;
  for (const SignatureTensor& input : inputs) {
    if (!input.shape.known_rank()) {
      return Error(ErrorCode::kUsage, "an input of unknown rank cannot be made up")
          .found("'" + input.name + "'")
          .hint("Give the inputs as an .npz file.");
    }
    Dims dims;
    for (Dim d : input.shape.dims()) dims.push_back(d.known() ? d.size() : options.unknown_size);
    std::optional<int64_t> elements = element_count(dims);
    const uint64_t width = element_size(input.dtype);
    if (width == 0) {
      return Error(ErrorCode::kUnsupported, "an input of this dtype cannot be made up")
          .found("'" + input.name + "', " + std::string(dtype_name(input.dtype)))
          .hint("Give the inputs as an .npz file.");
    }
    if (!elements || static_cast<uint64_t>(*elements) > kMostBytes / width) {
      return Error(ErrorCode::kTooLarge, "an input is too large to be made up")
          .expected("at most " + std::to_string(kMostBytes) + " bytes")
          .found("'" + input.name + "', " + to_string(dims));
    }
    Tensor tensor = Tensor::zeros(input.dtype, dims);
    if (!fill_random(&tensor, Random(options.seed ^ hash_of(input.name)))) {
      return Error(ErrorCode::kUnsupported, "an input of this dtype cannot be made up")
          .found("'" + input.name + "', " + std::string(dtype_name(input.dtype)));
    }
    made.push_back({input.name, std::move(tensor)});
  }
  return made;
}

}  // namespace pumice
