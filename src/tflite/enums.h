// The numbers of TensorFlow Lite's enumerations, as node attributes of lowered graphs hold them
// (int64). Tensor types are no numbers in the graph: such attributes hold a DType.
#pragma once

#include <cstdint>

namespace pumice {

// Attribute `padding` of convolutions and pools.
constexpr int64_t kPaddingSame = 0;
constexpr int64_t kPaddingValid = 1;

// Attribute `fused_activation_function`.
constexpr int64_t kActivationNone = 0;
constexpr int64_t kActivationRelu = 1;
constexpr int64_t kActivationReluN1To1 = 2;
constexpr int64_t kActivationRelu6 = 3;
constexpr int64_t kActivationTanh = 4;
constexpr int64_t kActivationSignBit = 5;

// Attribute `mode` of MIRROR_PAD.
constexpr int64_t kMirrorPadReflect = 0;
constexpr int64_t kMirrorPadSymmetric = 1;

// Attribute `weights_format` of FULLY_CONNECTED.
constexpr int64_t kWeightsDefault = 0;
constexpr int64_t kWeightsShuffled4x16Int8 = 1;

// Attribute `kernel_type` of LSTM.
constexpr int64_t kLstmFull = 0;
constexpr int64_t kLstmBasic = 1;

// Attribute `reduce_function` of REDUCE_WINDOW.
constexpr int64_t kReduceWindowAdd = 1;
constexpr int64_t kReduceWindowMul = 2;
constexpr int64_t kReduceWindowMinimum = 3;
constexpr int64_t kReduceWindowMaximum = 4;
constexpr int64_t kReduceWindowAll = 5;
constexpr int64_t kReduceWindowAny = 6;

}  // namespace pumice
