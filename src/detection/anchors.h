// Anchors (prior boxes) from a file, as TFLite_Detection_PostProcess takes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "graph/tensor.h"
#include "pumice/error.h"

namespace pumice {

/// Reads anchors: float32 [N,4], each row centre y, centre x, height, width. The file is told by
/// its content: `.npy`; `.npz` with one array, or one named `anchors`; or text with four numbers a
/// line, separated by commas, semicolons, spaces or tabs. In text, empty lines and lines that begin
/// with `#` do not count, and a first line may name the columns (ycenter,xcenter,h,w).
/// `count`: how many the model has, if that is known.
/// Errors: kNotFound, kUnreadable, kTruncated; kMalformed for another shape or dtype, for values
/// that are not finite, for sizes that are not positive, and for a count that does not fit.
Result<Tensor> read_anchors(const std::string& path, std::optional<int64_t> count = std::nullopt);

/// The same checks for anchors that are there already.
Status check_anchors(const Tensor& anchors, std::optional<int64_t> count = std::nullopt);

}  // namespace pumice
