// How much two boxes overlap, as TensorFlow computes it.
#pragma once

#include <algorithm>

namespace pumice {

/// Intersection over union of two boxes (y, x, y, x: any two opposite corners); 0 where one has no
/// area.
inline float overlap(const float* a, const float* b) {
  float a_y0 = std::min(a[0], a[2]), a_y1 = std::max(a[0], a[2]);
  float a_x0 = std::min(a[1], a[3]), a_x1 = std::max(a[1], a[3]);
  float b_y0 = std::min(b[0], b[2]), b_y1 = std::max(b[0], b[2]);
  float b_x0 = std::min(b[1], b[3]), b_x1 = std::max(b[1], b[3]);
  float area_a = (a_y1 - a_y0) * (a_x1 - a_x0), area_b = (b_y1 - b_y0) * (b_x1 - b_x0);
  if (area_a <= 0 || area_b <= 0) return 0;
  float h = std::max(std::min(a_y1, b_y1) - std::max(a_y0, b_y0), 0.0f);
  float w = std::max(std::min(a_x1, b_x1) - std::max(a_x0, b_x0), 0.0f);
  return h * w / (area_a + area_b - h * w);
}

}  // namespace pumice
