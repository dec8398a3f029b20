// Raw SSD heads: box encodings and class predictions for each anchor, and what makes detections of
// them.
#pragma once

#include <string>
#include <vector>

#include "formats/npz/npz.h"
#include "pumice/detect.h"

namespace pumice {

struct HeadShape {
  std::string name;
  DType dtype;
  Shape shape;
};

/// Indices of the outputs.
struct Heads {
  size_t boxes = 0, scores = 0;
};

/// The one output [1,N,4] (also [1,N,1,4]) and the one output [1,N,C] of the same N; `names`
/// (boxes, scores) tells them where shapes do not. Errors: kUsage for `names` that do not fit,
/// kUnsupported where the outputs are no heads or can be told in several ways.
Result<Heads> find_heads(const std::vector<HeadShape>& outputs,
                         const std::vector<std::string>& names);

/// Scores of all columns: `logits` [N,C], in place.
void convert_scores(std::vector<float>& logits, size_t columns, HeadOptions::Scores how);

/// Boxes decoded by the anchors [N,4] and suppressed class by class, as post_process() does it; the
/// best `options.most`. Labels are the columns' numbers; `options.background` leaves column 0 out.
/// Errors: kUsage where the anchors are not as many as the rows, and for scores that are not from 0
/// to 1.
Result<std::vector<Detection>> detect_by_heads(const NamedTensor& boxes, const NamedTensor& scores,
                                               const Tensor& anchors, const HeadOptions& options,
                                               float threshold);

}  // namespace pumice
