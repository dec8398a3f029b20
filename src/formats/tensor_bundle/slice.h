// Parts of tensors: how partitioned variables stand in checkpoints.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "graph/shape.h"

namespace pumice {

/// A box inside a tensor; one extent a dimension.
struct TensorSlice {
  struct Extent {
    int64_t start = 0;
    int64_t length = -1;  // -1: the whole dimension
  };
  std::vector<Extent> extents;

  /// The box's sizes in a tensor of these dimensions; nullopt when it does not fit.
  std::optional<Dims> dims_in(const Dims& full) const;
};

/// RestoreV2's and SaveV2's description of one tensor: "" (all of it), or the full tensor's
/// dimensions and the part that is meant: "30 10 0,10:-". nullopt when it is none of these.
struct ShapeAndSlice {
  bool whole = true;
  Dims full;
  TensorSlice slice;
};
std::optional<ShapeAndSlice> parse_shape_and_slice(std::string_view text);

/// The key under which a part of the tensor `name` stands in a checkpoint.
std::string slice_key(std::string_view name, const TensorSlice& slice);

}  // namespace pumice
