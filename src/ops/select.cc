// Choices by condition: Select, Where, ClipByValue.
#include <algorithm>

#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/lower_math.h"

namespace pumice {
namespace {

Status check_branches(const Node& node, DType condition, DType a, DType b) {
  if (condition != DType::kBool && condition != DType::kInvalid)
    return malformed(node, "the condition is not bool").found(std::string(dtype_name(condition)));
  if (a != b && a != DType::kInvalid && b != DType::kInvalid)
    return malformed(node, "the operands' dtypes differ")
        .found(std::string(dtype_name(a)) + " and " + std::string(dtype_name(b)));
  return {};
}

Status infer_select(Node& node) {
  PUMICE_CHECK(expect_operands(node, 3, 3));
  const Value *a = node.operand(1), *b = node.operand(2);
  PUMICE_CHECK(check_branches(node, node.operand(0)->dtype, a->dtype, b->dtype));
  auto shape = merge(a->shape, b->shape);
  if (!shape)
    return malformed(node, "the operands' shapes differ")
        .found(to_string(a->shape) + " and " + to_string(b->shape));
  set_result(node, 0, a->dtype, *shape);
  return {};
}

Status infer_select_v2(Node& node) {
  PUMICE_CHECK(expect_operands(node, 3, 3));
  const Value *condition = node.operand(0), *a = node.operand(1), *b = node.operand(2);
  PUMICE_CHECK(check_branches(node, condition->dtype, a->dtype, b->dtype));
  auto branches = broadcast(a->shape, b->shape);
  auto shape = branches ? broadcast(condition->shape, *branches) : std::nullopt;
  if (!shape)
    return malformed(node, "the operands' shapes cannot be broadcast")
        .found(to_string(condition->shape) + ", " + to_string(a->shape) + " and " +
               to_string(b->shape));
  set_result(node, 0, a->dtype, *shape);
  return {};
}

Status infer_where(Node& node) {
  PUMICE_CHECK(expect_operands(node, 1, 1));
  const Shape& shape = node.operand(0)->shape;
  Dim rank = shape.known_rank() ? Dim(static_cast<int64_t>(shape.rank())) : Dim();
  set_result(node, 0, DType::kInt64, Shape{Dim(), rank});
  return {};
}

Status infer_clip(Node& node) {
  PUMICE_CHECK(expect_operands(node, 3, 3));
  return infer_same_as_first(node);
}

/// Copies element `from` of `source` to element `to` of `target`, whose dtypes are the same.
struct Copier {
  Copier(DType dtype, Tensor& target) : size(element_size(dtype)), out(target.mutable_data()) {}
  void operator()(int64_t to, const Tensor& source, int64_t from) const {
    std::memcpy(out + static_cast<size_t>(to) * size,
                source.data() + static_cast<size_t>(from) * size, size);
  }
  size_t size;
  std::byte* out;
};

Status check_evaluable(const EvalContext& context, size_t first) {
  const Tensor &c = context.in(0), &a = context.in(first), &b = context.in(first + 1);
  PUMICE_CHECK(check_branches(context.node, c.dtype(), a.dtype(), b.dtype()));
  if (element_size(a.dtype()) == 0)
    return unsupported(context.node, "is not evaluated for this dtype")
        .found(std::string(dtype_name(a.dtype())));
  return {};
}

Status evaluate_select(EvalContext& context) {
  PUMICE_CHECK(check_evaluable(context, 1));
  const Tensor &c = context.in(0), &a = context.in(1), &b = context.in(2);
  const bool rows = c.rank() == 1 && a.rank() > 1;
  if (a.dims() != b.dims() ||
      (c.rank() > 0 && (rows ? c.dims()[0] != a.dims()[0] : c.dims() != a.dims())))
    return malformed(context.node, "the condition does not fit the operands")
        .found(to_string(c.dims()) + ", " + to_string(a.dims()) + " and " + to_string(b.dims()));
  Tensor y = Tensor::zeros(a.dtype(), a.dims());
  Copier copy(a.dtype(), y);
  const int64_t n = a.elements(), row = rows && a.dims()[0] > 0 ? n / a.dims()[0] : 1;
  for (int64_t i = 0; i < n; ++i) {
    int64_t at = c.rank() == 0 ? 0 : rows ? i / row : i;
    copy(i, c.at<uint8_t>(at) ? a : b, i);
  }
  context.outputs = {std::move(y)};
  return {};
}

Status evaluate_select_v2(EvalContext& context) {
  PUMICE_CHECK(check_evaluable(context, 1));
  const Tensor &c = context.in(0), &a = context.in(1), &b = context.in(2);
  PUMICE_TRY(Dims branches, broadcast_dims(context, a.dims(), b.dims()));
  PUMICE_TRY(Dims dims, broadcast_dims(context, c.dims(), branches));
  Tensor y = Tensor::zeros(a.dtype(), dims);
  Copier copy(a.dtype(), y);
  for_each_broadcast(dims, c.dims(), a.dims(), [&](int64_t i, int64_t ic, int64_t ia) {
    if (c.at<uint8_t>(ic)) copy(i, a, ia);
  });
  for_each_broadcast(dims, c.dims(), b.dims(), [&](int64_t i, int64_t ic, int64_t ib) {
    if (!c.at<uint8_t>(ic)) copy(i, b, ib);
  });
  context.outputs = {std::move(y)};
  return {};
}

Status evaluate_where(EvalContext& context) {
  const Tensor& x = context.in(0);
  if (!castable(x.dtype(), DType::kBool))
    return unsupported(context.node, "is not evaluated for this dtype")
        .found(std::string(dtype_name(x.dtype())));
  Tensor is_true = cast_tensor(x, DType::kBool);
  const std::vector<int64_t> strides = strides_of(x.dims());
  std::vector<int64_t> indices;
  int64_t rows = 0;
  for (int64_t i = 0; i < x.elements(); ++i) {
    if (!is_true.at<uint8_t>(i)) continue;
    ++rows;
    int64_t rest = i;
    for (int64_t stride : strides) {
      indices.push_back(rest / stride);
      rest %= stride;
    }
  }
  context.outputs = {
      Tensor::of<int64_t>(DType::kInt64, {rows, static_cast<int64_t>(x.rank())}, indices)};
  return {};
}

Status evaluate_clip(EvalContext& context) {
  const Tensor &x = context.in(0), &low = context.in(1), &high = context.in(2);
  if (low.dtype() != x.dtype() || high.dtype() != x.dtype())
    return malformed(context.node, "the operands' dtypes differ");
  if (is_half(x.dtype())) return evaluate_in_float32(context, x.dtype(), evaluate_clip);
  auto fits = [&](const Tensor& bound) {
    return bound.elements() == 1 || bound.dims() == x.dims();
  };
  if (!fits(low) || !fits(high))
    return malformed(context.node, "the bounds do not fit the operand")
        .found(to_string(low.dims()) + " and " + to_string(high.dims()));
  Tensor y = Tensor::zeros(x.dtype(), x.dims());
  bool known = visit_number(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    Elements<T> in(x), least(low), most(high);
    T* out = y.mutable_as<T>();
    for (int64_t i = 0; i < x.elements(); ++i)
      out[i] = std::min(std::max(in[i], least[low.elements() == 1 ? 0 : i]),
                        most[high.elements() == 1 ? 0 : i]);
  });
  if (!known)
    return unsupported(context.node, "is not evaluated for this dtype")
        .found(std::string(dtype_name(x.dtype())));
  context.outputs = {std::move(y)};
  return {};
}

Status check_selectable(const Node& node) {
  const DType dtype = node.operand(1)->dtype;
  if (element_size(dtype) > 0 && element_size(dtype) <= 8 && dtype != DType::kFloat64 &&
      dtype != DType::kComplex64 && dtype != DType::kBFloat16)
    return {};
  return unsupported(node, "there is no kernel for its dtype")
      .found(std::string(dtype_name(dtype)));
}

// SELECT has Select's own semantics: a scalar, a vector over rows, or the same shape.
Status lower_select(Node& node, Lowering& lowering) {
  PUMICE_CHECK(check_selectable(node));
  Value* selected = lowering.emit("SELECT", {node.operand(0), node.operand(1), node.operand(2)}, {},
                                  node.operand(1)->dtype, node.result()->shape);
  lowering.replace(node, 0, selected);
  return {};
}

Status lower_select_v2(Node& node, Lowering& lowering) {
  PUMICE_CHECK(check_selectable(node));
  lowering.replace(node, 0, select(lowering, node.operand(0), node.operand(1), node.operand(2)));
  return {};
}

Status lower_where(Node& node, Lowering& lowering) {
  Value* x = node.operand(0);
  if (x->dtype != DType::kBool) {
    PUMICE_CHECK(check_computable(node));
    x = computed(node, 0, lowering);
    x = lowering.compare("NOT_EQUAL", x, lowering.scalar(x->dtype, 0));
  }
  lowering.replace(node, 0, lowering.emit("WHERE", {x}, {}, DType::kInt64, node.result()->shape));
  return {};
}

Status lower_clip(Node& node, Lowering& lowering) {
  PUMICE_CHECK(check_computable(node));
  Value* low = lowering.binary("MAXIMUM", computed(node, 0, lowering), computed(node, 1, lowering));
  finish(node, lowering, lowering.binary("MINIMUM", low, computed(node, 2, lowering)));
  return {};
}

constexpr OpDef kOps[] = {
    {"ClipByValue", infer_clip, evaluate_clip, lower_clip, "MAXIMUM + MINIMUM", ""},
    {"Select", infer_select, evaluate_select, lower_select, "SELECT", ""},
    {"SelectV2", infer_select_v2, evaluate_select_v2, lower_select_v2, "SELECT_V2", ""},
    {"Where", infer_where, evaluate_where, lower_where, "WHERE", ""},
};

}  // namespace

std::span<const OpDef> select_ops() { return kOps; }

}  // namespace pumice
