// Cutting a tensor into parts along an axis.
#include "ops/carrier.h"
#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/movement.h"

namespace pumice {
namespace {

Error bad_axis(const Node& node, int64_t axis, const Shape& x) {
  return malformed(node, "the axis is out of range")
      .expected("an axis of " + to_string(x))
      .found(std::to_string(axis));
}

Error bad_parts(const Node& node, const Shape& x, std::string parts) {
  return malformed(node, "the parts do not make up the axis")
      .expected("the sizes of " + to_string(x))
      .found(std::move(parts));
}

/// The sizes of SplitV's parts when they are constant, with -1 resolved where the axis is known.
Result<std::vector<Dim>> part_sizes(const Node& node, Dim axis, const std::vector<int64_t>& sizes) {
  int64_t sum = 0, hole = -1;
  std::vector<Dim> parts;
  for (size_t i = 0; i < sizes.size(); ++i) {
    parts.emplace_back(sizes[i]);
    if (sizes[i] == -1 && hole < 0) {
      hole = static_cast<int64_t>(i);
    } else if (sizes[i] < 0 || __builtin_add_overflow(sum, sizes[i], &sum)) {
      return malformed(node, "a part has a size below 0").found(to_string(sizes));
    }
  }
  if (!axis.known()) return parts;
  if (hole < 0 ? sum != axis.size() : sum > axis.size())
    return bad_parts(node, Shape{axis}, to_string(sizes));
  if (hole >= 0) parts[static_cast<size_t>(hole)] = axis.size() - sum;
  return parts;
}

/// Sets the results of a split of x along `axis` into `parts`; slices what is known of a vector.
void set_parts(Node& node, const Value* x, size_t axis, const std::vector<Dim>& parts) {
  auto elements = x->shape.is_rank(1) ? known_elements(x) : std::nullopt;
  size_t from = 0;
  for (size_t i = 0; i < node.result_count(); ++i) {
    Shape shape = x->shape;
    shape[axis] = parts[i];
    set_result(node, i, x->dtype, shape);
    if (!elements || !parts[i].known()) {
      elements = std::nullopt;
      continue;
    }
    size_t to = from + static_cast<size_t>(parts[i].size());
    if (to <= elements->size())
      node.result(i)->partial.assign(elements->begin() + static_cast<std::ptrdiff_t>(from),
                                     elements->begin() + static_cast<std::ptrdiff_t>(to));
    from = to;
  }
}

Status set_unknown_parts(Node& node, const Value* x) {
  for (size_t i = 0; i < node.result_count(); ++i)
    set_result(node, i, x->dtype,
               x->shape.known_rank() ? Shape::of_rank(x->shape.rank()) : Shape());
  return {};
}

// Split(axis, x) into equal parts, SplitV(x, sizes, axis).
Status infer_split(Node& node) {
  bool with_sizes = node.is("SplitV");
  PUMICE_CHECK(expect_operands(node, with_sizes ? 3 : 2, with_sizes ? 3 : 2));
  const Value* x = node.operand(with_sizes ? 0 : 1);
  auto axis = constant_integer(node.operand(with_sizes ? 2 : 0));
  if (!axis || !x->shape.known_rank()) return set_unknown_parts(node, x);
  auto at = normalize_axis(*axis, x->shape.rank());
  if (!at) return bad_axis(node, *axis, x->shape);
  auto n = static_cast<int64_t>(node.result_count());
  Dim whole = x->shape[*at];
  std::vector<Dim> parts(node.result_count());
  if (!with_sizes) {
    if (whole.known() && whole.size() % n != 0)
      return bad_parts(node, x->shape, std::to_string(n) + " equal parts");
    for (Dim& part : parts)
      part = whole.known() ? Dim(whole.size() / n) : n == 1 ? whole : Dim::unknown();
  } else if (auto sizes = constant_integers(node.operand(1), 1 << 16)) {
    if (sizes->size() != parts.size())
      return bad_parts(node, x->shape, std::to_string(sizes->size()) + " sizes");
    PUMICE_TRY(parts, part_sizes(node, whole, *sizes));
  } else if (auto known = elements_as_dims(node.operand(1));
             known && known->size() == parts.size()) {
    parts = *known;
  }
  set_parts(node, x, *at, parts);
  return {};
}

Status evaluate_split(EvalContext& context) {
  bool with_sizes = context.node.is("SplitV");
  const Tensor& x = context.in(with_sizes ? 0 : 1);
  const Tensor& axis = context.in(with_sizes ? 2 : 0);
  if (axis.elements() != 1) return malformed(context.node, "the axis is no single integer");
  auto at = normalize_axis(axis.integer_at(0), x.rank());
  if (!at) return bad_axis(context.node, axis.integer_at(0), Shape(x.dims()));
  size_t n = context.node.result_count();
  int64_t whole = x.dims()[*at];
  std::vector<Dim> parts;
  if (with_sizes) {
    PUMICE_TRY(parts, part_sizes(context.node, whole, context.in(1).integers()));
  } else if (n > 0 && whole % static_cast<int64_t>(n) == 0) {
    parts.assign(n, Dim(whole / static_cast<int64_t>(n)));
  }
  if (parts.size() != n)
    return bad_parts(context.node, Shape(x.dims()), std::to_string(n) + " parts");
  int64_t from = 0;
  for (Dim part : parts) {
    context.outputs.push_back(slice_axis(x, *at, from, part.size()));
    from += part.size();
  }
  return {};
}

constexpr std::initializer_list<DType> kSplit = {DType::kFloat32, DType::kFloat16, DType::kInt8,
                                                 DType::kInt16,   DType::kInt32,   DType::kInt64,
                                                 DType::kUInt8};
constexpr std::initializer_list<DType> kSplitV = {DType::kFloat32, DType::kInt8,  DType::kInt16,
                                                  DType::kInt32,   DType::kInt64, DType::kUInt8};
// XNNPACK takes hold of larger ranks and then refuses them.
constexpr size_t kLargestRank = 6;

/// Parts by SLICE, which takes every dtype and rank; their sizes along the axis must be known.
Status lower_by_slices(Node& node, Lowering& lowering, Value* x, size_t axis) {
  std::vector<Value*> slices;
  int64_t from = 0;
  for (size_t i = 0; i < node.result_count(); ++i) {
    Dim part = node.result(i)->shape[axis];
    if (!part.known())
      return unsupported(node, "the parts' sizes are not known before run time (" +
                                   std::string(dtype_name(x->dtype)) + ", rank " +
                                   std::to_string(x->shape.rank()) + ")");
    std::vector<int64_t> begin(x->shape.rank(), 0), size(x->shape.rank(), -1);
    begin[axis] = from;
    size[axis] = part.size();
    slices.push_back(lowering.slice(x, begin, size));
    slices.back()->shape = node.result(i)->shape;
    from += part.size();
  }
  for (size_t i = 0; i < slices.size(); ++i) lowering.replace(node, i, slices[i]);
  return {};
}

Status lower_split(Node& node, Lowering& lowering) {
  bool with_sizes = node.is("SplitV");
  Value* x = node.operand(with_sizes ? 0 : 1);
  if (node.result_count() == 1) {
    lowering.replace(node, 0, x);
    return {};
  }
  Value* axis_operand = node.operand(with_sizes ? 2 : 0);
  auto axis = constant_integer(axis_operand);
  if (!axis) return unsupported(node, "the axis is not known before run time");
  PUMICE_TRY(DType dtype,
             with_sizes ? carrier_of(node, x->dtype, kSplitV) : carrier_of(node, x->dtype, kSplit));
  if (x->shape.known_rank()) {
    size_t at = *normalize_axis(*axis, x->shape.rank());
    *axis = static_cast<int64_t>(at);
    bool known = true;
    for (size_t i = 0; i < node.result_count(); ++i) known &= node.result(i)->shape[at].known();
    if ((dtype != x->dtype && known) || x->shape.rank() > kLargestRank)
      return lower_by_slices(node, lowering, x, at);
  }
  Value* at = lowering.constant(Tensor::scalar_i32(static_cast<int32_t>(*axis)));
  auto n = static_cast<int64_t>(node.result_count());
  x = carry(lowering, x, dtype);
  Node* split;
  if (with_sizes) {
    Value* const operands[] = {x, lowering.as_i32(node.operand(1)), at};
    split = lowering.emit_node("SPLIT_V", operands, {{"num_splits", n}}, node.result_count());
  } else {
    Value* const operands[] = {at, x};
    split = lowering.emit_node("SPLIT", operands, {{"num_splits", n}}, node.result_count());
  }
  for (size_t i = 0; i < node.result_count(); ++i) {
    split->result(i)->dtype = dtype;
    split->result(i)->shape = node.result(i)->shape;
    lowering.replace(node, i, carry(lowering, split->result(i), node.result(i)->dtype));
  }
  return {};
}

Status infer_unpack(Node& node) {
  PUMICE_CHECK(expect_operands(node, 1, 1));
  const Value* x = node.operand(0);
  for (size_t i = 0; i < node.result_count(); ++i) set_result(node, i, x->dtype, Shape());
  if (!x->shape.known_rank()) return {};
  int64_t axis = node.attributes.integer("axis");
  auto at = normalize_axis(axis, x->shape.rank());
  if (!at) return bad_axis(node, axis, x->shape);
  if (x->shape[*at].known() && x->shape[*at].size() != static_cast<int64_t>(node.result_count()))
    return bad_parts(node, x->shape, std::to_string(node.result_count()) + " parts");
  std::vector<Dim> dims = x->shape.dims();
  dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(*at));
  auto elements = x->shape.is_rank(1) ? known_elements(x) : std::nullopt;
  for (size_t i = 0; i < node.result_count(); ++i) {
    node.result(i)->shape = Shape(dims);
    if (elements && i < elements->size()) node.result(i)->partial = {(*elements)[i]};
  }
  return {};
}

Status evaluate_unpack(EvalContext& context) {
  const Tensor& x = context.in(0);
  int64_t axis = context.node.attributes.integer("axis");
  auto at = normalize_axis(axis, x.rank());
  if (!at) return bad_axis(context.node, axis, Shape(x.dims()));
  size_t n = context.node.result_count();
  if (x.dims()[*at] != static_cast<int64_t>(n))
    return bad_parts(context.node, Shape(x.dims()), std::to_string(n) + " parts");
  Dims dims = x.dims();
  dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(*at));
  for (size_t i = 0; i < n; ++i)
    context.outputs.push_back(slice_axis(x, *at, static_cast<int64_t>(i), 1).reshaped(dims));
  return {};
}

// UNPACK refuses empty tensors and some dtypes: where they may come, one STRIDED_SLICE a part.
Status lower_unpack(Node& node, Lowering& lowering) {
  Value* x = node.operand(0);
  int64_t axis = node.attributes.integer("axis");
  auto elements = x->shape.elements();
  bool taken = x->dtype == DType::kFloat32 || x->dtype == DType::kFloat16 ||
               x->dtype == DType::kInt8 || x->dtype == DType::kInt16 || x->dtype == DType::kInt32 ||
               x->dtype == DType::kUInt8 || x->dtype == DType::kBool;
  auto n = static_cast<int64_t>(node.result_count());
  if (const Shape& part = node.result()->shape;
      n == 1 && taken && part.known_rank() && part.unknown_dims() <= 1) {
    lowering.replace(node, 0, lowering.reshape(x, part));
    return {};
  }
  // Of a shape vector, STRIDED_SLICE is computed before the model runs; UNPACK is not.
  bool sizes = x->shape.is_rank(1) && x->dtype == DType::kInt32;
  if (elements && *elements > 0 && taken && !sizes) {
    axis = static_cast<int64_t>(*normalize_axis(axis, x->shape.rank()));
    Value* const operands[] = {x};
    Node* unpack =
        lowering.emit_node("UNPACK", operands, {{"num", n}, {"axis", axis}}, node.result_count());
    for (size_t i = 0; i < node.result_count(); ++i) {
      unpack->result(i)->dtype = x->dtype;
      unpack->result(i)->shape = node.result(i)->shape;
      lowering.replace(node, i, unpack->result(i));
    }
    return {};
  }
  if (x->shape.known_rank()) axis = static_cast<int64_t>(*normalize_axis(axis, x->shape.rank()));
  if (axis < 0) return unsupported(node, "a negative axis of a tensor of unknown rank");
  auto index = static_cast<size_t>(axis);
  int64_t all = (int64_t{1} << index) - 1;
  for (size_t i = 0; i < node.result_count(); ++i) {
    std::vector<int64_t> begin(index + 1, 0), end(index + 1, 0), ones(index + 1, 1);
    begin[index] = static_cast<int64_t>(i);
    end[index] = begin[index] + 1;
    Value* part = lowering.emit(
        "STRIDED_SLICE",
        {x, lowering.constant_i32(begin), lowering.constant_i32(end), lowering.constant_i32(ones)},
        {{"begin_mask", all}, {"end_mask", all}, {"shrink_axis_mask", int64_t{1} << index}},
        x->dtype, node.result(i)->shape);
    lowering.replace(node, i, part);
  }
  return {};
}

constexpr OpDef kOps[] = {
    {"Split", infer_split, evaluate_split, lower_split, "SPLIT", "a run-time axis"},
    {"SplitV", infer_split, evaluate_split, lower_split, "SPLIT_V", "a run-time axis"},
    {"Unpack", infer_unpack, evaluate_unpack, lower_unpack, "UNPACK",
     "a negative axis of a tensor of unknown rank"},
};

}  // namespace

std::span<const OpDef> split_ops() { return kOps; }

}  // namespace pumice
