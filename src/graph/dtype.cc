#include "graph/dtype.h"

namespace pumice {
namespace {

struct Row {
  std::string_view name;        // TensorFlow's Python name
  std::string_view proto_name;  // in DataType of types.proto
  DType dtype;
  uint8_t size;
  int8_t tensorflow;  // types.proto number
  int8_t tflite;      // TensorType number of the schema
};

constexpr Row kRows[] = {
    {"float32", "DT_FLOAT", DType::kFloat32, 4, 1, 0},
    {"float16", "DT_HALF", DType::kFloat16, 2, 19, 1},
    {"bfloat16", "DT_BFLOAT16", DType::kBFloat16, 2, 14, 18},
    {"float64", "DT_DOUBLE", DType::kFloat64, 8, 2, 10},
    {"int4", "DT_INT4", DType::kInt4, 0, 29, 17},
    {"int8", "DT_INT8", DType::kInt8, 1, 6, 9},
    {"int16", "DT_INT16", DType::kInt16, 2, 5, 7},
    {"int32", "DT_INT32", DType::kInt32, 4, 3, 2},
    {"int64", "DT_INT64", DType::kInt64, 8, 9, 4},
    {"uint8", "DT_UINT8", DType::kUInt8, 1, 4, 3},
    {"uint16", "DT_UINT16", DType::kUInt16, 2, 17, 16},
    {"uint32", "DT_UINT32", DType::kUInt32, 4, 22, 15},
    {"uint64", "DT_UINT64", DType::kUInt64, 8, 23, 12},
    {"bool", "DT_BOOL", DType::kBool, 1, 10, 6},
    {"string", "DT_STRING", DType::kString, 0, 7, 5},
    {"complex64", "DT_COMPLEX64", DType::kComplex64, 8, 8, 8},
    {"complex128", "DT_COMPLEX128", DType::kComplex128, 16, 18, 11},
    {"resource", "DT_RESOURCE", DType::kResource, 0, 20, 13},
    {"variant", "DT_VARIANT", DType::kVariant, 0, 21, 14},
};

const Row* row_of(DType dtype) {
  for (const Row& row : kRows)
    if (row.dtype == dtype) return &row;
  return nullptr;
}

}  // namespace

size_t element_size(DType dtype) {
  const Row* row = row_of(dtype);
  return row ? row->size : 0;
}

std::string_view dtype_name(DType dtype) {
  const Row* row = row_of(dtype);
  return row ? row->name : "invalid";
}

DType dtype_from_name(std::string_view name) {
  for (const Row& row : kRows)
    if (row.name == name || row.proto_name == name) return row.dtype;
  return DType::kInvalid;
}

DType dtype_from_tensorflow(int64_t number) {
  if (number > 100) number -= 100;  // DT_*_REF
  switch (number) {  // DT_QINT8, DT_QUINT8, DT_QINT32, DT_QINT16, DT_QUINT16: by storage
    case 11: return DType::kInt8;
    case 12: return DType::kUInt8;
    case 13: return DType::kInt32;
    case 15: return DType::kInt16;
    case 16: return DType::kUInt16;
    default: break;
  }
  for (const Row& row : kRows)
    if (row.tensorflow == number) return row.dtype;
  return DType::kInvalid;
}

int64_t dtype_to_tensorflow(DType dtype) {
  const Row* row = row_of(dtype);
  return row ? row->tensorflow : 0;
}

int dtype_to_tflite(DType dtype) {
  const Row* row = row_of(dtype);
  return row ? row->tflite : -1;
}

DType dtype_from_tflite(int number) {
  for (const Row& row : kRows)
    if (row.tflite == number) return row.dtype;
  return DType::kInvalid;
}

}  // namespace pumice
