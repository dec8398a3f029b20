// A part of a tensor: Slice.
#include <algorithm>
#include <limits>

#include "ops/carrier.h"
#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/known_integers.h"
#include "ops/movement.h"

namespace pumice {
namespace {

Status infer_slice(Node& node) {
  PUMICE_CHECK(expect_operands(node, 3, 3));
  const Value* x = node.operand(0);
  Value* y = node.result();
  set_result(node, 0, x->dtype, Shape());
  auto begin = integers_if_known(node.operand(1));
  auto size = integers_if_known(node.operand(2));
  size_t rank;
  if (x->shape.known_rank()) {
    rank = x->shape.rank();
  } else if (begin || size) {
    rank = begin ? begin->size() : size->size();
  } else {
    return {};
  }
  if ((begin && begin->size() != rank) || (size && size->size() != rank))
    return malformed(node, "begin and size need one element for each axis")
        .expected(std::to_string(rank));
  // Sizes as symbols: [batch, 10] of a computed shape.
  auto symbols = known_elements(node.operand(2));
  Shape shape = Shape::of_rank(rank);
  for (size_t i = 0; i < rank; ++i) {
    Dim whole = x->shape.known_rank() ? x->shape[i] : Dim::unknown();
    auto from = begin ? (*begin)[i] : std::nullopt;
    auto count = size ? (*size)[i] : std::nullopt;
    int64_t last = 0;
    bool leaves = (from && *from < 0) || (count && *count < -1);
    if (!leaves && from && whole.known())
      leaves = __builtin_add_overflow(*from, std::max<int64_t>(count.value_or(0), 0), &last) ||
               last > whole.size();
    if (leaves)
      return malformed(node, "the slice leaves the input")
          .expected("a part of " + to_string(x->shape))
          .found("axis " + std::to_string(i) + ", begin " + std::to_string(from.value_or(0)) +
                 ", size " + std::to_string(count.value_or(-1)));
    if (count && *count >= 0) {
      shape[i] = *count;
    } else if (count && from) {
      shape[i] = whole - Dim(*from);
    } else if (!count && symbols && (*symbols)[i].is_symbol()) {
      shape[i] = (*symbols)[i];
    }
  }
  y->shape = shape;
  auto elements = rank == 1 ? elements_as_dims(x) : std::nullopt;
  if (elements && begin && (*begin)[0] && shape[0].known()) {
    auto first = static_cast<size_t>(*(*begin)[0]);
    auto last = first + static_cast<size_t>(shape[0].size());
    if (last <= elements->size())
      y->partial.assign(elements->begin() + static_cast<std::ptrdiff_t>(first),
                        elements->begin() + static_cast<std::ptrdiff_t>(last));
  }
  return {};
}

Status evaluate_slice(EvalContext& context) {
  const Tensor& x = context.in(0);
  Dims begin = context.in(1).integers(), size = context.in(2).integers();
  if (begin.size() != x.rank() || size.size() != x.rank())
    return malformed(context.node, "begin and size need one element for each axis");
  auto strides = strides_of(x.dims());
  int64_t start = 0;
  for (size_t i = 0; i < size.size(); ++i) {
    int64_t whole = x.dims()[i];
    if (begin[i] >= 0 && begin[i] <= whole && size[i] == -1) size[i] = whole - begin[i];
    if (begin[i] < 0 || begin[i] > whole || size[i] < 0 || size[i] > whole - begin[i])
      return malformed(context.node, "the slice leaves the input")
          .expected("a part of " + to_string(x.dims()))
          .found(to_string(begin) + " with sizes " + to_string(size));
    start += begin[i] * strides[i];
  }
  context.outputs = {read_strided(x, size, start, strides)};
  return {};
}

Status lower_slice(Node& node, Lowering& lowering) {
  Value* x = node.operand(0);
  const Shape& to = node.result()->shape;
  if (surely_same(to, x->shape)) {  // the whole of it
    lowering.replace(node, 0, x);
    return {};
  }
  // Where the input has unknown sizes, SLICE makes a tensor that the runtime allocates while it
  // runs; STRIDED_SLICE does not.
  auto begin = constant_integers(node.operand(1), 64),
       size = constant_integers(node.operand(2), 64);
  auto fits = [](const std::vector<int64_t>& list) {
    return std::all_of(list.begin(), list.end(),
                       [](int64_t v) { return v < std::numeric_limits<int32_t>::max(); });
  };
  if (begin && size && fits(*begin) && fits(*size)) {
    Value* y = lowering.slice(x, *begin, *size);
    y->shape = to;
    lowering.replace(node, 0, y);
    return {};
  }
  if (begin && fits(*begin) && !x->shape.fully_known()) {
    // From the beginning on, then as much as the size says. Sizes come from shapes: there is no -1.
    auto known = elements_as_dims(node.operand(2));
    bool sizes = known && std::all_of(known->begin(), known->end(),
                                      [](Dim d) { return d.known() || d.is_symbol(); });
    if (sizes) {
      size_t rank = begin->size();
      Value* rest = x;
      if (std::any_of(begin->begin(), begin->end(), [](int64_t b) { return b != 0; }))
        rest = lowering.slice(x, *begin, std::vector<int64_t>(rank, -1));
      Value* y = lowering.emit(
          "STRIDED_SLICE",
          {rest, lowering.constant_i32(std::vector<int64_t>(rank, 0)),
           lowering.as_i32(node.operand(2)), lowering.constant_i32(std::vector<int64_t>(rank, 1))},
          {}, x->dtype, to);
      lowering.replace(node, 0, y);
      return {};
    }
  }
  lowering.replace(node, 0,
                   lowering.emit("SLICE",
                                 {x, as_clamped_i32(lowering, node.operand(1)),
                                  as_clamped_i32(lowering, node.operand(2))},
                                 {}, x->dtype, to));
  return {};
}

constexpr OpDef kOps[] = {
    {"Slice", infer_slice, evaluate_slice, lower_slice, "SLICE", ""},
};

}  // namespace

std::span<const OpDef> slice_ops() { return kOps; }

}  // namespace pumice
