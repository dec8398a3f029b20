// TensorFlow Lite's non-max suppression with TensorFlow's meaning.
//
// The runtime's kernel (NON_MAX_SUPPRESSION_V4 and V5) differs from TensorFlow's in four ways,
// repaired here:
// - it suppresses what overlaps by the threshold or more, TensorFlow what overlaps by more;
// - a selected box competes again and relies on overlapping with itself: one without area, or of
// NaN or
//   infinite size, or any box under a threshold above what a box overlaps with itself, is selected
//   again and again;
// - in soft suppression it still suppresses by the overlap threshold, which TensorFlow ignores
// then;
// - among equal scores the order is that of its heap, not that of the indices.
#pragma once

#include "ops/lowering.h"

namespace pumice {

struct Suppression {
  Value* boxes;            // float32 [n, 4], any two opposite corners
  Value* scores;           // float32 [n]
  Value* most;             // int32 scalar: the length of the results
  Value* iou_threshold;    // float32 scalar, as the kernel means it: see kernel_threshold()
  Value* score_threshold;  // float32 scalar: only higher scores compete
  Value* sigma = nullptr;  // float32 scalar: soft suppression where it is positive
};

/// Padded with zeros.
struct Selection {
  Value* indices;  // int32 [most]
  Value* scores;   // float32 [most]: after soft suppression; null unless asked for
  Value* count;    // int32 scalar: how many there are
};

/// The overlap from which on the kernel suppresses, for TensorFlow's `threshold` (float32 scalar)
/// that suppresses what is above. At 1 and beyond nothing is suppressed, and the result is 2.
Value* kernel_threshold(Lowering& lowering, Value* threshold);

/// What the kernel is to be given for boxes and a kernel_threshold() so that a selected box
/// suppresses itself, and the boxes of `s` as TensorFlow says. Only boxes, iou_threshold and sigma
/// of `s` are looked at.
struct Overlaps {
  Value *boxes, *threshold;
};
Overlaps self_suppressing(Lowering& lowering, const Suppression& s);

/// The kernel itself, on boxes and threshold as self_suppressing() gives them; of many boxes, in
/// two steps (score_bound.h). Equal scores come in the order of its heap.
Selection select_by_kernel(Lowering& lowering, const Suppression& s, bool with_scores);

/// All of it. Equal scores go by index where suppression is surely hard and n is not known to be
/// above 4,096: that needs a sort. Elsewhere they come in the order of the kernel's heap.
Selection suppress(Lowering& lowering, const Suppression& s, bool with_scores);

}  // namespace pumice
