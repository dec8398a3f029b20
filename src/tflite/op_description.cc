#include "tflite/op_description.h"

#include <algorithm>
#include <array>

namespace pumice {
namespace {

using enum OptionType;
using Option = OptionDescription;

// The fields of each options table of the schema. Empty tables need no entry.
constexpr Option kAddOptions[] = {{"fused_activation_function", 0, kByte},
                                  {"pot_scale_int16", 1, kBool, 1}};
constexpr Option kArgMaxOptions[] = {{"output_type", 0, kTensorType}};
constexpr Option kArgMinOptions[] = {{"output_type", 0, kTensorType}};
constexpr Option kBatchMatMulOptions[] = {
    {"adj_x", 0, kBool}, {"adj_y", 1, kBool}, {"asymmetric_quantize_inputs", 2, kBool}};
constexpr Option kBidirectionalSequenceLSTMOptions[] = {{"fused_activation_function", 0, kByte},
                                                        {"cell_clip", 1, kFloat},
                                                        {"proj_clip", 2, kFloat},
                                                        {"merge_outputs", 3, kBool},
                                                        {"time_major", 4, kBool, 1},
                                                        {"asymmetric_quantize_inputs", 5, kBool}};
constexpr Option kBidirectionalSequenceRNNOptions[] = {{"time_major", 0, kBool},
                                                       {"fused_activation_function", 1, kByte},
                                                       {"merge_outputs", 2, kBool},
                                                       {"asymmetric_quantize_inputs", 3, kBool}};
constexpr Option kBucketizeOptions[] = {{"boundaries", 0, kFloatVector}};
constexpr Option kCallOnceOptions[] = {{"init", 0, kSubgraph}};
constexpr Option kCallOptions[] = {{"subgraph", 0, kSubgraph}};
constexpr Option kCastOptions[] = {{"in_data_type", 0, kTensorType},
                                   {"out_data_type", 1, kTensorType}};
constexpr Option kConcatEmbeddingsOptions[] = {{"num_channels", 0, kInt32},
                                               {"num_columns_per_channel", 1, kInt32Vector},
                                               {"embedding_dim_per_channel", 2, kInt32Vector}};
constexpr Option kConcatenationOptions[] = {{"axis", 0, kInt32},
                                            {"fused_activation_function", 1, kByte}};
constexpr Option kConv2DOptions[] = {{"padding", 0, kByte},
                                     {"stride_w", 1, kInt32},
                                     {"stride_h", 2, kInt32},
                                     {"fused_activation_function", 3, kByte},
                                     {"dilation_w_factor", 4, kInt32, 1},
                                     {"dilation_h_factor", 5, kInt32, 1},
                                     {"quantized_bias_type", 6, kTensorType}};
constexpr Option kConv3DOptions[] = {{"padding", 0, kByte},
                                     {"stride_d", 1, kInt32},
                                     {"stride_w", 2, kInt32},
                                     {"stride_h", 3, kInt32},
                                     {"fused_activation_function", 4, kByte},
                                     {"dilation_d_factor", 5, kInt32, 1},
                                     {"dilation_w_factor", 6, kInt32, 1},
                                     {"dilation_h_factor", 7, kInt32, 1}};
constexpr Option kCumsumOptions[] = {{"exclusive", 0, kBool}, {"reverse", 1, kBool}};
constexpr Option kDepthToSpaceOptions[] = {{"block_size", 0, kInt32}};
constexpr Option kDepthwiseConv2DOptions[] = {{"padding", 0, kByte},
                                              {"stride_w", 1, kInt32},
                                              {"stride_h", 2, kInt32},
                                              {"depth_multiplier", 3, kInt32},
                                              {"fused_activation_function", 4, kByte},
                                              {"dilation_w_factor", 5, kInt32, 1},
                                              {"dilation_h_factor", 6, kInt32, 1}};
constexpr Option kDivOptions[] = {{"fused_activation_function", 0, kByte}};
constexpr Option kEmbeddingLookupSparseOptions[] = {{"combiner", 0, kByte}};
constexpr Option kFakeQuantOptions[] = {
    {"min", 0, kFloat}, {"max", 1, kFloat}, {"num_bits", 2, kInt32}, {"narrow_range", 3, kBool}};
constexpr Option kFullyConnectedOptions[] = {{"fused_activation_function", 0, kByte},
                                             {"weights_format", 1, kByte},
                                             {"keep_num_dims", 2, kBool},
                                             {"asymmetric_quantize_inputs", 3, kBool},
                                             {"quantized_bias_type", 4, kTensorType},
                                             {"quant_spec", 5, kByteVector}};
constexpr Option kGatherOptions[] = {{"axis", 0, kInt32}, {"batch_dims", 1, kInt32}};
constexpr Option kGeluOptions[] = {{"approximate", 0, kBool}};
constexpr Option kHashtableOptions[] = {
    {"table_id", 0, kInt32}, {"key_dtype", 1, kTensorType}, {"value_dtype", 2, kTensorType}};
constexpr Option kIfOptions[] = {{"then", 0, kSubgraph}, {"else", 1, kSubgraph}};
constexpr Option kL2NormOptions[] = {{"fused_activation_function", 0, kByte}};
constexpr Option kLSHProjectionOptions[] = {{"type", 0, kByte}};
constexpr Option kLSTMOptions[] = {{"fused_activation_function", 0, kByte},
                                   {"cell_clip", 1, kFloat},
                                   {"proj_clip", 2, kFloat},
                                   {"kernel_type", 3, kByte},
                                   {"asymmetric_quantize_inputs", 4, kBool}};
constexpr Option kLeakyReluOptions[] = {{"alpha", 0, kFloat}};
constexpr Option kLocalResponseNormalizationOptions[] = {
    {"radius", 0, kInt32}, {"bias", 1, kFloat}, {"alpha", 2, kFloat}, {"beta", 3, kFloat}};
constexpr Option kMirrorPadOptions[] = {{"mode", 0, kByte}};
constexpr Option kMulOptions[] = {{"fused_activation_function", 0, kByte}};
constexpr Option kOneHotOptions[] = {{"axis", 0, kInt32}};
constexpr Option kPackOptions[] = {{"values_count", 0, kInt32}, {"axis", 1, kInt32}};
constexpr Option kPool2DOptions[] = {
    {"padding", 0, kByte},        {"stride_w", 1, kInt32},
    {"stride_h", 2, kInt32},      {"filter_width", 3, kInt32},
    {"filter_height", 4, kInt32}, {"fused_activation_function", 5, kByte}};
constexpr Option kRNNOptions[] = {{"fused_activation_function", 0, kByte},
                                  {"asymmetric_quantize_inputs", 1, kBool}};
constexpr Option kRandomOptions[] = {{"seed", 0, kInt64}, {"seed2", 1, kInt64}};
constexpr Option kReduceWindowOptions[] = {{"reduce_function", 0, kInt32}};
constexpr Option kReducerOptions[] = {{"keep_dims", 0, kBool}};
constexpr Option kReshapeOptions[] = {{"new_shape", 0, kInt32Vector}};
constexpr Option kResizeBilinearOptions[] = {{"align_corners", 2, kBool},
                                             {"half_pixel_centers", 3, kBool}};
constexpr Option kResizeNearestNeighborOptions[] = {{"align_corners", 0, kBool},
                                                    {"half_pixel_centers", 1, kBool}};
constexpr Option kReverseSequenceOptions[] = {{"seq_dim", 0, kInt32}, {"batch_dim", 1, kInt32}};
constexpr Option kSVDFOptions[] = {{"rank", 0, kInt32},
                                   {"fused_activation_function", 1, kByte},
                                   {"asymmetric_quantize_inputs", 2, kBool}};
constexpr Option kSequenceRNNOptions[] = {{"time_major", 0, kBool},
                                          {"fused_activation_function", 1, kByte},
                                          {"asymmetric_quantize_inputs", 2, kBool}};
constexpr Option kShapeOptions[] = {{"out_type", 0, kTensorType}};
constexpr Option kSkipGramOptions[] = {
    {"ngram_size", 0, kInt32}, {"max_skip_size", 1, kInt32}, {"include_all_ngrams", 2, kBool}};
constexpr Option kSoftmaxOptions[] = {{"beta", 0, kFloat}};
constexpr Option kSpaceToDepthOptions[] = {{"block_size", 0, kInt32}};
constexpr Option kSparseToDenseOptions[] = {{"validate_indices", 0, kBool}};
constexpr Option kSplitOptions[] = {{"num_splits", 0, kInt32}};
constexpr Option kSplitVOptions[] = {{"num_splits", 0, kInt32}};
constexpr Option kSqueezeOptions[] = {{"squeeze_dims", 0, kInt32Vector}};
constexpr Option kStridedSliceOptions[] = {
    {"begin_mask", 0, kInt32},    {"end_mask", 1, kInt32},         {"ellipsis_mask", 2, kInt32},
    {"new_axis_mask", 3, kInt32}, {"shrink_axis_mask", 4, kInt32}, {"offset", 5, kBool}};
constexpr Option kSubOptions[] = {{"fused_activation_function", 0, kByte},
                                  {"pot_scale_int16", 1, kBool, 1}};
constexpr Option kTransposeConvOptions[] = {{"padding", 0, kByte},
                                            {"stride_w", 1, kInt32},
                                            {"stride_h", 2, kInt32},
                                            {"fused_activation_function", 3, kByte},
                                            {"quantized_bias_type", 4, kTensorType}};
constexpr Option kUnidirectionalSequenceLSTMOptions[] = {{"fused_activation_function", 0, kByte},
                                                         {"cell_clip", 1, kFloat},
                                                         {"proj_clip", 2, kFloat},
                                                         {"time_major", 3, kBool},
                                                         {"asymmetric_quantize_inputs", 4, kBool},
                                                         {"diagonal_recurrent_tensors", 5, kBool}};
constexpr Option kUniqueOptions[] = {{"idx_out_type", 0, kTensorType, 2}};
constexpr Option kUnpackOptions[] = {{"num", 0, kInt32}, {"axis", 1, kInt32}};
constexpr Option kVarHandleOptions[] = {{"container", 0, kString}, {"shared_name", 1, kString}};
constexpr Option kWhileOptions[] = {{"cond", 0, kSubgraph}, {"body", 1, kSubgraph}};

// name, BuiltinOperator, BuiltinOptions member, options, BuiltinOptions2 member, opaque
constexpr OpDescription kOps[] = {
    {"ABS", 101, 78},
    {"ADD", 0, 11, kAddOptions},
    {"ADD_N", 106, 82},
    {"ARG_MAX", 56, 40, kArgMaxOptions},
    {"ARG_MIN", 79, 57, kArgMinOptions},
    {"ASSIGN_VARIABLE", 144, 113},
    {"ATAN2", 156, 122},
    {"AVERAGE_POOL_2D", 1, 5, kPool2DOptions},
    {"BATCH_MATMUL", 126, 101, kBatchMatMulOptions},
    {"BATCH_TO_SPACE_ND", 37, 24},
    {"BIDIRECTIONAL_SEQUENCE_LSTM", 52, 69, kBidirectionalSequenceLSTMOptions},
    {"BIDIRECTIONAL_SEQUENCE_RNN", 46, 70, kBidirectionalSequenceRNNOptions},
    {"BITCAST", 159, 124},
    {"BITWISE_XOR", 160, 125},
    {"BROADCAST_ARGS", 145, 0},
    {"BROADCAST_TO", 130, 104},
    {"BUCKETIZE", 147, 115, kBucketizeOptions},
    {"CALL", 31, 16, kCallOptions},
    {"CALL_ONCE", 129, 103, kCallOnceOptions},
    {"CAST", 53, 37, kCastOptions},
    {"CEIL", 104, 0},
    {"COMPLEX_ABS", 135, 0},
    {"CONCATENATION", 2, 10, kConcatenationOptions},
    {"CONCAT_EMBEDDINGS", 29, 3, kConcatEmbeddingsOptions},
    {"CONV_2D", 3, 1, kConv2DOptions},
    {"CONV_3D", 132, 106, kConv3DOptions},
    {"CONV_3D_TRANSPOSE", 141, 106, kConv3DOptions},
    {"COS", 108, 84},
    {"CUMSUM", 128, 102, kCumsumOptions},
    {"DENSIFY", 124, 99},
    {"DEPTHWISE_CONV_2D", 4, 2, kDepthwiseConv2DOptions},
    {"DEPTH_TO_SPACE", 5, 94, kDepthToSpaceOptions},
    {"DEQUANTIZE", 6, 38},
    {"DILATE", 203, 0, {}, 18},
    {"DIV", 42, 29, kDivOptions},
    {"DYNAMIC_UPDATE_SLICE", 151, 117},
    {"ELU", 111, 0},
    {"EMBEDDING_LOOKUP", 7, 0},
    {"EMBEDDING_LOOKUP_SPARSE", 33, 20, kEmbeddingLookupSparseOptions},
    {"EQUAL", 71, 53},
    {"EXP", 47, 33},
    {"EXPAND_DIMS", 70, 52},
    {"FAKE_QUANT", 80, 58, kFakeQuantOptions},
    {"FILL", 94, 68},
    {"FLOOR", 8, 0},
    {"FLOOR_DIV", 90, 65},
    {"FLOOR_MOD", 95, 72},
    {"FULLY_CONNECTED", 9, 8, kFullyConnectedOptions},
    {"GATHER", 36, 23, kGatherOptions},
    {"GATHER_ND", 107, 83},
    {"GELU", 150, 116, kGeluOptions},
    {"GREATER", 61, 44},
    {"GREATER_EQUAL", 62, 45},
    {"HARD_SWISH", 117, 91},
    {"HASHTABLE", 136, 107, kHashtableOptions},
    {"HASHTABLE_FIND", 137, 108},
    {"HASHTABLE_IMPORT", 138, 109},
    {"HASHTABLE_LOOKUP", 10, 0},
    {"HASHTABLE_SIZE", 139, 110},
    {"IF", 118, 92, kIfOptions},
    {"IMAG", 133, 0},
    {"L2_NORMALIZATION", 11, 12, kL2NormOptions},
    {"L2_POOL_2D", 12, 5, kPool2DOptions},
    {"LEAKY_RELU", 98, 75, kLeakyReluOptions},
    {"LESS", 58, 41},
    {"LESS_EQUAL", 63, 46},
    {"LOCAL_RESPONSE_NORMALIZATION", 13, 13, kLocalResponseNormalizationOptions},
    {"LOG", 73, 0},
    {"LOGICAL_AND", 86, 62},
    {"LOGICAL_NOT", 87, 63},
    {"LOGICAL_OR", 84, 60},
    {"LOGISTIC", 14, 0},
    {"LOG_SOFTMAX", 50, 36},
    {"LSH_PROJECTION", 15, 4, kLSHProjectionOptions},
    {"LSTM", 16, 14, kLSTMOptions},
    {"MATRIX_DIAG", 113, 88},
    {"MATRIX_SET_DIAG", 115, 90},
    {"MAXIMUM", 55, 39},
    {"MAX_POOL_2D", 17, 5, kPool2DOptions},
    {"MEAN", 40, 27, kReducerOptions},
    {"MINIMUM", 57, 39},
    {"MIRROR_PAD", 100, 77, kMirrorPadOptions},
    {"MUL", 18, 21, kMulOptions},
    {"MULTINOMIAL", 149, 114, kRandomOptions},
    {"NEG", 59, 42},
    {"NON_MAX_SUPPRESSION_V4", 120, 95},
    {"NON_MAX_SUPPRESSION_V5", 121, 96},
    {"NOT_EQUAL", 72, 54},
    {"ONE_HOT", 85, 61, kOneHotOptions},
    {"PACK", 83, 59, kPackOptions},
    {"PAD", 34, 22},
    {"PADV2", 60, 43},
    {"POW", 78, 56},
    {"PRELU", 54, 0},
    {"QUANTIZE", 114, 89},
    {"RANDOM_STANDARD_NORMAL", 146, 114, kRandomOptions},
    {"RANDOM_UNIFORM", 148, 114, kRandomOptions},
    {"RANGE", 96, 73},
    {"RANK", 110, 86},
    {"READ_VARIABLE", 143, 112},
    {"REAL", 134, 0},
    {"REDUCE_ALL", 140, 27, kReducerOptions},
    {"REDUCE_ANY", 91, 27, kReducerOptions},
    {"REDUCE_MAX", 82, 27, kReducerOptions},
    {"REDUCE_MIN", 89, 27, kReducerOptions},
    {"REDUCE_PROD", 81, 27, kReducerOptions},
    {"REDUCE_WINDOW", 205, 0, kReduceWindowOptions, 20},
    {"RELU", 19, 0},
    {"RELU6", 21, 0},
    {"RELU_0_TO_1", 152, 0},
    {"RELU_N1_TO_1", 20, 0},
    {"RESHAPE", 22, 17, kReshapeOptions},
    {"RESIZE_BILINEAR", 23, 15, kResizeBilinearOptions},
    {"RESIZE_NEAREST_NEIGHBOR", 97, 74, kResizeNearestNeighborOptions},
    {"REVERSE_SEQUENCE", 112, 87, kReverseSequenceOptions},
    {"REVERSE_V2", 105, 81},
    {"RFFT2D", 131, 105},
    {"RIGHT_SHIFT", 161, 126},
    {"RNN", 24, 7, kRNNOptions},
    {"ROUND", 116, 0},
    {"RSQRT", 76, 0},
    {"SCATTER_ND", 122, 97},
    {"SEGMENT_SUM", 125, 100},
    {"SELECT", 64, 47},
    {"SELECT_V2", 123, 98},
    {"SHAPE", 77, 55, kShapeOptions},
    {"SIGN", 158, 123},
    {"SIN", 66, 0},
    {"SKIP_GRAM", 30, 18, kSkipGramOptions},
    {"SLICE", 65, 48},
    {"SOFTMAX", 25, 9, kSoftmaxOptions},
    {"SPACE_TO_BATCH_ND", 38, 25},
    {"SPACE_TO_DEPTH", 26, 19, kSpaceToDepthOptions},
    {"SPARSE_TO_DENSE", 68, 50, kSparseToDenseOptions},
    {"SPLIT", 49, 35, kSplitOptions},
    {"SPLIT_V", 102, 79, kSplitVOptions},
    {"SQRT", 75, 0},
    {"SQUARE", 92, 66},
    {"SQUARED_DIFFERENCE", 99, 76},
    {"SQUEEZE", 43, 30, kSqueezeOptions},
    {"STABLEHLO_ABS", 175, 0, {}, 0, true},
    {"STABLEHLO_ADD", 163, 0, {}, 0, true},
    {"STABLEHLO_AND", 176, 0, {}, 0, true},
    {"STABLEHLO_BROADCAST_IN_DIM", 170, 0, {}, 0, true},
    {"STABLEHLO_CASE", 209, 0, {}, 0, true},
    {"STABLEHLO_CBRT", 208, 0, {}, 0, true},
    {"STABLEHLO_CLAMP", 168, 0, {}, 0, true},
    {"STABLEHLO_COMPARE", 191, 0, {}, 0, true},
    {"STABLEHLO_COMPOSITE", 206, 0, {}, 0, true},
    {"STABLEHLO_CONCATENATE", 169, 0, {}, 0, true},
    {"STABLEHLO_CONVERT", 192, 0, {}, 0, true},
    {"STABLEHLO_CONVOLUTION", 171, 0, {}, 0, true},
    {"STABLEHLO_COSINE", 177, 0, {}, 0, true},
    {"STABLEHLO_CUSTOM_CALL", 173, 0, {}, 0, true},
    {"STABLEHLO_DIVIDE", 164, 0, {}, 0, true},
    {"STABLEHLO_DOT_GENERAL", 197, 0, {}, 0, true},
    {"STABLEHLO_DYNAMIC_SLICE", 193, 0, {}, 0, true},
    {"STABLEHLO_DYNAMIC_UPDATE_SLICE", 194, 0, {}, 0, true},
    {"STABLEHLO_EXPONENTIAL", 178, 0, {}, 0, true},
    {"STABLEHLO_FLOOR", 179, 0, {}, 0, true},
    {"STABLEHLO_GATHER", 201, 0, {}, 0, true},
    {"STABLEHLO_IOTA", 196, 0, {}, 0, true},
    {"STABLEHLO_LOG", 180, 0, {}, 0, true},
    {"STABLEHLO_LOGISTIC", 162, 0, {}, 0, true},
    {"STABLEHLO_MAXIMUM", 166, 0, {}, 0, true},
    {"STABLEHLO_MINIMUM", 181, 0, {}, 0, true},
    {"STABLEHLO_MULTIPLY", 165, 0, {}, 0, true},
    {"STABLEHLO_NEGATE", 182, 0, {}, 0, true},
    {"STABLEHLO_OR", 183, 0, {}, 0, true},
    {"STABLEHLO_PAD", 195, 0, {}, 0, true},
    {"STABLEHLO_POWER", 184, 0, {}, 0, true},
    {"STABLEHLO_REDUCE", 174, 0, {}, 0, true},
    {"STABLEHLO_REDUCE_WINDOW", 198, 0, {}, 0, true},
    {"STABLEHLO_REMAINDER", 185, 0, {}, 0, true},
    {"STABLEHLO_RESHAPE", 167, 0, {}, 0, true},
    {"STABLEHLO_RNG_BIT_GENERATOR", 204, 0, {}, 0, true},
    {"STABLEHLO_RSQRT", 186, 0, {}, 0, true},
    {"STABLEHLO_SCATTER", 190, 0, {}, 0, true},
    {"STABLEHLO_SELECT", 187, 0, {}, 0, true},
    {"STABLEHLO_SHIFT_LEFT", 207, 0, {}, 0, true},
    {"STABLEHLO_SLICE", 172, 0, {}, 0, true},
    {"STABLEHLO_SORT", 199, 0, {}, 0, true},
    {"STABLEHLO_SUBTRACT", 188, 0, {}, 0, true},
    {"STABLEHLO_TANH", 189, 0, {}, 0, true},
    {"STABLEHLO_TRANSPOSE", 202, 0, {}, 0, true},
    {"STABLEHLO_WHILE", 200, 0, {}, 0, true},
    {"STRIDED_SLICE", 45, 32, kStridedSliceOptions},
    {"SUB", 41, 28, kSubOptions},
    {"SUM", 74, 27, kReducerOptions},
    {"SVDF", 27, 6, kSVDFOptions},
    {"TANH", 28, 0},
    {"TILE", 69, 51},
    {"TOPK_V2", 48, 34},
    {"TRANSPOSE", 39, 26},
    {"TRANSPOSE_CONV", 67, 49, kTransposeConvOptions},
    {"UNIDIRECTIONAL_SEQUENCE_LSTM", 44, 71, kUnidirectionalSequenceLSTMOptions},
    {"UNIDIRECTIONAL_SEQUENCE_RNN", 35, 31, kSequenceRNNOptions},
    {"UNIQUE", 103, 80, kUniqueOptions},
    {"UNPACK", 88, 64, kUnpackOptions},
    {"UNSORTED_SEGMENT_MAX", 154, 119},
    {"UNSORTED_SEGMENT_MIN", 157, 120},
    {"UNSORTED_SEGMENT_PROD", 153, 118},
    {"UNSORTED_SEGMENT_SUM", 155, 121},
    {"VAR_HANDLE", 142, 111, kVarHandleOptions},
    {"WHERE", 109, 85},
    {"WHILE", 119, 93, kWhileOptions},
    {"ZEROS_LIKE", 93, 67},
};

constexpr bool sorted() {
  for (size_t i = 1; i < std::size(kOps); ++i) {
    if (!(kOps[i - 1].name < kOps[i].name)) return false;
  }
  return true;
}
static_assert(sorted(), "op_descriptions() is searched by halves");

constexpr size_t kCodes = 210;

constexpr std::array<int16_t, kCodes> index_by_code() {
  std::array<int16_t, kCodes> index{};
  for (int16_t& entry : index) entry = -1;
  for (size_t i = 0; i < std::size(kOps); ++i) index[kOps[i].code] = static_cast<int16_t>(i);
  return index;
}
constexpr std::array<int16_t, kCodes> kIndexByCode = index_by_code();

}  // namespace

std::span<const OpDescription> op_descriptions() { return kOps; }

const OpDescription* describe_op(std::string_view name) {
  const auto* it = std::lower_bound(
      std::begin(kOps), std::end(kOps), name,
      [](const OpDescription& op, std::string_view wanted) { return op.name < wanted; });
  return it != std::end(kOps) && it->name == name ? it : nullptr;
}

const OpDescription* describe_op(int code) {
  if (code < 0 || code >= static_cast<int>(kCodes) || kIndexByCode[code] < 0) return nullptr;
  return &kOps[kIndexByCode[code]];
}

}  // namespace pumice
