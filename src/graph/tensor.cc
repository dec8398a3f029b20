#include "graph/tensor.h"

#include <cmath>
#include <sys/mman.h>
#include <unistd.h>

namespace pumice {

Bytes Bytes::own(std::vector<std::byte> bytes) {
  auto owner = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
  std::span<const std::byte> view(owner->data(), owner->size());
  return Bytes(std::move(owner), view);
}

Bytes Bytes::mapped(std::shared_ptr<const void> owner, std::span<const std::byte> view) {
  Bytes bytes(std::move(owner), view);
  bytes.mapped_ = true;
  return bytes;
}

void Bytes::drop_pages(std::span<const std::byte> part) const {
  if (!mapped_) return;
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto from = (reinterpret_cast<uintptr_t>(part.data()) + page - 1) / page * page;
  const auto to = reinterpret_cast<uintptr_t>(part.data() + part.size()) / page * page;
  if (from < to) madvise(reinterpret_cast<void*>(from), to - from, MADV_DONTNEED);
}

size_t byte_size(DType dtype, int64_t elements) {
  if (dtype == DType::kInt4) return static_cast<size_t>((elements + 1) / 2);
  return static_cast<size_t>(elements) * element_size(dtype);
}

Tensor::Tensor(DType dtype, Dims dims, Bytes bytes)
    : dtype_(dtype), dims_(std::move(dims)), bytes_(std::move(bytes)) {
  elements_ = element_count(dims_).value_or(0);
}

Tensor Tensor::of_strings(Dims dims, std::vector<std::string> strings) {
  Tensor t(DType::kString, std::move(dims), Bytes());
  t.strings_ = std::make_shared<const std::vector<std::string>>(std::move(strings));
  return t;
}

Tensor Tensor::zeros(DType dtype, Dims dims) {
  int64_t elements = element_count(dims).value_or(0);
  if (dtype == DType::kString)
    return of_strings(std::move(dims), std::vector<std::string>(static_cast<size_t>(elements)));
  return Tensor(dtype, std::move(dims),
                Bytes::own(std::vector<std::byte>(pumice::byte_size(dtype, elements))));
}

int64_t Tensor::integer_at(int64_t i) const {
  switch (dtype_) {
    case DType::kInt8: return at<int8_t>(i);
    case DType::kInt16: return at<int16_t>(i);
    case DType::kInt32: return at<int32_t>(i);
    case DType::kInt64: return at<int64_t>(i);
    case DType::kUInt8: return at<uint8_t>(i);
    case DType::kUInt16: return at<uint16_t>(i);
    case DType::kUInt32: return at<uint32_t>(i);
    case DType::kUInt64: return static_cast<int64_t>(at<uint64_t>(i));
    case DType::kBool: return at<uint8_t>(i) != 0;
    case DType::kInt4: {
      int nibble = (std::to_integer<int>(data()[i / 2]) >> (i % 2 ? 4 : 0)) & 15;
      return nibble >= 8 ? nibble - 16 : nibble;
    }
    default: break;
  }
  double v = number_at(i);
  if (std::isnan(v)) return 0;
  if (v >= 9.2233720368547758e18) return INT64_MAX;
  if (v <= -9.2233720368547758e18) return INT64_MIN;
  return static_cast<int64_t>(v);
}

double Tensor::number_at(int64_t i) const {
  switch (dtype_) {
    case DType::kFloat32: return at<float>(i);
    case DType::kFloat64: return at<double>(i);
    case DType::kFloat16: return half_to_float(at<uint16_t>(i));
    case DType::kBFloat16: return bfloat16_to_float(at<uint16_t>(i));
    case DType::kUInt64: return static_cast<double>(at<uint64_t>(i));
    case DType::kComplex64: return at<float>(2 * i);
    case DType::kComplex128: return at<double>(2 * i);
    default: break;
  }
  if (is_integer(dtype_) || dtype_ == DType::kBool) return static_cast<double>(integer_at(i));
  return 0;
}

std::vector<int64_t> Tensor::integers() const {
  std::vector<int64_t> v(static_cast<size_t>(elements_));
  for (int64_t i = 0; i < elements_; ++i) v[static_cast<size_t>(i)] = integer_at(i);
  return v;
}

Tensor Tensor::reshaped(Dims dims) const {
  Tensor t = *this;
  t.dims_ = std::move(dims);
  return t;
}

float half_to_float(uint16_t half) {
  uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16;
  uint32_t exponent = (half >> 10) & 31, mantissa = half & 1023;
  uint32_t bits;
  if (exponent == 31) {
    bits = sign | 0x7f800000 | (mantissa << 13);
  } else if (exponent != 0) {
    bits = sign | ((exponent + 112) << 23) | (mantissa << 13);
  } else if (mantissa == 0) {
    bits = sign;
  } else {  // subnormal: normalise
    int shift = __builtin_clz(mantissa) - 21;
    mantissa = (mantissa << shift) & 1023;
    bits = sign | (static_cast<uint32_t>(113 - shift) << 23) | (mantissa << 13);
  }
  float f;
  std::memcpy(&f, &bits, 4);
  return f;
}

uint16_t float_to_half(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  uint16_t sign = static_cast<uint16_t>((bits >> 16) & 0x8000);
  uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;   // NaN
  if (magnitude >= 0x477ff000) return sign | 0x7c00;  // rounds to infinity
  if (magnitude < 0x38800000) {                       // subnormal half: scale, let the FPU round
    float scaled;
    std::memcpy(&scaled, &magnitude, 4);
    scaled *= 16777216.0f;  // 2^24: the unit of half subnormals becomes 1
    return sign | static_cast<uint16_t>(std::nearbyint(scaled));
  }
  uint32_t rounded = magnitude + 0xfff + ((magnitude >> 13) & 1);
  return sign | static_cast<uint16_t>((rounded - 0x38000000) >> 13);
}

float bfloat16_to_float(uint16_t half) {
  uint32_t bits = static_cast<uint32_t>(half) << 16;
  float f;
  std::memcpy(&f, &bits, 4);
  return f;
}

uint16_t float_to_bfloat16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  if ((bits & 0x7fffffff) > 0x7f800000) return static_cast<uint16_t>((bits >> 16) | 0x40);
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

}  // namespace pumice
