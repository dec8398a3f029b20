// How many classes a detector can name, told from its graph.
#pragma once

#include <cstdint>
#include <optional>

#include "detection/detections.h"
#include "graph/model.h"

namespace pumice {

/// The outputs' roles where the custom operator TFLite_Detection_PostProcess gives them (its
/// classes count from 0); boxes -1 where it does not.
OutputRoles roles_by_operator(const Graph& graph);

/// Without the background: from the operator's `num_classes`, from an output with the scores of all
/// classes (detection_multiclass_scores, raw_detection_scores), or from the largest value that the
/// graph can give as a class. Nullopt where none of these tells it.
std::optional<int64_t> detector_class_count(const Graph& graph, const Signature& signature,
                                            const OutputRoles& roles);

}  // namespace pumice
