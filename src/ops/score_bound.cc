#include "ops/score_bound.h"

#include "ops/lower_math.h"

namespace pumice {
namespace {

constexpr int64_t kSmallestGroup = 8;

int64_t prime_from(int64_t n) {
  for (;; ++n) {
    bool prime = n > 1;
    for (int64_t d = 2; d * d <= n && prime; ++d) prime = n % d != 0;
    if (prime) return n;
  }
}

int64_t groups_for(int64_t most) { return prime_from(most + most * 3 / 4); }

Value* reduced(Lowering& lowering, const char* op, Value* x, Shape shape) {
  return lowering.emit(op, {x, lowering.constant_i32({0})}, {{"keep_dims", false}}, DType::kFloat32,
                       std::move(shape));
}

}  // namespace

bool is_worth_a_bound(Dim n, int64_t most) {
  return n.known() && n.size() > kFewBoxes && most >= 1 && most <= n.size() / kSmallestGroup &&
         n.size() / groups_for(most) >= kSmallestGroup;
}

// The least of the best of g groups. Scores above it reach every group: of scores in no order, as
// many as must be drawn until each of g coupons was seen, about g (ln g + 0.6). Groups are the
// residues by a prime, which neither the anchors of one place nor the places of one row divide.
// TOPK_V2 would tell a rank, in ten times the time.
Value* score_bound(Lowering& lowering, Value* scores, int64_t most, Value* least) {
  const int64_t groups = groups_for(most), each = scores->shape[0].size() / groups;
  Value* some = lowering.reshape(lowering.slice(scores, {0}, {groups * each}), {each, groups});
  Value* best = reduced(lowering, "REDUCE_MAX", some, {groups});
  Value* bound = reduced(lowering, "REDUCE_MIN", best, Shape::scalar());
  return select(lowering, lowering.compare("GREATER", bound, least), bound, least);  // no NaN
}

Value* is_enough(Lowering& lowering, Value* full, Value* bound, Value* least) {
  return lowering.compare("LOGICAL_OR", full, lowering.compare("LESS_EQUAL", bound, least));
}

}  // namespace pumice
