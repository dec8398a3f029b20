// Suppression of many boxes, most of which never have their turn.
//
// Non-max suppression goes by falling score and ends when its rows are full, but the runtimes'
// kernels first queue or sort every box. So a first kernel is given the boxes above some score
// alone. Where they fill the rows, the others would not have been looked at, whatever that score
// is; where they do not, a second kernel is given all boxes, and else none. Exact either way; the
// score decides about time alone.
#pragma once

#include "ops/lowering.h"

namespace pumice {

/// Up to so many boxes a kernel may as well take all.
constexpr int64_t kFewBoxes = 4096;

/// Whether two kernels are quicker than one, for `most` of n boxes.
bool is_worth_a_bound(Dim n, int64_t most);

/// A float32 scalar, `least` or above, that so many of `scores` (float32 [n]) are expected to
/// exceed that `most` boxes can be selected among them: in detectors, 5 to 10 times as many. Of
/// sizes that are worth it.
Value* score_bound(Lowering& lowering, Value* scores, int64_t most, Value* least);

/// bool scalar: what was selected above `bound` is what would be selected above `least`. `full`: as
/// many were found as are wanted (bool scalar).
Value* is_enough(Lowering& lowering, Value* full, Value* bound, Value* least);

}  // namespace pumice
