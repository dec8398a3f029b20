// Box decoding that a graph spells out, read from what it does: anchors, scales, order of the
// numbers.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "detection/subgraph.h"
#include "ops/detection_post_process.h"

namespace pumice {

struct BoxDecoding {
  Value* encodings = nullptr;  // N * 4 numbers, a box's four together
  int64_t count = 0;           // N
  /// Which column of the encodings holds ty, tx, th and tw; y is the axis of the boxes' first
  /// column.
  std::array<int, 4> columns = {0, 1, 2, 3};
  std::vector<float> anchors;  // N rows: centre y, centre x, height, width
  float y_scale = 1, x_scale = 1, h_scale = 1, w_scale = 1;
};

/// Finds where in the graph `boxes` (N corners, ymin, xmin, ymax, xmax: what non-max suppression
/// takes) are decoded from encodings by anchors, and how. Whatever ops spell it: the part between a
/// candidate and the boxes is run on chosen numbers; it must move each box alone, linearly in two
/// columns and exponentially in the others, and agree with the formula on random numbers.
/// kUnsupported, and what was found instead, where there is none.
Result<BoxDecoding> find_box_decoding(const Model& model, const Graph& graph, Value* boxes);

}  // namespace pumice
