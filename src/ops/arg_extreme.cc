// The index of the largest or smallest element along an axis.
#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/lower_math.h"

namespace pumice {
namespace {

DType index_dtype(const Node& node) { return node.attributes.dtype("output_type", DType::kInt64); }

Status infer_arg(Node& node) {
  PUMICE_CHECK(expect_operands(node, 2, 2));
  const Shape& shape = node.operand(0)->shape;
  Shape result;
  auto axis = constant_integer(node.operand(1));
  if (shape.known_rank() && axis) {
    if (!normalize_axis(*axis, shape.rank()))
      return malformed(node, "the axis is out of range")
          .expected("at most rank " + std::to_string(shape.rank()))
          .found(std::to_string(*axis));
    std::vector<Dim> dims = shape.dims();
    dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(*normalize_axis(*axis, shape.rank())));
    result = Shape(std::move(dims));
  } else if (shape.known_rank() && shape.rank() > 0) {
    result = Shape::of_rank(shape.rank() - 1);
  }
  set_result(node, 0, index_dtype(node), std::move(result));
  return {};
}

template <bool largest>
Status evaluate_arg(EvalContext& context) {
  Tensor x = context.in(0);
  if (is_half(x.dtype())) x = cast_tensor(x, DType::kFloat32);
  const Tensor& dimension = context.in(1);
  if (dimension.elements() != 1) return malformed(context.node, "the axis is no scalar");
  auto axis = normalize_axis(dimension.integer_at(0), x.rank());
  if (!axis) return malformed(context.node, "the axis is out of range");
  const int64_t size = x.dims()[*axis];
  if (size == 0) return malformed(context.node, "the axis is empty");
  Dims dims = x.dims();
  const int64_t inner = strides_of(dims)[*axis];
  dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(*axis));
  Tensor y = Tensor::zeros(DType::kInt64, dims);
  bool known = visit_number(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    Elements<T> in(x);
    for (int64_t i = 0; i < y.elements(); ++i) {
      const int64_t first = i / inner * inner * size + i % inner;
      int64_t best = 0;
      for (int64_t k = 1; k < size; ++k) {
        const T v = in[first + k * inner], b = in[first + best * inner];
        if (largest ? b < v || (b != b && v == v) : v < b || (b != b && v == v)) best = k;
      }
      y.mutable_as<int64_t>()[i] = best;
    }
  });
  if (!known)
    return unsupported(context.node, "is not evaluated for this dtype")
        .found(std::string(dtype_name(x.dtype())));
  context.outputs = {cast_tensor(y, index_dtype(context.node))};
  return {};
}

Status lower_arg(Node& node, Lowering& lowering) {
  const DType dtype = node.operand(0)->dtype;
  auto axis = constant_integer(node.operand(1));
  const Shape& shape = node.operand(0)->shape;
  if (axis && shape.known_rank()) axis = normalize_axis(*axis, shape.rank());
  if (dtype != DType::kBool && compute_dtype(dtype) == DType::kInvalid)
    return unsupported(node, "TensorFlow Lite has no kernels for its dtype")
        .found(std::string(dtype_name(dtype)));
  const bool largest = node.is("ArgMax");
  const char* builtin = largest ? "ARG_MAX" : "ARG_MIN";
  Value* x = computed(node, 0, lowering);
  Value* axis_operand = axis ? lowering.scalar(DType::kInt32, static_cast<double>(*axis))
                             : lowering.as_i32(node.operand(1));
  if (x->dtype == DType::kInt64) {
    // There is no kernel for int64: look for the first element that equals the extreme one.
    Shape kept = Shape::of_rank(shape.known_rank() ? shape.rank() : 0);
    if (!shape.known_rank()) kept = Shape();
    for (size_t i = 0; axis && kept.known_rank() && i < kept.rank(); ++i)
      kept[i] = static_cast<int64_t>(i) == *axis ? Dim(1) : shape[i];
    Value* axes =
        axis ? lowering.constant_i32({*axis}) : lowering.reshape(axis_operand, Shape{Dim(1)});
    Value* extreme = lowering.emit(largest ? "REDUCE_MAX" : "REDUCE_MIN", {x, axes},
                                   {{"keep_dims", true}}, x->dtype, kept);
    x = lowering.cast(lowering.compare("EQUAL", x, extreme), DType::kInt32);
    builtin = "ARG_MAX";
  }
  const DType wanted = node.result()->dtype;
  const DType made = wanted == DType::kInt64 ? DType::kInt64 : DType::kInt32;
  Value* index = lowering.emit(builtin, {x, axis_operand}, {{"output_type", made}}, made,
                               node.result()->shape);
  finish(node, lowering, index);
  return {};
}

constexpr OpDef kOps[] = {
    {"ArgMax", infer_arg, evaluate_arg<true>, lower_arg, "ARG_MAX", ""},
    {"ArgMin", infer_arg, evaluate_arg<false>, lower_arg, "ARG_MIN", ""},
};

}  // namespace

std::span<const OpDef> arg_extreme_ops() { return kOps; }

}  // namespace pumice
