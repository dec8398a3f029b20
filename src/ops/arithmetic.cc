#include "ops/arithmetic.h"

#include "ops/infer.h"

namespace pumice {

Result<Computation> compute_in(const Node& node, DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
    case DType::kInt32:
    case DType::kInt64:
      return Computation{dtype};
    case DType::kFloat16:
      return Computation{DType::kFloat32};
    case DType::kInt8:
    case DType::kInt16:
    case DType::kUInt8:
    case DType::kUInt16:
    case DType::kUInt32:
      return Computation{DType::kInt32};
    default:
      return unsupported(node, "the runtime has no kernel for " + std::string(dtype_name(dtype)));
  }
}

}  // namespace pumice
