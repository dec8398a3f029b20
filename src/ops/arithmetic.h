// Which dtype a runtime kernel computes an op in, where it has none for the op's own.
#pragma once

#include "graph/graph.h"
#include "pumice/error.h"

namespace pumice {

/// The dtype to cast operands to; results are cast back (integers keep their wrap-around).
struct Computation {
  DType dtype;
};

/// For sums and products: float32 for float16, int32 for narrower integers and uint32, else the
/// dtype itself. kUnsupported for float64, bfloat16, uint64 and what is no number.
Result<Computation> compute_in(const Node& node, DType dtype);

}  // namespace pumice
