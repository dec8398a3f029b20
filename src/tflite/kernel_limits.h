// What LiteRT's CPU kernels take in truth, as measured (Interpreter of ai-edge-litert 2.3.0, with
// and without XNNPACK, one operator a model, values compared). Newer or older runtimes may differ.
#pragma once

#include <cstdint>
#include <string_view>

#include "graph/dtype.h"

namespace pumice {

struct KernelLimits {
  std::string_view op;
  uint32_t dtypes;           // bit N: the kernel takes DType N without quantization parameters
  uint8_t operand = 0;       // the operand that `dtypes` is about; others follow it
  uint8_t largest_rank = 8;  // of that operand; 8 is the largest that was tried

  bool takes(DType dtype) const { return (dtypes >> static_cast<int>(dtype) & 1) != 0; }
};

/// Null where nothing was measured.
const KernelLimits* kernel_limits(std::string_view op);

/// The kernel takes unquantized operands of this type, and computes right. A type that it refuses,
/// computes wrongly or aborts on gives false; an operator that was not measured, true.
bool kernel_takes(std::string_view op, DType dtype);

}  // namespace pumice
