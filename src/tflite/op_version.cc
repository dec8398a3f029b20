#include "tflite/op_version.h"

#include <algorithm>
#include <span>

#include "tflite/enums.h"

namespace pumice {
namespace {

using enum DType;
using Predicate = bool (*)(const Node&);

DType in_type(const Node& n, size_t i) {
  return i < n.operand_count() && n.operand(i) ? n.operand(i)->dtype : kInvalid;
}
DType out_type(const Node& n, size_t i = 0) {
  return i < n.result_count() ? n.result(i)->dtype : kInvalid;
}
/// Rank of an operand; 0 where it is absent or not known.
size_t rank(const Node& n, size_t i) {
  const bool known = i < n.operand_count() && n.operand(i) && n.operand(i)->shape.known_rank();
  return known ? n.operand(i)->shape.rank() : 0;
}
bool quantized(const Value* v) { return v && v->quantization && !v->quantization->scales.empty(); }
bool per_channel(const Node& n, size_t i) {
  return i < n.operand_count() && quantized(n.operand(i)) &&
         n.operand(i)->quantization->scales.size() > 1;
}

// Building blocks of the rules: operand I, or result I, is of the type; and so on.
template <size_t I, DType... T>
bool in(const Node& n) {
  const DType t = in_type(n, I);
  return ((t == T) || ...);
}
template <size_t I, DType... T>
bool out(const Node& n) {
  const DType t = out_type(n, I);
  return ((t == T) || ...);
}
template <DType... T>
bool in_or_out(const Node& n) {
  return in<0, T...>(n) || out<0, T...>(n);
}
/// Operand 0, operand 1 and result 0 are of these types.
template <DType A, DType B, DType C>
bool types(const Node& n) {
  return in_type(n, 0) == A && in_type(n, 1) == B && out_type(n) == C;
}
template <Predicate A, Predicate B>
bool both(const Node& n) {
  return A(n) && B(n);
}
template <size_t I, size_t R>
bool rank_above(const Node& n) {
  return rank(n, I) > R;
}
bool rank_not_4(const Node& n) { return rank(n, 0) != 4; }
bool any_rank_5(const Node& n) { return rank(n, 0) == 5 || rank(n, 1) == 5 || rank(n, 2) == 5; }
bool broadcasts_above_4(const Node& n) {
  if (n.operand_count() < 2 || !n.operand(0) || !n.operand(1)) return false;
  return !(n.operand(0)->shape == n.operand(1)->shape) && std::max(rank(n, 0), rank(n, 1)) > 4;
}
bool input_not_quantized(const Node& n) {
  return n.operand_count() > 0 && !quantized(n.operand(0));
}
template <size_t I>
bool by_channel(const Node& n) {
  return per_channel(n, I);
}
bool two_operands(const Node& n) { return n.operand_count() == 2; }

// Options.
bool biased_by_type(const Node& n) {
  return n.attributes.dtype("quantized_bias_type", kFloat32) != kFloat32;
}
bool asymmetric(const Node& n) { return n.attributes.boolean("asymmetric_quantize_inputs"); }
bool activated(const Node& n) { return n.attributes.integer("fused_activation_function") != 0; }
bool dilated(const Node& n) {
  return n.attributes.integer("dilation_w_factor", 1) != 1 ||
         n.attributes.integer("dilation_h_factor", 1) != 1;
}
bool general_scale(const Node& n) { return !n.attributes.boolean("pot_scale_int16", true); }
bool half_pixel(const Node& n) { return n.attributes.boolean("half_pixel_centers"); }
bool half_or_aligned(const Node& n) {
  return half_pixel(n) || n.attributes.boolean("align_corners");
}
bool grouped(const Node& n) {
  if (rank(n, 0) != 4 || rank(n, 1) != 4) return false;
  const Dim input = n.operand(0)->shape[3], filter = n.operand(1)->shape[3];
  return input.known() && filter.known() && input.size() != filter.size();
}
bool basic_kernel(const Node& n) { return n.attributes.integer("kernel_type") == kLstmBasic; }
bool hybrid_lstm(const Node& n) {
  return in_type(n, 0) == kFloat32 && in_type(n, 2) == kInt8 && out_type(n) == kFloat32;
}
bool hybrid_rnn(const Node& n) { return in_type(n, 1) == kInt8 && out_type(n) == kFloat32; }
bool integer_lstm(const Node& n) {
  return in_type(n, 0) == kInt16 && in_type(n, 2) == kInt8 && out_type(n) == kInt16;
}
bool rescales_above_one(const Node& n) {
  if (n.operand_count() < 2 || n.result_count() < 1) return false;
  const Value *a = n.operand(0), *b = n.operand(1), *c = n.result();
  if (!quantized(a) || !quantized(b) || !quantized(c)) return false;
  const float sa = a->quantization->scales[0], sb = b->quantization->scales[0];
  const float sc = c->quantization->scales[0];
  return sa != 0 && sb != 0 && sc != 0 && sa * sb / sc >= 1.0f;
}
bool has_bias_3(const Node& n) { return n.operand_count() == 4 && n.operand(3); }
bool batched(const Node& n) { return n.attributes.integer("batch_dims") != 0; }
bool masks_new_axes(const Node& n) {
  return n.attributes.integer("ellipsis_mask") != 0 || n.attributes.integer("new_axis_mask") != 0;
}
template <const char* Name>
bool set(const Node& n) {
  return n.attributes.boolean(Name);
}
constexpr char kOffset[] = "offset", kNarrowRange[] = "narrow_range", kKeepDims[] = "keep_num_dims",
               kDiagonal[] = "diagonal_recurrent_tensors";
bool shuffled(const Node& n) {
  return n.attributes.integer("weights_format") == kWeightsShuffled4x16Int8;
}
bool not_bool(const Node& n) { return in_type(n, 0) != kBool; }
bool always(const Node&) { return true; }

constexpr Predicate kHybrid = types<kFloat32, kInt8, kFloat32>;
constexpr Predicate kAllInt8 = types<kInt8, kInt8, kInt8>;
constexpr Predicate kInt8Int4 = types<kInt8, kInt4, kInt8>;
constexpr Predicate kInt16Int8 = types<kInt16, kInt8, kInt16>;
constexpr Predicate kIsInt16 = in<0, kInt16>;
constexpr Predicate kInt16Both = both<in<0, kInt16>, out<0, kInt16>>;
constexpr Predicate kIsInt8 = in<0, kInt8>;
constexpr Predicate kInt8Second = in<1, kInt8>;

struct Rule {
  int version;
  Predicate when;
};
// The first rule that holds decides; version 1 where none does.
constexpr Rule kConv2D[] = {{8, both<types<kInt16, kInt8, kInt16>, biased_by_type>},
                            {6, grouped},
                            {4, kInt16Both},
                            {3, kAllInt8},
                            {7, kInt8Int4},
                            {5, both<types<kFloat32, kInt8, kFloat32>, by_channel<1>>},
                            {2, kHybrid}};
constexpr Rule kDepthwise[] = {
    {5, kInt16Both}, {6, both<types<kFloat32, kInt8, kFloat32>, by_channel<1>>},
    {4, kHybrid},    {3, kAllInt8},
    {7, kInt8Int4},  {2, dilated}};
constexpr Rule kEmbeddingLookup[] = {{4, in<1, kInt4>}, {4, by_channel<1>}};
constexpr Rule kFakeQuant[] = {{2, set<kNarrowRange>}};
constexpr Rule kFullyConnected[] = {{13, types<kInt16, kInt4, kInt16>},
                                    {12, both<types<kFloat32, kInt8, kFloat32>, by_channel<1>>},
                                    {11, both<types<kInt16, kInt8, kInt16>, biased_by_type>},
                                    {7, types<kInt16, kInt16, kInt16>},
                                    {6, two_operands},
                                    {5, set<kKeepDims>},
                                    {7, kInt16Int8},
                                    {4, kAllInt8},
                                    {10, kInt8Int4},
                                    {9, both<types<kFloat32, kInt8, kFloat32>, asymmetric>},
                                    {3, kHybrid},
                                    {2, shuffled}};
constexpr Rule kGather[] = {{7, in<0, kInt4>}, {6, in<1, kInt16>}, {5, batched},
                            {4, kIsInt16},     {3, in<0, kBool>},  {2, kIsInt8}};
constexpr Rule kSvdf[] = {
    {3, kIsInt8}, {4, both<types<kFloat32, kInt8, kFloat32>, asymmetric>}, {2, kHybrid}};
constexpr Rule kSign[] = {{2, in<0, kInt32>}};
constexpr Rule kMul[] = {{7, both<in<0, kInt16>, input_not_quantized>},
                         {7, in<0, kUInt32>},
                         {6, in<0, kComplex64>},
                         {5, in<0, kInt64>},
                         {4, kIsInt16},
                         {3, rescales_above_one},
                         {2, kIsInt8}};
constexpr Rule kInt16IsThree[] = {{3, kIsInt16}, {2, kIsInt8}};
constexpr Rule kInt16IsTwo[] = {{2, kIsInt16}};
constexpr Rule kInt8IsTwo[] = {{2, kIsInt8}};
constexpr Rule kSmallIntIsTwo[] = {{2, kIsInt8}, {2, kIsInt16}};
constexpr Rule kTranspose[] = {{7, in<0, kInt4>},     {6, rank_above<0, 5>}, {5, kIsInt16},
                               {4, rank_above<0, 4>}, {3, in<0, kBool>},     {2, kIsInt8}};
constexpr Rule kTransposeConv[] = {{5, both<types<kInt16, kInt8, kInt16>, biased_by_type>},
                                   {4, activated},
                                   {3, has_bias_3},
                                   {2, kInt8Second}};
constexpr Rule kLstm[] = {
    {2, basic_kernel}, {5, integer_lstm}, {4, both<hybrid_lstm, asymmetric>}, {3, hybrid_lstm}};
constexpr Rule kSplit[] = {{4, in<1, kInt16>}, {3, in<1, kInt32>}, {2, kInt8Second}};
constexpr Rule kSparseToDense[] = {{3, in<2, kInt8, kUInt8>}, {2, in<2, kInt64>}};
constexpr Rule kSlice[] = {
    {6, in<0, kUInt32>}, {5, rank_above<0, 4>}, {4, kIsInt16}, {3, in<0, kString>}, {2, kIsInt8}};
constexpr Rule kUnpack[] = {{2, in<0, kInt8, kUInt8>}, {3, in<0, kBool>}, {4, kInt16Both}};
constexpr Rule kDequantize[] = {{6, in<0, kInt4>},
                                {3, in<0, kInt16, kFloat16>},
                                {5, both<in<0, kInt8>, by_channel<0>>},
                                {2, kIsInt8}};
bool result_per_channel(const Node& n) {
  return n.result_count() > 0 && quantized(n.result()) &&
         n.result()->quantization->scales.size() > 1;
}
constexpr Rule kQuantize[] = {{4, in_or_out<kInt4>}, {3, result_per_channel}, {2, out<0, kInt16>}};
constexpr Rule kFloorDiv[] = {{3, in<0, kInt16, kInt8>}, {2, in<0, kFloat32>}};
constexpr Rule kL2Norm[] = {{2, out<0, kInt8>}};
constexpr Rule kAbs[] = {{5, in<0, kInt32>},
                         {4, both<in<0, kInt16>, input_not_quantized>},
                         {3, kIsInt16},
                         {2, in<0, kInt8, kUInt8>}};
constexpr Rule kRelu[] = {{3, kIsInt16}, {2, in<0, kInt8, kUInt8>}};
constexpr Rule kStridedSlice[] = {{8, set<kOffset>},   {7, in<0, kUInt32>},   {6, masks_new_axes},
                                  {5, in<0, kString>}, {4, rank_above<0, 4>}, {3, in<0, kBool>},
                                  {2, kIsInt8}};
constexpr Rule kReverse[] = {{3, kIsInt8}, {2, in<0, kBool>}};
constexpr Rule kResizeBilinear[] = {{4, kIsInt16}, {3, half_pixel}, {2, kIsInt8}};
constexpr Rule kResizeNearest[] = {{4, kIsInt16}, {3, half_or_aligned}, {2, kIsInt8}};
constexpr Rule kMaximum[] = {{4, kInt16Both}, {3, broadcasts_above_4}, {2, kIsInt8}};
constexpr Rule kPack[] = {{2, kIsInt8}, {3, kInt16Both}, {4, in<0, kUInt32>}};
constexpr Rule kTile[] = {{3, kIsInt8}, {2, in<0, kString>}};
constexpr Rule kStringIsTwo[] = {{2, in<0, kString>}};
constexpr Rule kSpaceToBatch[] = {{4, kIsInt16}, {3, rank_not_4}, {2, kIsInt8}};
constexpr Rule kAdd[] = {{5, both<in<0, kInt16>, input_not_quantized>},
                         {4, in<0, kInt64>},
                         {3, both<both<in<0, kInt16>, out<0, kInt16>>, general_scale>},
                         {2, kIsInt8}};
constexpr Rule kSub[] = {{5, both<both<in<0, kInt16>, out<0, kInt16>>, general_scale>},
                         {4, in<0, kInt64>},
                         {3, broadcasts_above_4},
                         {2, kIsInt8}};
constexpr Rule kGatherNd[] = {
    {5, in<0, kBool>}, {4, in<1, kInt16>}, {3, kIsInt16}, {2, in<0, kString>}};
constexpr Rule kDiv[] = {{2, broadcasts_above_4}};
constexpr Rule kFill[] = {
    {4, in<1, kFloat16>}, {3, in<1, kInt8, kInt16>}, {2, in<1, kBool, kString>}};
constexpr Rule kEqual[] = {{4, kIsInt16}, {3, in<0, kString>}, {2, kIsInt8}};
constexpr Rule kNotEqual[] = {{3, in<0, kString>}, {2, kIsInt8}};
constexpr Rule kRange[] = {{2, in<0, kInt64>}};
constexpr Rule kBatchMatMul[] = {
    {3, kIsInt16}, {2, kIsInt8}, {4, both<types<kFloat32, kInt8, kFloat32>, asymmetric>}};
constexpr Rule kPad[] = {{5, in<0, kBool>}, {4, rank_above<0, 4>}, {3, kIsInt16}, {2, kIsInt8}};
constexpr Rule kConcatenation[] = {{4, in<0, kUInt32>}, {3, kIsInt16}, {2, kIsInt8}};
constexpr Rule kRnn[] = {{3, both<hybrid_rnn, asymmetric>}, {2, hybrid_rnn}};
constexpr Rule kUniLstm[] = {
    {5, integer_lstm}, {4, set<kDiagonal>}, {3, both<hybrid_lstm, asymmetric>}, {2, hybrid_lstm}};
constexpr Rule kArgMax[] = {{3, in<0, kBool>}, {2, kIsInt8}};
constexpr Rule kSelect[] = {{4, in<1, kUInt32>}, {3, any_rank_5}, {2, kInt8Second}};
constexpr Rule kSelectV2[] = {{2, in<1, kUInt32>}};
constexpr Rule kTopK[] = {{3, kIsInt16}, {3, in<1, kInt16>}, {3, out<1, kInt16>}, {2, kIsInt8}};
constexpr Rule kUpdateSlice[] = {{4, kIsInt16}, {3, in<0, kFloat16>}, {2, in<2, kInt64>}};
constexpr Rule kBroadcastTo[] = {{3, in<0, kInt8, kInt16>}, {2, always}};
constexpr Rule kCast[] = {{7, in_or_out<kBFloat16>},
                          {6, both<in<0, kInt4>, out<0, kFloat32>>},
                          {5, in_or_out<kFloat64, kFloat16>},
                          {4, in_or_out<kUInt16>},
                          {3, in_or_out<kInt8>},
                          {2, in_or_out<kUInt32>}};
constexpr Rule kWhere[] = {{2, not_bool}};
constexpr Rule kGelu[] = {{2, in<0, kInt8, kUInt8>}};

struct Versions {
  std::string_view op;
  std::span<const Rule> rules;  // empty: always version 1
  std::string_view runtimes;    // of versions 1, 2, …, with a space between; "-": there is none
};

constexpr Versions kVersions[] = {
    {"ABS", kAbs, "1.13.0 2.4.0 2.5.0 2.6.0 2.12.0"},
    {"ADD", kAdd, "1.5.0 1.14.0 2.4.0 2.6.0 2.13.0"},
    {"ADD_N", {}, "1.14.0"},
    {"ARG_MAX", kArgMax, "1.9.0 1.14.0 2.9.0"},
    {"ARG_MIN", kArgMax, "1.9.0 1.14.0 2.9.0"},
    {"ASSIGN_VARIABLE", {}, "2.6.0"},
    {"ATAN2", {}, "2.10.0"},
    {"AVERAGE_POOL_2D", kInt16IsThree, "1.5.0 1.14.0 2.3.0"},
    {"BATCH_MATMUL", kBatchMatMul, "2.3.0 2.3.0 2.4.0 2.5.0"},
    {"BATCH_TO_SPACE_ND", kSpaceToBatch, "1.6.0 1.14.0 2.3.0 2.12.0"},
    {"BIDIRECTIONAL_SEQUENCE_LSTM", kRnn, "1.14.0 1.14.0 1.14.0"},
    {"BIDIRECTIONAL_SEQUENCE_RNN", kRnn, "1.14.0 1.14.0 2.3.0"},
    {"BITCAST", {}, "2.13.0"},
    {"BITWISE_XOR", {}, "2.13.0"},
    {"BROADCAST_ARGS", {}, "2.6.0"},
    {"BROADCAST_TO", kBroadcastTo, "- 2.5.0 2.5.0"},
    {"BUCKETIZE", {}, "2.8.0"},
    {"CALL_ONCE", {}, "2.5.0"},
    {"CAST", kCast, "1.5.0 2.7.0 2.8.0 2.9.0 2.12.0 2.15.0 2.17.0"},
    {"CEIL", {}, "1.14.0"},
    {"COMPLEX_ABS", {}, "2.5.0"},
    {"CONCATENATION", kConcatenation, "1.5.0 1.14.0 2.3.0 2.14.0"},
    {"CONV_2D", kConv2D, "1.5.0 1.14.0 1.14.0 2.3.0 2.4.0 2.9.0 2.11.0 2.15.0"},
    {"CONV_3D", {}, "2.5.0"},
    {"CONV_3D_TRANSPOSE", {}, "2.6.0"},
    {"COS", {}, "1.14.0"},
    {"CUMSUM", {}, "2.4.0"},
    {"DENSIFY", {}, "2.2.0"},
    {"DEPTHWISE_CONV_2D", kDepthwise, "1.5.0 1.12.0 1.14.0 2.2.0 2.3.0 2.3.0 2.11.0"},
    {"DEPTH_TO_SPACE", kInt8IsTwo, "2.1.0 2.5.0"},
    {"DEQUANTIZE", kDequantize, "1.13.1 1.14.0 1.15.0 2.2.0 2.7.0 2.18.0"},
    {"DILATE", {}, "2.15.0"},
    {"DIV", kDiv, "1.6.0 2.3.0"},
    {"DYNAMIC_UPDATE_SLICE", kUpdateSlice, "2.9.0 2.17.0 2.19.0 2.20.0"},
    {"ELU", {}, "1.14.0"},
    {"EMBEDDING_LOOKUP", kEmbeddingLookup, "1.13.0 1.14.0 1.14.0 2.18.0"},
    {"EMBEDDING_LOOKUP_SPARSE", {}, "1.5.0"},
    {"EQUAL", kEqual, "1.14.0 1.14.0 2.3.0 2.13.0"},
    {"EXP", kSmallIntIsTwo, "1.7.0 2.12.0"},
    {"EXPAND_DIMS", {}, "1.10.0"},
    {"FAKE_QUANT", kFakeQuant, "1.5.0 1.10.0"},
    {"FILL", kFill, "1.13.0 2.3.0 2.5.0 2.12.0"},
    {"FLOOR", {}, "1.9.0"},
    {"FLOOR_DIV", kFloorDiv, "1.14.0 1.14.0 2.13.0"},
    {"FLOOR_MOD", kSmallIntIsTwo, "1.13.0 2.13.0"},
    {"FULLY_CONNECTED", kFullyConnected,
     "1.5.0 1.10.0 1.14.0 1.14.0 2.0.0 2.1.0 2.3.0 2.3.0 2.3.0 2.11.0 2.15.0 2.17.0 2.18.0"},
    {"GATHER", kGather, "1.6.0 1.14.0 1.15.0 2.4.0 2.5.0 2.13.0 2.15.0"},
    {"GATHER_ND", kGatherNd, "1.14.0 2.3.0 2.5.0 2.13.0 2.16.0"},
    {"GELU", kGelu, "2.9.0 2.9.0"},
    {"GREATER", kInt8IsTwo, "1.14.0 1.14.0"},
    {"GREATER_EQUAL", kInt16IsThree, "1.14.0 1.14.0 2.13.0"},
    {"HARD_SWISH", {}, "1.15.0"},
    {"HASHTABLE", {}, "2.5.0"},
    {"HASHTABLE_FIND", {}, "2.5.0"},
    {"HASHTABLE_IMPORT", {}, "2.5.0"},
    {"HASHTABLE_LOOKUP", {}, "1.5.0"},
    {"HASHTABLE_SIZE", {}, "2.5.0"},
    {"IF", {}, "1.15.0"},
    {"IMAG", {}, "2.5.0"},
    {"L2_NORMALIZATION", kL2Norm, "1.5.0 1.14.0"},
    {"L2_POOL_2D", {}, "1.5.0"},
    {"LEAKY_RELU", kInt16IsTwo, "1.13.1 2.3.0"},
    {"LESS", kInt16IsThree, "1.14.0 1.14.0 2.13.0"},
    {"LESS_EQUAL", kInt8IsTwo, "1.14.0 1.14.0"},
    {"LOCAL_RESPONSE_NORMALIZATION", {}, "1.5.0"},
    {"LOG", kSmallIntIsTwo, "1.14.0 2.15.0"},
    {"LOGICAL_AND", {}, "1.11.0"},
    {"LOGICAL_NOT", {}, "1.11.0"},
    {"LOGICAL_OR", {}, "1.11.0"},
    {"LOGISTIC", kInt16IsThree, "1.14.0 1.14.0 2.3.0"},
    {"LOG_SOFTMAX", kInt8IsTwo, "1.14.0 1.14.0"},
    {"LSH_PROJECTION", {}, "1.5.0"},
    {"LSTM", kLstm, "1.7.0 1.10.0 1.14.0 2.3.0"},
    {"MATRIX_DIAG", {}, "1.14.0"},
    {"MATRIX_SET_DIAG", {}, "1.14.0"},
    {"MAXIMUM", kMaximum, "1.14.0 1.14.0 2.3.0 2.3.0"},
    {"MAX_POOL_2D", kInt16IsThree, "1.5.0 1.14.0 2.3.0"},
    {"MEAN", kInt16IsThree, "1.6.0 1.14.0 2.4.0"},
    {"MINIMUM", kMaximum, "1.14.0 1.14.0 2.3.0 2.3.0"},
    {"MIRROR_PAD", kInt16IsThree, "1.13.1 2.3.0 2.12.0"},
    {"MUL", kMul, "1.5.0 1.14.0 1.15.0 2.3.0 2.6.0 2.11.0 2.13.0"},
    {"MULTINOMIAL", {}, "2.8.0"},
    {"NEG", {}, "1.9.0"},
    {"NON_MAX_SUPPRESSION_V4", {}, "2.1.0"},
    {"NON_MAX_SUPPRESSION_V5", {}, "2.1.0"},
    {"NOT_EQUAL", kNotEqual, "1.14.0 1.14.0 2.3.0"},
    {"ONE_HOT", {}, "1.11.0"},
    {"PACK", kPack, "1.11.0 1.14.0 2.3.0 2.13.0"},
    {"PAD", kPad, "1.5.0 1.14.0 2.4.0 2.6.0"},
    {"PADV2", kPad, "1.9.0 1.14.0 2.4.0 2.6.0"},
    {"POW", {}, "1.10.0"},
    {"PRELU", {}, "1.8.0"},
    {"QUANTIZE", kQuantize, "1.14.0 1.15.0 2.7.0"},
    {"RANDOM_STANDARD_NORMAL", {}, "2.8.0"},
    {"RANDOM_UNIFORM", {}, "2.8.0"},
    {"RANGE", kRange, "1.13.0 2.14.0"},
    {"RANK", {}, "1.14.0"},
    {"READ_VARIABLE", {}, "2.6.0"},
    {"REAL", {}, "2.5.0"},
    {"REDUCE_ALL", {}, "2.6.0"},
    {"REDUCE_ANY", {}, "1.11.0"},
    {"REDUCE_MAX", kInt16IsThree, "1.11.0 1.14.0 2.5.0"},
    {"REDUCE_MIN", kInt16IsThree, "1.11.0 1.14.0 2.5.0"},
    {"REDUCE_PROD", kSmallIntIsTwo, "1.11.0 2.6.0"},
    {"REDUCE_WINDOW", {}, "2.15.0"},
    {"RELU", kRelu, "1.5.0 2.1.0 2.5.0"},
    {"RELU6", kInt16IsThree, "1.5.0 1.14.0 2.5.0"},
    {"RELU_0_TO_1", {}, "2.10.0"},
    {"RELU_N1_TO_1", {}, "1.5.0"},
    {"RESHAPE", {}, "1.5.0"},
    {"RESIZE_BILINEAR", kResizeBilinear, "1.7.0 1.14.0 2.2.0 2.5.0"},
    {"RESIZE_NEAREST_NEIGHBOR", kResizeNearest, "1.13.1 1.14.0 2.3.0 2.4.0"},
    {"REVERSE_SEQUENCE", {}, "1.14.0"},
    {"REVERSE_V2", kReverse, "1.14.0 2.2.0 2.5.0"},
    {"RFFT2D", {}, "2.5.0"},
    {"RIGHT_SHIFT", {}, "2.13.0"},
    {"RNN", kRnn, "1.5.0 1.14.0 2.3.0"},
    {"ROUND", {}, "1.14.0"},
    {"RSQRT", kInt16IsThree, "1.10.0 2.5.0 2.15.0"},
    {"SCATTER_ND", {}, "2.1.0"},
    {"SEGMENT_SUM", {}, "2.2.0"},
    {"SELECT", kSelect, "1.14.0 1.14.0 2.12.0 2.12.0"},
    {"SELECT_V2", kSelectV2, "2.2.0 2.12.0"},
    {"SHAPE", {}, "1.10.0"},
    {"SIGN", kSign, "2.11.0 2.12.0"},
    {"SIN", {}, "1.9.0"},
    {"SKIP_GRAM", {}, "1.5.0"},
    {"SLICE", kSlice, "1.14.0 1.14.0 1.14.0 2.4.0 2.5.0 2.14.0"},
    {"SOFTMAX", kInt16IsThree, "1.5.0 1.14.0 2.3.0"},
    {"SPACE_TO_BATCH_ND", kSpaceToBatch, "1.6.0 1.14.0 2.3.0 2.12.0"},
    {"SPACE_TO_DEPTH", kInt8IsTwo, "1.5.0 1.14.0"},
    {"SPARSE_TO_DENSE", kSparseToDense, "1.9.0 1.14.0 1.15.0"},
    {"SPLIT", kSplit, "1.5.0 1.14.0 1.14.0 2.3.0"},
    {"SPLIT_V", kInt8IsTwo, "1.13.1 2.3.0"},
    {"SQRT", {}, "1.10.0"},
    {"SQUARE", {}, "1.12.0"},
    {"SQUARED_DIFFERENCE", kInt8IsTwo, "1.13.1 2.5.0"},
    {"SQUEEZE", kStringIsTwo, "1.6.0 2.5.0"},
    {"STRIDED_SLICE", kStridedSlice, "1.6.0 1.14.0 2.1.0 2.2.0 2.5.0 2.6.0 2.14.0 2.14.0"},
    {"SUB", kSub, "1.6.0 1.14.0 2.3.0 2.4.0 2.4.0"},
    {"SUM", kInt8IsTwo, "1.10.0 1.15.0"},
    {"SVDF", kSvdf, "1.5.0 1.14.0 2.2.0 2.3.0"},
    {"TANH", kInt16IsThree, "1.14.0 1.14.0 2.3.0"},
    {"TILE", kTile, "1.10.1 2.2.0 2.8.0"},
    {"TOPK_V2", kTopK, "1.7.0 1.14.0 2.13.0"},
    {"TRANSPOSE", kTranspose, "1.6.0 1.14.0 1.15.0 2.3.0 2.4.0 2.12.0 2.14.4"},
    {"TRANSPOSE_CONV", kTransposeConv, "1.9.0 2.2.0 2.3.0 2.13.0 2.15.0"},
    {"UNIDIRECTIONAL_SEQUENCE_LSTM", kUniLstm, "1.13.1 1.14.0 2.3.0 2.12.0"},
    {"UNIDIRECTIONAL_SEQUENCE_RNN", kRnn, "1.14.0 1.14.0 2.3.0"},
    {"UNIQUE", {}, "1.14.0"},
    {"UNPACK", kUnpack, "1.11.0 1.14.0 2.2.0 2.3.0"},
    {"UNSORTED_SEGMENT_MAX", {}, "2.10.0"},
    {"UNSORTED_SEGMENT_MIN", {}, "2.11.0"},
    {"UNSORTED_SEGMENT_PROD", {}, "2.10.0"},
    {"UNSORTED_SEGMENT_SUM", {}, "2.10.0"},
    {"VAR_HANDLE", {}, "2.6.0"},
    {"WHERE", kWhere, "1.14.0 2.8.0"},
    {"WHILE", {}, "1.15.0"},
    {"ZEROS_LIKE", {}, "1.12.0"},
};

constexpr bool sorted() {
  for (size_t i = 1; i < std::size(kVersions); ++i) {
    if (!(kVersions[i - 1].op < kVersions[i].op)) return false;
  }
  return true;
}
static_assert(sorted(), "the table is searched by halves");

const Versions* find(std::string_view op) {
  const auto* it =
      std::lower_bound(std::begin(kVersions), std::end(kVersions), op,
                       [](const Versions& v, std::string_view wanted) { return v.op < wanted; });
  return it != std::end(kVersions) && it->op == op ? it : nullptr;
}

/// Takes what stands before the next `separator` off the front of `text`.
std::string_view next_part(std::string_view& text, char separator) {
  const size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

}  // namespace

int op_version(const Node& node) {
  const Versions* versions = find(node.op);
  if (!versions) return 1;
  for (const Rule& rule : versions->rules) {
    if (rule.when(node)) return rule.version;
  }
  return 1;
}

std::string_view minimum_runtime(std::string_view op, int version) {
  const Versions* versions = find(op);
  if (!versions) return {};
  std::string_view rest = versions->runtimes;
  for (int v = 1; !rest.empty(); ++v) {
    const std::string_view runtime = next_part(rest, ' ');
    if (v == version) return runtime == "-" ? std::string_view() : runtime;
  }
  return {};
}

bool runtime_before(std::string_view a, std::string_view b) {
  while (!a.empty() && !b.empty()) {
    int parts[2] = {};
    std::string_view* texts[2] = {&a, &b};
    for (int i = 0; i < 2; ++i) {
      for (char c : next_part(*texts[i], '.')) parts[i] = parts[i] * 10 + (c - '0');
    }
    if (parts[0] != parts[1]) return parts[0] < parts[1];
  }
  return a.empty() && !b.empty();
}

}  // namespace pumice
