// The containers of the TensorFlow Lite schema: field numbers of its tables (flatbuffers slots).
// Operators' options are in op_description.cc.
#pragma once

#include <cstdint>
#include <string_view>

namespace pumice::schema {

/// What stands at byte 4 of every file.
constexpr std::string_view kIdentifier = "TFL3";
/// The schema's version number (Model.version).
constexpr uint32_t kVersion = 3;

namespace model {
constexpr int kVersion = 0, kOperatorCodes = 1, kSubgraphs = 2, kDescription = 3, kBuffers = 4,
              kMetadata = 6, kSignatures = 7;
}
namespace operator_code {
/// kDeprecatedCode is one byte: it holds codes below 127, and 127 where kCode must be read.
constexpr int kDeprecatedCode = 0, kCustomCode = 1, kVersion = 2, kCode = 3;
constexpr int kPlaceholder = 127;
}  // namespace operator_code
namespace subgraph {
constexpr int kTensors = 0, kInputs = 1, kOutputs = 2, kOperators = 3, kName = 4;
}
namespace tensor {
constexpr int kShape = 0, kType = 1, kBuffer = 2, kName = 3, kQuantization = 4, kIsVariable = 5,
              kSparsity = 6, kShapeSignature = 7, kHasRank = 8, kExternalBuffer = 10;
}
namespace quantization {
constexpr int kScale = 2, kZeroPoint = 3, kDetailsType = 4, kDimension = 6;
}
namespace op {
constexpr int kOpcodeIndex = 0, kInputs = 1, kOutputs = 2, kOptionsType = 3, kOptions = 4,
              kCustomOptions = 5, kMutatingInputs = 7, kIntermediates = 8, kLargeCustomOffset = 9,
              kLargeCustomSize = 10, kOptions2Type = 11, kOptions2 = 12;
}
namespace buffer {
/// Offset and size count from the file's first byte; they are used where offset is above 1.
constexpr int kData = 0, kOffset = 1, kSize = 2;
}  // namespace buffer
namespace metadata {
constexpr int kName = 0, kBuffer = 1;
}
namespace signature {
constexpr int kInputs = 0, kOutputs = 1, kKey = 2, kSubgraph = 4;
}
namespace tensor_map {
constexpr int kName = 0, kTensor = 1;
}

/// The vtable entry of a field, as the flatbuffers builder counts it.
constexpr uint16_t vtable_entry(int slot) { return static_cast<uint16_t>(4 + 2 * slot); }

}  // namespace pumice::schema
