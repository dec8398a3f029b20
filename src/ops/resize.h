// Resizing along one axis as a sparse matrix: TensorFlow's bicubic and area filters.
#pragma once

#include <cstdint>
#include <vector>

namespace pumice {

/// One term of a result row: weight · input[index].
struct ResizeTerm {
  int64_t index;
  double weight;
};
using ResizeRows = std::vector<std::vector<ResizeTerm>>;  // one row per result position

ResizeRows bicubic_rows(int64_t in, int64_t out, bool align_corners, bool half_pixel_centers);
ResizeRows area_rows(int64_t in, int64_t out, bool align_corners);
ResizeRows bilinear_rows(int64_t in, int64_t out, bool align_corners, bool half_pixel_centers);
ResizeRows nearest_rows(int64_t in, int64_t out, bool align_corners, bool half_pixel_centers);

}  // namespace pumice
