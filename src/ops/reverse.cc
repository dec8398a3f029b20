// Elements in reverse order, and rotated.
#include <algorithm>

#include "ops/carrier.h"
#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/movement.h"

namespace pumice {
namespace {

constexpr std::initializer_list<DType> kReversedInParts = {
    DType::kFloat32, DType::kInt16, DType::kInt32, DType::kInt64, DType::kUInt8};

Error bad_axis(const Node& node, int64_t axis, size_t rank) {
  return malformed(node, "the axis is out of range")
      .expected("an axis of a tensor of rank " + std::to_string(rank))
      .found(std::to_string(axis));
}

/// Which axes are reversed: Reverse tells them by booleans, ReverseV2 by number.
Result<std::vector<bool>> reversed_axes(const Node& node, const std::vector<int64_t>& operand,
                                        size_t rank) {
  std::vector<bool> axes(rank, false);
  if (node.is("Reverse")) {
    if (operand.size() != rank)
      return malformed(node, "one boolean for each axis is needed")
          .expected(std::to_string(rank))
          .found(std::to_string(operand.size()));
    for (size_t i = 0; i < rank; ++i) axes[i] = operand[i] != 0;
    return axes;
  }
  for (int64_t axis : operand) {
    auto i = normalize_axis(axis, rank);
    if (!i) return bad_axis(node, axis, rank);
    axes[*i] = true;
  }
  return axes;
}

Status infer_reverse(Node& node) {
  PUMICE_CHECK(expect_operands(node, 2, 2));
  set_result(node, 0, node.operand(0)->dtype, node.operand(0)->shape);
  auto elements = known_elements(node.operand(0));
  auto axes = constant_integers(node.operand(1), 64);
  if (elements && axes && node.operand(0)->shape.is_rank(1)) {
    PUMICE_TRY(auto reversed, reversed_axes(node, *axes, 1));
    if (reversed[0]) std::reverse(elements->begin(), elements->end());
    node.result()->partial = std::move(*elements);
  }
  return {};
}

Status evaluate_reverse(EvalContext& context) {
  const Tensor& x = context.in(0);
  PUMICE_TRY(auto axes, reversed_axes(context.node, context.in(1).integers(), x.rank()));
  auto steps = strides_of(x.dims());
  int64_t start = 0;
  for (size_t i = 0; i < axes.size(); ++i) {
    if (!axes[i]) continue;
    start += std::max<int64_t>(x.dims()[i] - 1, 0) * steps[i];
    steps[i] = -steps[i];
  }
  context.outputs = {read_strided(x, x.dims(), start, steps)};
  return {};
}

// REVERSE_V2 takes neighbouring axes only: one node for each run of them.
Status lower_reverse(Node& node, Lowering& lowering) {
  Value* x = node.operand(0);
  auto operand = constant_integers(node.operand(1), 64);
  if (!operand) return unsupported(node, "the axes are not known before run time");
  PUMICE_TRY(DType dtype, carrier_of(node, x->dtype, kMovedTypes));
  if (!x->shape.known_rank())
    return unsupported(node, "the input's rank is not known before run time");
  PUMICE_TRY(auto axes, reversed_axes(node, *operand, x->shape.rank()));
  for (size_t i = 0; i < axes.size(); ++i)
    if (x->shape[i] == Dim(1)) axes[i] = false;
  if (x->dtype == DType::kInt32 && axes.size() == 1 && axes[0]) {
    // A shape vector: STRIDED_SLICE is computed before the model runs.
    Value* y = lowering.emit(
        "STRIDED_SLICE",
        {x, lowering.constant_i32({0}), lowering.constant_i32({0}), lowering.constant_i32({-1})},
        {{"begin_mask", int64_t{1}}, {"end_mask", int64_t{1}}}, x->dtype, x->shape);
    lowering.replace(node, 0, y);
    return {};
  }
  Value* y = x;
  for (size_t i = 0; i < axes.size(); ++i) {
    std::vector<int64_t> run;
    for (; i < axes.size() && axes[i]; ++i) run.push_back(static_cast<int64_t>(i));
    if (run.empty()) continue;
    y = carry(lowering, y, dtype);
    y = lowering.emit("REVERSE_V2", {y, lowering.constant_i32(run)}, {}, dtype, x->shape);
  }
  lowering.replace(node, 0, carry(lowering, y, x->dtype));
  return {};
}

Status infer_sequence(Node& node) {
  PUMICE_CHECK(expect_operands(node, 2, 2));
  set_result(node, 0, node.operand(0)->dtype, node.operand(0)->shape);
  const Shape& x = node.operand(0)->shape;
  if (!x.known_rank()) return {};
  for (const char* name : {"seq_dim", "batch_dim"})
    if (!normalize_axis(node.attributes.integer(name), x.rank()))
      return bad_axis(node, node.attributes.integer(name), x.rank());
  return {};
}

Status evaluate_sequence(EvalContext& context) {
  const Tensor &x = context.in(0), &lengths = context.in(1);
  auto sequence = normalize_axis(context.node.attributes.integer("seq_dim"), x.rank());
  auto batch = normalize_axis(context.node.attributes.integer("batch_dim"), x.rank());
  if (!sequence || !batch || sequence == batch)
    return malformed(context.node, "seq_dim and batch_dim are no two axes");
  if (lengths.elements() != x.dims()[*batch])
    return malformed(context.node, "one length for each batch is needed");
  auto strides = strides_of(x.dims());
  std::vector<int64_t> from(static_cast<size_t>(x.elements()));
  for (int64_t e = 0; e < x.elements(); ++e) {
    int64_t b = e / strides[*batch] % x.dims()[*batch];
    int64_t s = e / strides[*sequence] % x.dims()[*sequence];
    int64_t n = lengths.integer_at(b);
    if (n < 0 || n > x.dims()[*sequence])
      return malformed(context.node, "a length is out of range").found(std::to_string(n));
    from[static_cast<size_t>(e)] = s < n ? e + (n - 1 - 2 * s) * strides[*sequence] : e;
  }
  context.outputs = {read_indexed(x, x.dims(), from)};
  return {};
}

Status lower_sequence(Node& node, Lowering& lowering) {
  Value* x = node.operand(0);
  PUMICE_TRY(DType dtype, carrier_of(node, x->dtype, kReversedInParts));
  int64_t sequence = node.attributes.integer("seq_dim"),
          batch = node.attributes.integer("batch_dim");
  if (x->shape.known_rank()) {
    sequence = static_cast<int64_t>(*normalize_axis(sequence, x->shape.rank()));
    batch = static_cast<int64_t>(*normalize_axis(batch, x->shape.rank()));
  }
  Value* y = lowering.emit("REVERSE_SEQUENCE", {carry(lowering, x, dtype), node.operand(1)},
                           {{"seq_dim", sequence}, {"batch_dim", batch}}, dtype, x->shape);
  lowering.replace(node, 0, carry(lowering, y, x->dtype));
  return {};
}

Status infer_roll(Node& node) {
  PUMICE_CHECK(expect_operands(node, 3, 3));
  set_result(node, 0, node.operand(0)->dtype, node.operand(0)->shape);
  return {};
}

/// The total shift along each axis.
Result<std::vector<int64_t>> shifts_of(const Node& node, const std::vector<int64_t>& shift,
                                       const std::vector<int64_t>& axis, size_t rank) {
  if (shift.size() != axis.size()) return malformed(node, "one shift for each axis is needed");
  std::vector<int64_t> total(rank, 0);
  for (size_t i = 0; i < axis.size(); ++i) {
    auto at = normalize_axis(axis[i], rank);
    if (!at) return bad_axis(node, axis[i], rank);
    if (__builtin_add_overflow(total[*at], shift[i], &total[*at]))
      return malformed(node, "a shift is out of range");
  }
  return total;
}

int64_t floor_mod(int64_t a, int64_t n) { return (a % n + n) % n; }

Status evaluate_roll(EvalContext& context) {
  const Tensor& x = context.in(0);
  PUMICE_TRY(auto shifts,
             shifts_of(context.node, context.in(1).integers(), context.in(2).integers(), x.rank()));
  auto strides = strides_of(x.dims());
  std::vector<int64_t> from(static_cast<size_t>(x.elements()), 0);
  for (int64_t e = 0; e < x.elements(); ++e)
    for (size_t d = 0; d < x.rank(); ++d) {
      int64_t n = x.dims()[d], i = e / strides[d] % n;
      from[static_cast<size_t>(e)] += floor_mod(i - floor_mod(shifts[d], n), n) * strides[d];
    }
  context.outputs = {read_indexed(x, x.dims(), from)};
  return {};
}

// Along each axis: the last `shift` elements, then the others.
Status lower_roll(Node& node, Lowering& lowering) {
  Value* x = node.operand(0);
  auto shift = constant_integers(node.operand(1), 64);
  auto axis = constant_integers(node.operand(2), 64);
  if (!shift || !axis) return unsupported(node, "shift or axis is not known before run time");
  if (!x->shape.known_rank())
    return unsupported(node, "the input's rank is not known before run time");
  PUMICE_TRY(auto shifts, shifts_of(node, *shift, *axis, x->shape.rank()));
  PUMICE_TRY(DType dtype, carrier_of(node, x->dtype, kMovedTypes));
  if (x->shape.rank() > 6) return unsupported(node, "more than 6 axes");
  Value* y = carry(lowering, x, dtype);
  size_t rank = x->shape.rank();
  for (size_t d = 0; d < rank; ++d) {
    if (x->shape[d].known()) {
      int64_t n = x->shape[d].size(), by = n > 0 ? floor_mod(shifts[d], n) : 0;
      if (by == 0) continue;
      std::vector<int64_t> from(rank, 0), last(rank, -1), first(rank, -1);
      from[d] = n - by;
      last[d] = by;
      first[d] = n - by;
      Value* const halves[] = {lowering.slice(y, from, last),
                               lowering.slice(y, std::vector<int64_t>(rank, 0), first)};
      y = lowering.concat(halves, static_cast<int>(d));
      y->shape = x->shape;
      continue;
    }
    if (shifts[d] == 0) continue;
    if (shifts[d] < -(int64_t{1} << 30) || shifts[d] >= int64_t{1} << 30)
      return unsupported(node, "a shift beyond 2^30");
    // (0, 1, 2… - shift) mod n: the result's size is known before the model runs. An axis of size 0
    // counts as 1, for the sake of the division.
    Value* zero = lowering.scalar(DType::kInt32, 0);
    Value* one = lowering.scalar(DType::kInt32, 1);
    Value* n = lowering.reshape(sizes_of(lowering, x, d, d + 1), Shape::scalar());
    Value* counted = lowering.emit("RANGE", {zero, n, one}, {}, DType::kInt32, Shape{x->shape[d]});
    Value* from = lowering.binary(
        "SUB", counted, lowering.constant(Tensor::scalar_i32(static_cast<int32_t>(shifts[d]))));
    from = lowering.binary("FLOOR_MOD", from, lowering.binary("MAXIMUM", n, one));
    y = lowering.emit("GATHER", {y, from},
                      {{"axis", static_cast<int64_t>(d)}, {"batch_dims", int64_t{0}}}, dtype,
                      x->shape);
  }
  lowering.replace(node, 0, carry(lowering, y, x->dtype));
  return {};
}

constexpr OpDef kOps[] = {
    {"Reverse", infer_reverse, evaluate_reverse, lower_reverse, "REVERSE_V2",
     "run-time axes; unknown rank"},
    {"ReverseSequence", infer_sequence, evaluate_sequence, lower_sequence, "REVERSE_SEQUENCE", ""},
    {"ReverseV2", infer_reverse, evaluate_reverse, lower_reverse, "REVERSE_V2",
     "run-time axes; unknown rank"},
    {"Roll", infer_roll, evaluate_roll, lower_roll, "SLICE + CONCATENATION",
     "a run-time shift or axis; unknown rank; more than 6 axes"},
};

}  // namespace

std::span<const OpDef> reverse_ops() { return kOps; }

}  // namespace pumice
