#include <algorithm>
#include <array>
#include <cmath>

#include "ops/resize.h"

namespace pumice {
namespace {

/// TensorFlow's step from a result position to the next one, in input positions.
float scale_of(int64_t in, int64_t out, bool align_corners) {
  return align_corners && out > 1 ? static_cast<float>(in - 1) / static_cast<float>(out - 1)
                                  : static_cast<float>(in) / static_cast<float>(out);
}

constexpr int kTableSize = 1024;  // TensorFlow rounds positions to 1/1024 before it weighs them

/// The weights of the four neighbours at distance `offset` / kTableSize after the second one.
std::array<float, 4> cubic_weights(int64_t offset, double a) {
  auto near = [&](double x) { return ((a + 2) * x - (a + 3)) * x * x + 1; };
  auto far = [&](double x) { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a; };
  double x = static_cast<double>(offset) / kTableSize;
  return {static_cast<float>(far(x + 1)), static_cast<float>(near(x)),
          static_cast<float>(near(1 - x)), static_cast<float>(far(2 - x))};
}

/// Where the centre (or the corner) of output i lies among the inputs.
float position_of(int64_t i, float scale, bool half_pixel_centers) {
  return half_pixel_centers ? (static_cast<float>(i) + 0.5f) * scale - 0.5f
                            : static_cast<float>(i) * scale;
}

}  // namespace

ResizeRows bicubic_rows(int64_t in, int64_t out, bool align_corners, bool half_pixel_centers) {
  float scale = scale_of(in, out, align_corners);
  ResizeRows rows;
  for (int64_t i = 0; i < out; ++i) {
    float position = position_of(i, scale, half_pixel_centers);
    float floor = std::floor(position);
    auto first = static_cast<int64_t>(floor) - 1;
    auto offset = static_cast<int64_t>(std::lrint((position - floor) * kTableSize));
    auto weights = cubic_weights(offset, half_pixel_centers ? -0.5 : -0.75);
    std::vector<ResizeTerm> row;
    float sum = 0;
    for (int64_t t = 0; t < 4; ++t) {
      int64_t at = std::clamp<int64_t>(first + t, 0, in - 1);
      float weight = weights[static_cast<size_t>(t)];
      // With half-pixel centers neighbours outside do not count; else the border is repeated.
      if (half_pixel_centers && at != first + t) continue;
      row.push_back({at, weight});
      sum += weight;
    }
    if (half_pixel_centers && std::abs(sum) >= 1000 * 1.17549435e-38f)
      for (ResizeTerm& term : row) term.weight /= sum;
    rows.push_back(std::move(row));
  }
  return rows;
}

ResizeRows area_rows(int64_t in, int64_t out, bool align_corners) {
  float scale = scale_of(in, out, align_corners);
  ResizeRows rows;
  for (int64_t i = 0; i < out; ++i) {
    float from = static_cast<float>(i) * scale, to = static_cast<float>(i + 1) * scale;
    std::vector<ResizeTerm> row;
    auto end = static_cast<int64_t>(std::ceil(to));
    for (auto at = static_cast<int64_t>(std::floor(from)); at < end; ++at) {
      auto position = static_cast<float>(at);
      float covered = position < from ? (position + 1 > to ? scale : position + 1 - from)
                                      : (position + 1 > to ? to - position : 1.0f);
      row.push_back({std::clamp<int64_t>(at, 0, in - 1), covered / scale});
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

ResizeRows bilinear_rows(int64_t in, int64_t out, bool align_corners, bool half_pixel_centers) {
  float scale = scale_of(in, out, align_corners);
  ResizeRows rows;
  for (int64_t i = 0; i < out; ++i) {
    float position = position_of(i, scale, half_pixel_centers);
    float floor = std::floor(position), fraction = position - floor;
    int64_t lower = std::max<int64_t>(static_cast<int64_t>(floor), 0);
    int64_t upper = std::min<int64_t>(static_cast<int64_t>(std::ceil(position)), in - 1);
    rows.push_back(
        {{std::min(lower, in - 1), 1.0 - fraction}, {std::max<int64_t>(upper, 0), fraction}});
  }
  return rows;
}

ResizeRows nearest_rows(int64_t in, int64_t out, bool align_corners, bool half_pixel_centers) {
  float scale = scale_of(in, out, align_corners);
  ResizeRows rows;
  for (int64_t i = 0; i < out; ++i) {
    float position = (static_cast<float>(i) + (half_pixel_centers ? 0.5f : 0.0f)) * scale;
    auto at = static_cast<int64_t>(align_corners ? std::round(position) : std::floor(position));
    rows.push_back({{std::clamp<int64_t>(at, 0, in - 1), 1.0}});
  }
  return rows;
}

}  // namespace pumice
