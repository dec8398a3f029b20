// Joining tensors along an axis, old or new.
#include <algorithm>

#include "ops/carrier.h"
#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/movement.h"

namespace pumice {
namespace {

/// Where the operands of Concat (axis first), ConcatV2 (axis last) and ParallelConcat (no axis)
/// are.
struct Joined {
  size_t first, last;  // the tensors: operands [first, last)
  const Value* axis;   // null: axis 0
};

Result<Joined> joined(const Node& node) {
  size_t n = node.operand_count();
  if (node.is("ParallelConcat")) {
    PUMICE_CHECK(expect_operands(node, 1, SIZE_MAX));
    return Joined{0, n, nullptr};
  }
  PUMICE_CHECK(expect_operands(node, 2, SIZE_MAX));
  if (node.is("Concat")) return Joined{1, n, node.operand(0)};
  return Joined{0, n - 1, node.operand(n - 1)};
}

Error bad_axis(const Node& node, int64_t axis, size_t rank) {
  return malformed(node, "the axis is out of range")
      .expected("an axis of a tensor of rank " + std::to_string(rank))
      .found(std::to_string(axis));
}

/// The first known rank among the tensors.
std::optional<size_t> common_rank(const Node& node, const Joined& j) {
  for (size_t i = j.first; i < j.last; ++i)
    if (node.operand(i)->shape.known_rank()) return node.operand(i)->shape.rank();
  return std::nullopt;
}

Status infer_concat(Node& node) {
  PUMICE_TRY(Joined j, joined(node));
  Value* y = node.result();
  set_result(node, 0, node.operand(j.first)->dtype, Shape());
  auto rank = common_rank(node, j);
  if (!rank) return {};
  auto axis = j.axis ? constant_integer(j.axis) : std::optional<int64_t>(0);
  if (!axis) {
    y->shape = Shape::of_rank(*rank);
    return {};
  }
  auto at = normalize_axis(*axis, *rank);
  if (!at) return bad_axis(node, *axis, *rank);
  Shape shape = Shape::of_rank(*rank);
  Dim sum = 0;
  for (size_t i = j.first; i < j.last; ++i) {
    const Shape& x = node.operand(i)->shape;
    if (!x.known_rank()) {
      sum = Dim::unknown();
      continue;
    }
    Shape rest = x;
    if (x.rank() == *rank) {
      sum = sum + x[*at];
      rest[*at] = Dim::unknown();
    }
    auto merged = x.rank() == *rank ? merge(shape, rest) : std::nullopt;
    if (!merged)
      return malformed(node, "the inputs' shapes differ outside of the axis")
          .expected(to_string(shape))
          .found(to_string(x));
    shape = std::move(*merged);
  }
  shape[*at] = sum;
  y->shape = std::move(shape);
  if (*rank != 1) return {};
  for (size_t i = j.first; i < j.last; ++i) {
    auto part = elements_as_dims(node.operand(i));
    if (!part) {
      y->partial.clear();
      return {};
    }
    y->partial.insert(y->partial.end(), part->begin(), part->end());
  }
  return {};
}

Result<Tensor> concatenate(const EvalContext& context, std::span<const Tensor> parts,
                           int64_t axis) {
  size_t rank = parts[0].rank();
  auto at = normalize_axis(axis, rank);
  if (!at) return bad_axis(context.node, axis, rank);
  Dims dims = parts[0].dims();
  dims[*at] = 0;
  for (const Tensor& x : parts) {
    bool fits = x.rank() == rank && x.dtype() == parts[0].dtype();
    fits = fits && !__builtin_add_overflow(dims[*at], x.dims()[*at], &dims[*at]);
    for (size_t d = 0; fits && d < rank; ++d) fits = d == *at || x.dims()[d] == dims[d];
    if (!fits)
      return malformed(context.node, "the inputs' shapes differ outside of the axis")
          .expected(to_string(parts[0].dims()))
          .found(to_string(x.dims()));
  }
  PUMICE_CHECK(check_allocatable(context, dims));
  Tensor out = Tensor::zeros(parts[0].dtype(), dims);
  auto steps = strides_of(dims);
  int64_t start = 0;
  for (const Tensor& x : parts) {
    write_strided(out, x, start * steps[*at], steps);
    start += x.dims()[*at];
  }
  return out;
}

Status evaluate_concat(EvalContext& context) {
  PUMICE_TRY(Joined j, joined(context.node));
  int64_t axis = 0;
  if (j.axis) {
    const Tensor& t = context.in(j.first == 1 ? 0 : j.last);
    if (t.elements() != 1 || !is_integer(t.dtype()))
      return malformed(context.node, "the axis is no single integer");
    axis = t.integer_at(0);
  }
  std::span<const Tensor> parts(context.inputs.data() + j.first, j.last - j.first);
  PUMICE_TRY(Tensor out, concatenate(context, parts, axis));
  context.outputs = {std::move(out)};
  return {};
}

/// [sizes before the axis, the axis, sizes after it] as three dimensions.
Shape around(const Shape& x, size_t axis) {
  Dim outer = 1, inner = 1;
  for (size_t d = 0; d < axis; ++d) outer = outer * x[d];
  for (size_t d = axis + 1; d < x.rank(); ++d) inner = inner * x[d];
  return Shape{outer, x[axis], inner};
}

constexpr std::initializer_list<DType> kConcatenated = {
    DType::kFloat32, DType::kFloat16, DType::kInt8,   DType::kInt16, DType::kInt32,
    DType::kInt64,   DType::kUInt8,   DType::kUInt32, DType::kBool};
constexpr std::initializer_list<DType> kPacked = {DType::kFloat32, DType::kInt8,  DType::kInt16,
                                                  DType::kInt32,   DType::kInt64, DType::kUInt8,
                                                  DType::kUInt32};
// XNNPACK takes hold of larger ranks and then refuses them.
constexpr size_t kLargestRank = 6;

Status lower_concat(Node& node, Lowering& lowering) {
  PUMICE_TRY(Joined j, joined(node));
  auto axis = j.axis ? constant_integer(j.axis) : std::optional<int64_t>(0);
  if (!axis) return unsupported(node, "the axis is not known before run time");
  Value* y = node.result();
  auto rank = common_rank(node, j);
  if (!rank && *axis < 0) return unsupported(node, "a negative axis of a tensor of unknown rank");
  size_t at = rank ? *normalize_axis(*axis, *rank) : static_cast<size_t>(*axis);
  PUMICE_TRY(DType dtype, carrier_of(node, y->dtype, kConcatenated));
  std::vector<Value*> parts;
  for (size_t i = j.first; i < j.last; ++i) {
    Value* x = node.operand(i);
    bool empty = x->shape.known_rank() && x->shape[at] == Dim(0);
    // Something must remain, and where all sizes are to be told one operand alone may tell them.
    if (!empty || (i + 1 == j.last && parts.empty())) parts.push_back(x);
  }
  if (parts.size() == 1) {
    lowering.replace(node, 0, parts[0]);
    return {};
  }
  bool deep = rank && *rank > kLargestRank;
  std::vector<Shape> flat;
  if (deep) {
    Shape to = around(y->shape, at);
    for (Value* x : parts) {
      flat.push_back(around(x->shape, at));
      if (!one_minus_one(flat.back()))
        return unsupported(node, "more than 6 axes, with more than one unknown size");
    }
  }
  for (size_t i = 0; i < parts.size(); ++i) {
    parts[i] = carry(lowering, parts[i], dtype);
    if (deep) parts[i] = lowering.reshape(parts[i], flat[i]);
  }
  Value* joined_parts = lowering.emit("CONCATENATION", parts, {{"axis", int64_t(deep ? 1 : at)}},
                                      dtype, deep ? around(y->shape, at) : y->shape);
  if (deep) {
    if (one_minus_one(y->shape)) {
      joined_parts = lowering.reshape(joined_parts, y->shape);
    } else {
      std::vector<Value*> sources;
      for (size_t i = j.first; i < j.last; ++i) sources.push_back(node.operand(i));
      auto vector = lowering.shape_vector(y->shape, sources);
      if (!vector.ok()) return std::move(vector).error().at(node.name, node.op);
      joined_parts = lowering.reshape(joined_parts, *vector, y->shape);
    }
  }
  lowering.replace(node, 0, carry(lowering, joined_parts, y->dtype));
  return {};
}

Status infer_pack(Node& node) {
  PUMICE_CHECK(expect_operands(node, 1, SIZE_MAX));
  set_result(node, 0, node.operand(0)->dtype, Shape());
  Shape each;
  for (size_t i = 0; i < node.operand_count(); ++i) {
    auto merged = merge(each, node.operand(i)->shape);
    if (!merged)
      return malformed(node, "the inputs' shapes differ")
          .expected(to_string(each))
          .found(to_string(node.operand(i)->shape));
    each = std::move(*merged);
  }
  if (!each.known_rank()) return {};
  auto axis = normalize_axis(node.attributes.integer("axis"), each.rank() + 1);
  if (!axis) return bad_axis(node, node.attributes.integer("axis"), each.rank() + 1);
  std::vector<Dim> dims = each.dims();
  dims.insert(dims.begin() + static_cast<std::ptrdiff_t>(*axis),
              Dim(static_cast<int64_t>(node.operand_count())));
  Value* y = node.result();
  y->shape = Shape(std::move(dims));
  constexpr size_t kMostElements = 1024;
  auto count = each.elements();
  if (each.rank() > 1 || !count || (y->dtype != DType::kInt32 && y->dtype != DType::kInt64))
    return {};
  const auto n = static_cast<size_t>(*count), parts = node.operand_count();
  if (n > kMostElements || parts * n > kMostElements) return {};
  y->partial.assign(parts * n, Dim::unknown());
  for (size_t i = 0; i < parts; ++i) {
    auto elements = elements_as_dims(node.operand(i));
    if (!elements || elements->size() != n) continue;
    // Along axis 0 the parts follow each other; along axis 1 their elements alternate.
    for (size_t j = 0; j < n; ++j)
      y->partial[*axis == 0 ? i * n + j : j * parts + i] = (*elements)[j];
  }
  return {};
}

Status evaluate_pack(EvalContext& context) {
  auto axis = normalize_axis(context.node.attributes.integer("axis"), context.in(0).rank() + 1);
  if (!axis)
    return bad_axis(context.node, context.node.attributes.integer("axis"),
                    context.in(0).rank() + 1);
  std::vector<Tensor> parts;
  for (const Tensor& x : context.inputs) {
    Dims dims = x.dims();
    if (dims != context.in(0).dims())
      return malformed(context.node, "the inputs' shapes differ")
          .expected(to_string(context.in(0).dims()))
          .found(to_string(dims));
    dims.insert(dims.begin() + static_cast<std::ptrdiff_t>(*axis), 1);
    parts.push_back(x.reshaped(std::move(dims)));
  }
  PUMICE_TRY(Tensor out, concatenate(context, parts, static_cast<int64_t>(*axis)));
  context.outputs = {std::move(out)};
  return {};
}

// A shape made of scalars. PACK would leave it open until the model runs; CONCATENATION is computed
// before. Neighbouring constants become one.
Value* pack_sizes(Node& node, Lowering& lowering) {
  Value* y = node.result();
  std::vector<Value*> parts;
  std::vector<int64_t> pending;
  auto flush = [&] {
    if (pending.empty()) return;
    auto n = static_cast<int64_t>(pending.size());
    parts.push_back(lowering.constant(y->dtype == DType::kInt64
                                          ? Tensor::of<int64_t>(DType::kInt64, {n}, pending)
                                          : Tensor::vector_i32(pending)));
    pending.clear();
  };
  for (size_t i = 0; i < node.operand_count(); ++i) {
    if (auto known = constant_integer(node.operand(i))) {
      pending.push_back(*known);
    } else {
      flush();
      parts.push_back(lowering.reshape(node.operand(i), Shape{1}));
    }
  }
  flush();
  return parts.size() == 1
             ? parts[0]
             : lowering.emit("CONCATENATION", parts, {{"axis", int64_t{0}}}, y->dtype, y->shape);
}

Status lower_pack(Node& node, Lowering& lowering) {
  Value* y = node.result();
  if (y->shape.is_rank(1) && (y->dtype == DType::kInt32 || y->dtype == DType::kInt64)) {
    lowering.replace(node, 0, pack_sizes(node, lowering));
    return {};
  }
  PUMICE_TRY(DType dtype, carrier_of(node, y->dtype, kPacked));
  int64_t axis = node.attributes.integer("axis");
  if (y->shape.known_rank()) axis = static_cast<int64_t>(*normalize_axis(axis, y->shape.rank()));
  if (node.operand_count() == 1 && one_minus_one(y->shape)) {
    lowering.replace(node, 0, lowering.reshape(node.operand(0), y->shape));
    return {};
  }
  std::vector<Value*> parts;
  for (size_t i = 0; i < node.operand_count(); ++i)
    parts.push_back(carry(lowering, node.operand(i), dtype));
  Value* packed = lowering.emit(
      "PACK", parts, {{"axis", axis}, {"values_count", static_cast<int64_t>(parts.size())}}, dtype,
      y->shape);
  lowering.replace(node, 0, carry(lowering, packed, y->dtype));
  return {};
}

// ConcatOffset: where each of the operands' shapes begins in their concatenation.
Status infer_offset(Node& node) {
  PUMICE_CHECK(expect_operands(node, 2, SIZE_MAX));
  for (size_t i = 0; i < node.result_count(); ++i)
    set_result(node, i, node.operand(1)->dtype, node.operand(1)->shape);
  return {};
}

Status evaluate_offset(EvalContext& context) {
  if (context.in(0).elements() != 1)
    return malformed(context.node, "the axis is no single integer");
  auto axis =
      normalize_axis(context.in(0).integer_at(0), static_cast<size_t>(context.in(1).elements()));
  if (!axis)
    return bad_axis(context.node, context.in(0).integer_at(0),
                    static_cast<size_t>(context.in(1).elements()));
  int64_t offset = 0;
  for (size_t i = 1; i < context.inputs.size(); ++i) {
    Tensor out = Tensor::zeros(context.in(i).dtype(), context.in(i).dims());
    if (out.elements() != context.in(1).elements())
      return malformed(context.node, "the shapes have different ranks");
    if (out.dtype() == DType::kInt64) out.mutable_as<int64_t>()[*axis] = offset;
    if (out.dtype() == DType::kInt32)
      out.mutable_as<int32_t>()[*axis] = static_cast<int32_t>(offset);
    offset += context.in(i).integer_at(static_cast<int64_t>(*axis));
    context.outputs.push_back(std::move(out));
  }
  return {};
}

// Each offset is the one before, plus the shape before it, masked to the axis.
Status lower_offset(Node& node, Lowering& lowering) {
  auto axis = constant_integer(node.operand(0));
  const Shape& s = node.operand(1)->shape;
  if (!axis || !s.is_rank(1) || !s[0].known())
    return unsupported(node, "the axis or the rank is not known before run time");
  auto at = normalize_axis(*axis, static_cast<size_t>(s[0].size()));
  if (!at) return bad_axis(node, *axis, static_cast<size_t>(s[0].size()));
  DType dtype = node.operand(1)->dtype;
  std::vector<double> zeros(static_cast<size_t>(s[0].size()), 0), one = zeros;
  one[*at] = 1;
  auto vector = [&](const std::vector<double>& v) {
    return lowering.constant(
        cast_tensor(Tensor::of<double>(DType::kFloat64, {s[0].size()}, v), dtype));
  };
  Value *mask = vector(one), *offset = vector(zeros);
  std::vector<Value*> offsets;
  for (size_t i = 0; i < node.result_count(); ++i) {
    offsets.push_back(offset);
    if (i + 1 < node.result_count())
      offset = lowering.binary("ADD", offset, lowering.binary("MUL", node.operand(i + 1), mask));
  }
  for (size_t i = 0; i < offsets.size(); ++i) lowering.replace(node, i, offsets[i]);
  return {};
}

constexpr OpDef kOps[] = {
    {"Concat", infer_concat, evaluate_concat, lower_concat, "CONCATENATION", "a run-time axis"},
    {"ConcatOffset", infer_offset, evaluate_offset, lower_offset, "MUL + ADD", "a run-time axis"},
    {"ConcatV2", infer_concat, evaluate_concat, lower_concat, "CONCATENATION", "a run-time axis"},
    {"Pack", infer_pack, evaluate_pack, lower_pack, "PACK", ""},
    {"ParallelConcat", infer_concat, evaluate_concat, lower_concat, "CONCATENATION", ""},
};

}  // namespace

std::span<const OpDef> concat_ops() { return kOps; }

}  // namespace pumice
