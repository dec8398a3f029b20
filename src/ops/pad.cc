// Padding with a constant or with mirrored elements.
#include <algorithm>
#include <limits>

#include "ops/carrier.h"
#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/movement.h"

namespace pumice {
namespace {

using Paddings = std::vector<std::pair<int64_t, int64_t>>;

Error bad_paddings(const Node& node, const std::string& expected) {
  return malformed(node, "the paddings do not fit the input").expected(expected);
}

/// The paddings, when they are constant.
Result<std::optional<Paddings>> constant_paddings(const Node& node) {
  auto flat = constant_integers(node.operand(1), 128);
  if (!flat) return std::optional<Paddings>();
  if (flat->size() % 2 != 0) return bad_paddings(node, "two numbers for each axis");
  Paddings paddings;
  for (size_t i = 0; i < flat->size(); i += 2) {
    constexpr int64_t kMost = std::numeric_limits<int32_t>::max() / 2;
    if ((*flat)[i] < 0 || (*flat)[i + 1] < 0 || (*flat)[i] > kMost || (*flat)[i + 1] > kMost)
      return bad_paddings(node, "numbers of at least 0, below 2^30");
    paddings.emplace_back((*flat)[i], (*flat)[i + 1]);
  }
  return std::optional(paddings);
}

Status infer_pad(Node& node) {
  PUMICE_CHECK(expect_operands(node, node.is("PadV2") ? 3 : 2, node.is("PadV2") ? 3 : 2));
  const Value *x = node.operand(0), *operand = node.operand(1);
  set_result(node, 0, x->dtype, Shape());
  PUMICE_TRY(auto paddings, constant_paddings(node));
  if (!x->shape.known_rank()) {
    if (paddings) node.result()->shape = Shape::of_rank(paddings->size());
    if (!paddings && operand->shape.is_rank(2) && operand->shape[0].known() &&
        operand->shape[0].size() <= 64)
      node.result()->shape = Shape::of_rank(static_cast<size_t>(operand->shape[0].size()));
    return {};
  }
  Shape shape = Shape::of_rank(x->shape.rank());
  if (paddings) {
    if (paddings->size() != shape.rank())
      return bad_paddings(node, std::to_string(shape.rank()) + " pairs");
    for (size_t i = 0; i < shape.rank(); ++i)
      shape[i] = x->shape[i] + Dim((*paddings)[i].first) + Dim((*paddings)[i].second);
  } else if (auto known = elements_as_dims(operand); known && known->size() == 2 * shape.rank()) {
    for (size_t i = 0; i < shape.rank(); ++i)
      shape[i] = x->shape[i] + (*known)[2 * i] + (*known)[2 * i + 1];
  }
  node.result()->shape = std::move(shape);
  return {};
}

Result<Paddings> read_paddings(const EvalContext& context) {
  Dims flat = context.in(1).integers();
  size_t rank = context.in(0).rank();
  if (flat.size() != 2 * rank) return bad_paddings(context.node, std::to_string(rank) + " pairs");
  Paddings paddings;
  Dims dims = context.in(0).dims();
  for (size_t i = 0; i < rank; ++i) {
    constexpr int64_t kMost = int64_t{1} << 40;
    if (flat[2 * i] < 0 || flat[2 * i + 1] < 0 || flat[2 * i] > kMost || flat[2 * i + 1] > kMost)
      return bad_paddings(context.node, "numbers of at least 0");
    paddings.emplace_back(flat[2 * i], flat[2 * i + 1]);
    dims[i] += flat[2 * i] + flat[2 * i + 1];
  }
  PUMICE_CHECK(check_allocatable(context, dims));
  return paddings;
}

Status evaluate_pad(EvalContext& context) {
  PUMICE_TRY(Paddings paddings, read_paddings(context));
  const Tensor& x = context.in(0);
  Dims dims = x.dims();
  for (size_t i = 0; i < dims.size(); ++i) dims[i] += paddings[i].first + paddings[i].second;
  auto steps = strides_of(dims);
  int64_t start = 0;
  for (size_t i = 0; i < dims.size(); ++i) start += paddings[i].first * steps[i];
  Tensor out = Tensor::zeros(x.dtype(), dims);
  if (context.inputs.size() == 3) {
    if (context.in(2).elements() != 1 || context.in(2).dtype() != x.dtype())
      return malformed(context.node, "the padding value is no single element of the input's dtype");
    // A copy: filled() may share nothing with it, write_strided() writes in place.
    out = filled(context.in(2), dims);
  }
  if (x.elements() > 0) write_strided(out, x, start, steps);
  context.outputs = {std::move(out)};
  return {};
}

// Axis by axis: index i of the result reads this index of the input.
Status evaluate_mirror_pad(EvalContext& context) {
  PUMICE_TRY(Paddings paddings, read_paddings(context));
  const Tensor& x = context.in(0);
  int64_t edge = context.node.attributes.string("mode") == "REFLECT" ? 1 : 0;
  Dims dims = x.dims();
  std::vector<std::vector<int64_t>> sources;
  auto strides = strides_of(x.dims());
  for (size_t i = 0; i < dims.size(); ++i) {
    int64_t n = x.dims()[i], before = paddings[i].first, after = paddings[i].second;
    if (before > n - edge || after > n - edge)
      return bad_paddings(context.node, "at most " + std::to_string(n - edge) + " mirrored");
    dims[i] = n + before + after;
    std::vector<int64_t> source;
    for (int64_t k = -before; k < n + after; ++k) {
      int64_t at = k < 0 ? -k - 1 + edge : k >= n ? 2 * n - k - 1 - edge : k;
      source.push_back(at * strides[i]);
    }
    sources.push_back(std::move(source));
  }
  int64_t count = element_count(dims).value_or(0);
  std::vector<int64_t> from(static_cast<size_t>(count), 0);
  auto out_strides = strides_of(dims);
  for (int64_t e = 0; e < count; ++e)
    for (size_t d = 0; d < dims.size(); ++d)
      from[static_cast<size_t>(e)] += sources[d][static_cast<size_t>(e / out_strides[d] % dims[d])];
  context.outputs = {read_indexed(x, dims, from)};
  return {};
}

constexpr size_t kLargestRank = 5;

/// PAD or PADV2 of any rank: with more axes than the kernel takes, axis by axis between reshapes.
Result<Value*> pad_deep(const Node& node, Lowering& lowering, Value* x, const Paddings& paddings,
                        Value* value) {
  Shape now = x->shape;
  for (size_t axis = 0; axis < paddings.size(); ++axis) {
    auto [before, after] = paddings[axis];
    if (before == 0 && after == 0) continue;
    Dim outer = 1, inner = 1;
    for (size_t d = 0; d < axis; ++d) outer = outer * now[d];
    for (size_t d = axis + 1; d < now.rank(); ++d) inner = inner * now[d];
    Shape flat{outer, now[axis], inner};
    if (!one_minus_one(flat) || !one_minus_one(now))
      return unsupported(node, "more than 5 axes, with more than one unknown size");
    now[axis] = now[axis] + Dim(before + after);
    x = lowering.reshape(x, flat);
    x = lowering.pad(x, {{0, 0}, {before, after}, {0, 0}}, value);
    x = lowering.reshape(x, now);
  }
  return x;
}

Status lower_pad(Node& node, Lowering& lowering) {
  Value* y = node.result();
  PUMICE_TRY(DType dtype, carrier_of(node, y->dtype, kMovedTypes));
  PUMICE_TRY(auto paddings, constant_paddings(node));
  Value* x = node.operand(0);
  bool deep = y->shape.known_rank() && y->shape.rank() > kLargestRank;
  if (deep && !paddings) return unsupported(node, "run-time paddings of more than 5 axes");
  Value* value = nullptr;
  if (node.operand_count() == 3) {
    value = node.operand(2);
    // A constant zero is PAD's own.
    if (constant_number(value) == 0.0 && !is_float(value->dtype)) value = nullptr;
  }
  x = carry(lowering, x, dtype);
  if (value) value = carry(lowering, value, dtype);
  if (deep) {
    PUMICE_TRY(x, pad_deep(node, lowering, x, *paddings, value));
  } else if (paddings) {
    x = lowering.pad(x, *paddings, value);
    x->shape = x == node.operand(0) ? x->shape : y->shape;
  } else {
    Value* amounts = lowering.as_i32(node.operand(1));
    x = value ? lowering.emit("PADV2", {x, amounts, value}, {}, dtype, y->shape)
              : lowering.emit("PAD", {x, amounts}, {}, dtype, y->shape);
  }
  lowering.replace(node, 0, carry(lowering, x, y->dtype));
  return {};
}

Status lower_mirror_pad(Node& node, Lowering& lowering) {
  Value* x = node.operand(0);
  const std::string mode = node.attributes.string("mode");
  if (mode != "REFLECT" && mode != "SYMMETRIC")
    return malformed(node, "an unknown mode").expected("REFLECT or SYMMETRIC").found(mode);
  PUMICE_TRY(auto paddings, constant_paddings(node));
  bool none = paddings.has_value();
  if (paddings)
    for (auto [before, after] : *paddings) none &= before == 0 && after == 0;
  if (none) {
    lowering.replace(node, 0, x);
    return {};
  }
  lowering.replace(node, 0,
                   lowering.emit("MIRROR_PAD", {x, lowering.as_i32(node.operand(1))},
                                 {{"mode", int64_t{mode == "REFLECT" ? 0 : 1}}}, x->dtype,
                                 node.result()->shape));
  return {};
}

constexpr OpDef kOps[] = {
    {"MirrorPad", infer_pad, evaluate_mirror_pad, lower_mirror_pad, "MIRROR_PAD", ""},
    {"Pad", infer_pad, evaluate_pad, lower_pad, "PAD", "run-time paddings of more than 5 axes"},
    {"PadV2", infer_pad, evaluate_pad, lower_pad, "PADV2", "run-time paddings of more than 5 axes"},
};

}  // namespace

std::span<const OpDef> pad_ops() { return kOps; }

}  // namespace pumice
