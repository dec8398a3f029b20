// Element conversion as TensorFlow's Cast does it.
#pragma once

#include "graph/tensor.h"

namespace pumice {

/// Converts every element. Float to integer truncates toward zero; out-of-range results are
/// TensorFlow's on x86-64. Anything to bool is "not zero". No strings, resources or variants:
/// castable() tells.
Tensor cast_tensor(const Tensor& input, DType to);
bool castable(DType from, DType to);

}  // namespace pumice
