// TFLite_Detection_PostProcess, LiteRT's own operator for the tail of an SSD: its parameters, and
// what it computes.
#pragma once

#include <vector>

#include "graph/attributes.h"
#include "graph/graph.h"
#include "pumice/error.h"

namespace pumice {

constexpr char kDetectionPostProcess[] = "TFLite_Detection_PostProcess";

/// The operator's options, under the names that its kernel reads. Boxes are encoded as
/// [ty, tx, th, tw]: centre y = ty / y_scale * anchor height + anchor y, height = exp(th / h_scale)
/// * anchor height, and x likewise.
struct DetectionParameters {
  int64_t max_detections = 100;
  int64_t max_classes_per_detection = 1;  // rows a box has; only without use_regular_nms
  int64_t detections_per_class = 100;     // only with use_regular_nms
  int64_t num_classes = 1;                // without the background
  /// True: non-max suppression for each class by itself. False: one for all classes, on each box's
  /// best score.
  bool use_regular_nms = true;
  float nms_score_threshold = 1e-8f;  // scores of this and above count
  float nms_iou_threshold = 0.6f;     // boxes that overlap by more than this are suppressed
  float y_scale = 10, x_scale = 10, h_scale = 5, w_scale = 5;

  Attributes attributes() const;
  /// kMalformed where a number is missing or one that the kernel refuses.
  static Result<DetectionParameters> from(const Attributes& attributes);
};

/// Detections as the operator gives them: rows * 4 corners (ymin, xmin, ymax, xmax), classes from
/// 0, scores; `count` of the rows are detections, the others 0.
struct DetectionRows {
  std::vector<float> boxes, classes, scores;
  int64_t count = 0;
};

/// Corners of decoded boxes, as the operator decodes them in double precision.
struct BoxCorners {
  float ymin, xmin, ymax, xmax;
};
std::vector<BoxCorners> decode_boxes(const float* encodings, const float* anchors, int64_t n,
                                     const DetectionParameters& parameters);

/// What the operator finds among decoded boxes; scores as below.
DetectionRows select_detections(const std::vector<BoxCorners>& boxes, const float* scores,
                                int64_t columns, const DetectionParameters& parameters);

/// What the operator computes of encodings [N,4], scores [N,columns] and anchors [N,4], whose sizes
/// the caller has checked. `columns` is num_classes, or one more where column 0 is the background.
DetectionRows post_process(const float* encodings, const float* scores, const float* anchors,
                           int64_t n, int64_t columns, const DetectionParameters& parameters);

/// Makes the node before `before`: encodings [1,N,4], scores [1,N,C], anchors [N,4] → boxes,
/// classes, scores, count, with their types.
Result<Node*> create_detection_post_process(Graph& graph, Value* encodings, Value* scores,
                                            Value* anchors, const DetectionParameters& parameters,
                                            Node* before);

}  // namespace pumice
