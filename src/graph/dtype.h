// Element types, as TensorFlow and TensorFlow Lite know them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pumice {

enum class DType : uint8_t {
  kInvalid,
  kFloat32,
  kFloat16,
  kBFloat16,
  kFloat64,
  kInt4,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kUInt8,
  kUInt16,
  kUInt32,
  kUInt64,
  kBool,
  kString,
  kComplex64,
  kComplex128,
  kResource,
  kVariant,
};

/// Bytes of one element; 0 where elements have no fixed size (string, resource, variant, int4).
size_t element_size(DType dtype);

/// TensorFlow's name: "float32", "int8", "bool", "string", "resource", ….
std::string_view dtype_name(DType dtype);
/// The inverse of dtype_name; also takes TensorFlow's "DT_FLOAT" forms. kInvalid when unknown.
DType dtype_from_name(std::string_view name);

/// tensorflow.DataType (types.proto) numbers. `_REF` types (value + 100) become their base type.
/// Quantized types become their storage type. kInvalid when unknown.
DType dtype_from_tensorflow(int64_t number);
int64_t dtype_to_tensorflow(DType dtype);

/// tflite.TensorType numbers; -1 where TensorFlow Lite has no such type.
int dtype_to_tflite(DType dtype);
DType dtype_from_tflite(int number);

inline bool is_float(DType t) {
  return t == DType::kFloat32 || t == DType::kFloat16 || t == DType::kBFloat16 ||
         t == DType::kFloat64;
}
inline bool is_signed_integer(DType t) {
  return t == DType::kInt4 || t == DType::kInt8 || t == DType::kInt16 || t == DType::kInt32 ||
         t == DType::kInt64;
}
inline bool is_unsigned_integer(DType t) {
  return t == DType::kUInt8 || t == DType::kUInt16 || t == DType::kUInt32 || t == DType::kUInt64;
}
inline bool is_integer(DType t) { return is_signed_integer(t) || is_unsigned_integer(t); }
inline bool is_complex(DType t) { return t == DType::kComplex64 || t == DType::kComplex128; }

}  // namespace pumice
