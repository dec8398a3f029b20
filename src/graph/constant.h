// A constant of the graph: source bytes and what is still to be done to them.
#pragma once

#include <functional>
#include <span>
#include <variant>
#include <vector>

#include "graph/tensor.h"

namespace pumice {

/// Repeats the one element of the source over `dims` (TensorFlow's compressed constants).
struct Splat {
  Dims dims;
};
/// Transposes: result dimension i is source dimension perm[i].
struct Permute {
  std::vector<int> perm;
};
/// New sizes for the same elements in the same order.
struct Reshape {
  Dims dims;
};
/// Multiplies float elements by factors[index along axis]; factors has that axis's size.
struct ScaleAxis {
  int axis;
  std::shared_ptr<const std::vector<float>> factors;
};
/// Converts elements as TensorFlow's Cast does.
struct CastTo {
  DType dtype;
};
/// real = scale * quantized + minimum, in float32 (the TFJS weight encoding).
struct Dequantize {
  float scale;
  float minimum;
};
using Transform = std::variant<Splat, Permute, Reshape, ScaleAxis, CastTo, Dequantize>;

/// Source bytes plus pending transforms, applied in order when the values are needed: by the writer
/// in blocks, straight into the output file, or whole for a fold. Cheap to copy.
class Constant {
 public:
  Constant() = default;
  Constant(Tensor source) : source_(std::move(source)), dtype_(source_.dtype()) {}  // NOLINT

  const Tensor& source() const { return source_; }
  const std::vector<Transform>& transforms() const { return transforms_; }
  /// After all transforms.
  DType dtype() const { return dtype_; }
  const Dims& dims() const { return transforms_.empty() ? source_.dims() : dims_; }
  int64_t elements() const;
  size_t byte_size() const { return pumice::byte_size(dtype_, elements()); }

  /// This constant with one more transform.
  Constant then(Transform transform) const;

  /// The values in memory. Shares the source's bytes where nothing is pending.
  Tensor materialize() const;

  /// Passes the final bytes, in order, in blocks of at most a few hundred KiB. Stops at an error.
  Status stream(const std::function<Status(std::span<const std::byte>)>& sink) const;

  /// The same source span and the same transforms: surely equal (false says nothing).
  bool same_source_as(const Constant& other) const;

 private:
  Tensor source_;
  std::vector<Transform> transforms_;
  DType dtype_ = DType::kInvalid;
  Dims dims_;  // after the transforms; without any, the source's
};

}  // namespace pumice
