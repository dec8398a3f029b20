#include "tflite/kernel_limits.h"

#include <algorithm>

namespace pumice {
namespace {

using enum DType;

template <typename... T>
constexpr uint32_t of(T... dtypes) {
  return ((uint32_t{1} << static_cast<int>(dtypes)) | ...);
}

constexpr uint32_t kFixedSize = of(kFloat32, kFloat16, kFloat64, kInt8, kInt16, kInt32, kInt64,
                                   kUInt8, kUInt16, kUInt32, kUInt64, kBool, kComplex64);
constexpr uint32_t kAll = kFixedSize | of(kString);

// Where a kernel treats unquantized narrow integers as quantized ones (RELU, MUL, MEAN and others
// of int8 and uint8), or computes float16 only through XNNPACK, the type is left out.
constexpr KernelLimits kLimits[] = {
    {"ABS", of(kFloat32, kInt16, kInt32)},
    {"ADD", of(kFloat32, kFloat16, kInt16, kInt32, kInt64)},
    {"ADD_N", of(kFloat32, kInt32)},
    {"ARG_MAX", of(kFloat32, kInt8, kInt32, kUInt8, kBool)},
    {"ARG_MIN", of(kFloat32, kInt8, kInt32, kUInt8, kBool)},
    {"ATAN2", of(kFloat32, kFloat16, kFloat64)},
    {"AVERAGE_POOL_2D", of(kFloat32), 0, 4},
    {"BATCH_MATMUL", of(kFloat32), 0, 5},
    {"BATCH_TO_SPACE_ND", kFixedSize, 0, 4},
    {"BITCAST", kFixedSize},
    {"BITWISE_XOR", of(kInt8, kInt16, kInt32, kUInt8, kUInt16, kUInt32)},
    {"BROADCAST_TO", kFixedSize},
    {"BUCKETIZE", of(kFloat32, kFloat64, kInt32, kInt64)},
    {"CAST", of(kFloat32, kFloat16, kFloat64, kInt8, kInt16, kInt32, kInt64, kUInt8, kUInt16,
                kUInt32, kBool, kComplex64)},
    {"CEIL", of(kFloat32)},
    {"COMPLEX_ABS", of(kComplex64)},
    {"CONCATENATION", of(kFloat32, kFloat16, kInt8, kInt16, kInt32, kInt64, kUInt8, kUInt32, kBool),
     0, 6},
    {"CONV_2D", of(kFloat32), 0, 4},
    {"CONV_3D", of(kFloat32), 0, 5},
    {"CONV_3D_TRANSPOSE", of(kFloat32), 2, 5},
    {"COS", of(kFloat32, kFloat16)},
    {"CUMSUM", of(kFloat32, kInt32, kInt64)},
    {"DEPTHWISE_CONV_2D", of(kFloat32), 0, 4},
    {"DEPTH_TO_SPACE", of(kFloat32, kInt8, kInt32, kInt64, kUInt8), 0, 4},
    {"DEQUANTIZE", of(kFloat16)},
    {"DILATE", kFixedSize},
    {"DIV", of(kFloat32, kInt32)},
    {"DYNAMIC_UPDATE_SLICE", kFixedSize},
    {"ELU", of(kFloat32)},
    {"EMBEDDING_LOOKUP", kFixedSize, 1},
    {"EQUAL", of(kFloat32, kFloat16, kInt16, kInt32, kInt64, kBool, kString)},
    {"EXP", of(kFloat32)},
    {"EXPAND_DIMS", kAll},
    {"FAKE_QUANT", of(kFloat32)},
    {"FILL", kAll, 1},
    {"FLOOR", of(kFloat32, kFloat16)},
    {"FLOOR_DIV", of(kFloat32, kInt8, kInt16, kInt32)},
    {"FLOOR_MOD", of(kFloat32, kInt8, kInt16, kInt32, kInt64)},
    {"FULLY_CONNECTED", of(kFloat32)},
    {"GATHER", of(kFloat32, kFloat16, kInt8, kInt16, kInt32, kInt64, kUInt8, kBool)},
    {"GATHER_ND", of(kFloat32, kFloat16, kInt8, kInt16, kInt32, kInt64, kUInt8, kBool, kString)},
    {"GELU", of(kFloat32, kFloat16)},
    {"GREATER", of(kFloat32, kFloat16, kInt16, kInt32, kInt64)},
    {"GREATER_EQUAL", of(kFloat32, kFloat16, kInt16, kInt32, kInt64)},
    {"HARD_SWISH", of(kFloat32)},
    {"IMAG", of(kComplex64)},
    {"L2_NORMALIZATION", of(kFloat32)},
    {"L2_POOL_2D", of(kFloat32), 0, 4},
    {"LEAKY_RELU", of(kFloat32)},
    {"LESS", of(kFloat32, kFloat16, kInt16, kInt32, kInt64)},
    {"LESS_EQUAL", of(kFloat32, kFloat16, kInt16, kInt32, kInt64)},
    {"LOCAL_RESPONSE_NORMALIZATION", of(kFloat32), 0, 4},
    {"LOG", of(kFloat32)},
    {"LOGICAL_AND", of(kBool)},
    {"LOGICAL_NOT", of(kBool)},
    {"LOGICAL_OR", of(kBool)},
    {"LOGISTIC", of(kFloat32, kFloat16)},
    {"LOG_SOFTMAX", of(kFloat32)},
    {"MATRIX_DIAG", of(kFloat32, kInt8, kInt16, kInt32, kInt64, kUInt8, kUInt32, kBool)},
    {"MATRIX_SET_DIAG", of(kFloat32, kInt8, kInt16, kInt32, kInt64, kUInt8, kUInt32, kBool)},
    {"MAXIMUM", of(kFloat32, kFloat16, kInt8, kInt16, kInt32, kInt64, kUInt8)},
    {"MAX_POOL_2D", of(kFloat32, kInt8, kInt16, kUInt8), 0, 4},
    {"MEAN", of(kFloat32, kInt32, kInt64), 0, 6},
    {"MINIMUM", of(kFloat32, kFloat16, kInt8, kInt16, kInt32, kInt64, kUInt8)},
    {"MIRROR_PAD", kFixedSize},
    {"MUL", of(kFloat32, kFloat16, kInt16, kInt32, kInt64, kUInt32, kComplex64)},
    {"MULTINOMIAL", of(kFloat32)},
    {"NEG", of(kFloat32, kFloat16, kInt8, kInt16, kInt32, kInt64)},
    {"NON_MAX_SUPPRESSION_V4", of(kFloat32)},
    {"NON_MAX_SUPPRESSION_V5", of(kFloat32)},
    {"NOT_EQUAL", of(kFloat32, kFloat16, kInt32, kInt64, kBool, kString)},
    {"ONE_HOT", of(kFloat32, kInt8, kInt32, kInt64, kUInt8, kBool), 2},
    {"PACK", of(kFloat32, kInt8, kInt16, kInt32, kInt64, kUInt8, kUInt32)},
    {"PAD", of(kFloat32, kFloat16, kInt8, kInt16, kInt32, kInt64, kUInt8, kBool), 0, 5},
    {"PADV2", of(kFloat32, kFloat16, kInt8, kInt16, kInt32, kInt64, kUInt8, kBool), 0, 5},
    {"POW", of(kFloat32, kInt32)},
    {"PRELU", of(kFloat32)},
    {"RANGE", of(kFloat32, kInt32, kInt64)},
    {"RANK", kAll},
    {"REAL", of(kComplex64)},
    {"REDUCE_ALL", of(kBool)},
    {"REDUCE_ANY", of(kBool)},
    {"REDUCE_MAX", of(kFloat32, kInt8, kInt16, kInt32, kInt64, kUInt8), 0, 6},
    {"REDUCE_MIN", of(kFloat32, kInt8, kInt16, kInt32, kInt64, kUInt8), 0, 6},
    {"REDUCE_PROD", of(kFloat32, kInt8, kInt16, kInt32, kInt64, kUInt8)},
    {"RELU", of(kFloat32)},
    {"RELU6", of(kFloat32)},
    {"RELU_0_TO_1", of(kFloat32)},
    {"RELU_N1_TO_1", of(kFloat32)},
    {"RESHAPE", kAll},
    {"RESIZE_BILINEAR", of(kFloat32), 0, 4},
    {"RESIZE_NEAREST_NEIGHBOR",
     of(kFloat32, kFloat16, kInt8, kInt16, kInt32, kUInt8, kUInt16, kUInt32, kBool), 0, 4},
    {"REVERSE_SEQUENCE", of(kFloat32, kInt16, kInt32, kInt64, kUInt8)},
    {"REVERSE_V2", of(kFloat32, kFloat16, kInt8, kInt16, kInt32, kInt64, kUInt8, kBool)},
    {"RFFT2D", of(kFloat32)},
    {"RIGHT_SHIFT", of(kInt8, kInt16, kInt32, kUInt8, kUInt16, kUInt32)},
    {"ROUND", of(kFloat32, kFloat16)},
    {"RSQRT", of(kFloat32)},
    {"SCATTER_ND", of(kFloat32, kInt8, kInt32, kInt64, kUInt8, kBool), 1},
    {"SEGMENT_SUM", of(kFloat32, kInt32)},
    {"SELECT", kFixedSize, 1},
    {"SELECT_V2", kFixedSize, 1},
    {"SHAPE", kAll},
    {"SIGN", of(kFloat32, kFloat64, kInt32)},
    {"SIN", of(kFloat32, kFloat16)},
    {"SLICE", kAll},
    {"SOFTMAX", of(kFloat32, kFloat16), 0, 6},
    {"SPACE_TO_BATCH_ND", kFixedSize, 0, 4},
    {"SPACE_TO_DEPTH", of(kFloat32, kInt8, kInt32, kInt64, kUInt8), 0, 4},
    {"SPARSE_TO_DENSE", of(kFloat32, kInt8, kInt32, kInt64, kUInt8), 2},
    {"SPLIT", of(kFloat32, kInt8, kInt16, kInt32, kInt64, kUInt8), 1, 6},
    {"SPLIT_V", of(kFloat32, kInt8, kInt16, kInt32, kInt64, kUInt8)},
    {"SQRT", of(kFloat32)},
    {"SQUARE", of(kFloat32)},
    {"SQUARED_DIFFERENCE", of(kFloat32, kInt32)},
    {"SQUEEZE", kAll},
    {"STRIDED_SLICE", kAll},
    {"SUB", of(kFloat32, kInt32, kInt64)},
    {"SUM", of(kFloat32, kInt32, kInt64), 0, 6},
    {"TANH", of(kFloat32, kFloat16)},
    {"TILE", kAll},
    {"TOPK_V2", of(kFloat32, kInt8, kInt16, kInt32, kInt64, kUInt8)},
    {"TRANSPOSE", kFixedSize},
    {"TRANSPOSE_CONV", of(kFloat32), 2, 4},
    {"UNIQUE", of(kFloat32, kInt8, kInt16, kInt32, kInt64, kUInt8)},
    {"UNPACK", of(kFloat32, kFloat16, kInt8, kInt16, kInt32, kUInt8, kBool)},
    {"UNSORTED_SEGMENT_MAX", of(kFloat32, kInt32)},
    {"UNSORTED_SEGMENT_MIN", of(kFloat32, kInt32)},
    {"UNSORTED_SEGMENT_PROD", of(kFloat32, kInt32)},
    {"UNSORTED_SEGMENT_SUM", of(kFloat32, kInt32)},
    {"WHERE", of(kFloat32, kInt8, kInt32, kInt64, kUInt8, kUInt32, kBool)},
    {"ZEROS_LIKE", of(kFloat32, kInt32, kInt64)},
};

constexpr bool sorted() {
  for (size_t i = 1; i < std::size(kLimits); ++i) {
    if (!(kLimits[i - 1].op < kLimits[i].op)) return false;
  }
  return true;
}
static_assert(sorted(), "the table is searched by halves");

}  // namespace

const KernelLimits* kernel_limits(std::string_view op) {
  const auto* it = std::lower_bound(
      std::begin(kLimits), std::end(kLimits), op,
      [](const KernelLimits& limits, std::string_view wanted) { return limits.op < wanted; });
  return it != std::end(kLimits) && it->op == op ? it : nullptr;
}

bool kernel_takes(std::string_view op, DType dtype) {
  const KernelLimits* limits = kernel_limits(op);
  return !limits || limits->takes(dtype);
}

}  // namespace pumice
