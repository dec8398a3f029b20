#include "graph/cast.h"

#include <complex>
#include <limits>
#include <type_traits>

namespace pumice {
namespace {

struct Half {
  uint16_t bits;
};
struct BFloat16 {
  uint16_t bits;
};

template <typename T>
double widen(T v) {
  return static_cast<double>(v);
}

/// x86-64 conversion of an out-of-range float gives the "integer indefinite" value; TensorFlow's
/// narrow targets take the low bits of the 32-bit (or 64-bit) conversion.
int64_t truncate(double v, bool wide) {
  if (wide) {
    if (!(v > -9.2233720368547758e18 && v < 9.2233720368547758e18))
      return std::numeric_limits<int64_t>::min();
    return static_cast<int64_t>(v);
  }
  if (!(v > -2147483649.0 && v < 2147483648.0)) return std::numeric_limits<int32_t>::min();
  return static_cast<int32_t>(v);
}

template <typename To>
To from_double(double v) {
  if constexpr (std::is_same_v<To, bool>) {
    return v != 0;
  } else if constexpr (std::is_floating_point_v<To>) {
    return static_cast<To>(v);
  } else if constexpr (std::is_same_v<To, uint64_t>) {
    if (v >= 9.2233720368547758e18) return v < 1.8446744073709552e19 ? static_cast<uint64_t>(v) : 0;
    return static_cast<uint64_t>(truncate(v, true));
  } else {
    return static_cast<To>(truncate(v, sizeof(To) >= 8 || std::is_same_v<To, uint32_t>));
  }
}

template <typename From, typename To>
To convert(From v) {
  if constexpr (std::is_same_v<From, Half>) {
    return convert<float, To>(half_to_float(v.bits));
  } else if constexpr (std::is_same_v<From, BFloat16>) {
    return convert<float, To>(bfloat16_to_float(v.bits));
  } else if constexpr (std::is_same_v<To, Half>) {
    return Half{float_to_half(convert<From, float>(v))};
  } else if constexpr (std::is_same_v<To, BFloat16>) {
    return BFloat16{float_to_bfloat16(convert<From, float>(v))};
  } else if constexpr (std::is_same_v<From, std::complex<float>> ||
                       std::is_same_v<From, std::complex<double>>) {
    if constexpr (std::is_same_v<To, std::complex<float>> ||
                  std::is_same_v<To, std::complex<double>>)
      return To(static_cast<typename To::value_type>(v.real()),
                static_cast<typename To::value_type>(v.imag()));
    else if constexpr (std::is_same_v<To, bool>)
      return v.real() != 0 || v.imag() != 0;
    else
      return convert<typename From::value_type, To>(v.real());
  } else if constexpr (std::is_same_v<To, std::complex<float>> ||
                       std::is_same_v<To, std::complex<double>>) {
    return To(static_cast<typename To::value_type>(v), 0);
  } else if constexpr (std::is_same_v<To, bool>) {
    return v != From{};
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    return from_double<To>(static_cast<double>(v));
  } else {
    return static_cast<To>(v);
  }
}

template <typename From, typename To>
void cast_loop(const Tensor& input, std::byte* out) {
  const std::byte* in = input.data();
  for (int64_t i = 0, n = input.elements(); i < n; ++i) {
    From v;
    std::memcpy(&v, in + i * sizeof(From), sizeof(From));
    To r = convert<From, To>(v);
    std::memcpy(out + i * sizeof(To), &r, sizeof(To));
  }
}

template <typename From>
void cast_from(const Tensor& input, DType to, std::byte* out) {
  switch (to) {
    case DType::kFloat32: return cast_loop<From, float>(input, out);
    case DType::kFloat64: return cast_loop<From, double>(input, out);
    case DType::kFloat16: return cast_loop<From, Half>(input, out);
    case DType::kBFloat16: return cast_loop<From, BFloat16>(input, out);
    case DType::kInt8: return cast_loop<From, int8_t>(input, out);
    case DType::kInt16: return cast_loop<From, int16_t>(input, out);
    case DType::kInt32: return cast_loop<From, int32_t>(input, out);
    case DType::kInt64: return cast_loop<From, int64_t>(input, out);
    case DType::kUInt8: return cast_loop<From, uint8_t>(input, out);
    case DType::kUInt16: return cast_loop<From, uint16_t>(input, out);
    case DType::kUInt32: return cast_loop<From, uint32_t>(input, out);
    case DType::kUInt64: return cast_loop<From, uint64_t>(input, out);
    case DType::kBool: return cast_loop<From, bool>(input, out);
    case DType::kComplex64: return cast_loop<From, std::complex<float>>(input, out);
    case DType::kComplex128: return cast_loop<From, std::complex<double>>(input, out);
    default: return;
  }
}

bool numeric(DType t) {
  return is_float(t) || is_complex(t) || t == DType::kBool || (is_integer(t) && t != DType::kInt4);
}

}  // namespace

bool castable(DType from, DType to) {
  return (from == to && element_size(from) > 0) || (numeric(from) && numeric(to)) ||
         (from == DType::kInt4 && numeric(to));
}

Tensor cast_tensor(const Tensor& input, DType to) {
  if (input.dtype() == to) return input;
  if (input.dtype() == DType::kInt4) {
    Tensor wide = Tensor::zeros(DType::kInt8, input.dims());
    for (int64_t i = 0; i < input.elements(); ++i)
      wide.mutable_as<int8_t>()[i] = static_cast<int8_t>(input.integer_at(i));
    return cast_tensor(wide, to);
  }
  Tensor result = Tensor::zeros(to, input.dims());
  std::byte* out = result.mutable_data();
  switch (input.dtype()) {
    case DType::kFloat32: cast_from<float>(input, to, out); break;
    case DType::kFloat64: cast_from<double>(input, to, out); break;
    case DType::kFloat16: cast_from<Half>(input, to, out); break;
    case DType::kBFloat16: cast_from<BFloat16>(input, to, out); break;
    case DType::kInt8: cast_from<int8_t>(input, to, out); break;
    case DType::kInt16: cast_from<int16_t>(input, to, out); break;
    case DType::kInt32: cast_from<int32_t>(input, to, out); break;
    case DType::kInt64: cast_from<int64_t>(input, to, out); break;
    case DType::kUInt8: cast_from<uint8_t>(input, to, out); break;
    case DType::kUInt16: cast_from<uint16_t>(input, to, out); break;
    case DType::kUInt32: cast_from<uint32_t>(input, to, out); break;
    case DType::kUInt64: cast_from<uint64_t>(input, to, out); break;
    case DType::kBool: cast_from<bool>(input, to, out); break;
    case DType::kComplex64: cast_from<std::complex<float>>(input, to, out); break;
    case DType::kComplex128: cast_from<std::complex<double>>(input, to, out); break;
    default: break;
  }
  return result;
}

}  // namespace pumice
