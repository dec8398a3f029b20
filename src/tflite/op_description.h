// TensorFlow Lite's builtin operators as data: numbers and options. The writer and the reader know
// no operator but through this table; versions are in op_version.h, kernels in kernel_limits.h.
//
// How a node of a lowered graph spells its operator:
//   op          the builtin's name ("CONV_2D"), or "custom:" and the custom operator's name
//   attributes  the options by their names in the schema; one that is missing has its default.
//               bool, int64 (numbers and enumerations, see enums.h), float, DType (tensor types),
//               std::string, std::vector<int64_t>, std::vector<float>;
//               graphs that are called: FunctionRef `cond` and `body` (WHILE), `then` and `else`
//               (IF), `init` (CALL_ONCE), by their names in the Model;
//               a custom operator's `custom_options`: its bytes as a std::string
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace pumice {

/// How an option is stored in its table, and which attribute holds it.
enum class OptionType : uint8_t {
  kBool,         // bool
  kByte,         // int64: an enumeration of one byte
  kInt32,        // int64
  kInt64,        // int64
  kFloat,        // float
  kTensorType,   // DType: one byte
  kString,       // std::string
  kInt32Vector,  // std::vector<int64_t>
  kByteVector,   // std::string of raw bytes
  kFloatVector,  // std::vector<float>
  kSubgraph,     // FunctionRef: the subgraph's number
};

/// One option of an operator.
struct OptionDescription {
  std::string_view name;  // as the schema spells it; of subgraph numbers without "_subgraph_index"
  uint8_t slot;           // field number in the options table
  OptionType type;
  float default_value = 0;  // what a missing field means
};

/// One builtin operator.
struct OpDescription {
  std::string_view name;
  int code;           // BuiltinOperator
  int options_union;  // member of BuiltinOptions; 0: none
  std::span<const OptionDescription> options = {};
  int options2_union = 0;  // member of BuiltinOptions2; 0: none
  bool opaque = false;     // its options are not described (StableHLO): it is read by name only
};

/// All builtin operators, sorted by name.
std::span<const OpDescription> op_descriptions();

/// Null when there is no builtin operator of that name or number.
const OpDescription* describe_op(std::string_view name);
const OpDescription* describe_op(int code);

/// What `op` of a custom operator begins with, and the number of CUSTOM.
constexpr std::string_view kCustomPrefix = "custom:";
constexpr int kCustomCode = 32;
inline bool is_custom(std::string_view op) {
  return op.substr(0, kCustomPrefix.size()) == kCustomPrefix;
}

}  // namespace pumice
