// Ops that tell the shape of a tensor, and broadcasting to a shape.
#include <algorithm>

#include "ops/carrier.h"
#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/movement.h"

namespace pumice {
namespace {

DType out_type(const Node& node) {
  return node.attributes.dtype("out_type", DType::kInt32) == DType::kInt64 ? DType::kInt64
                                                                           : DType::kInt32;
}

Tensor integer_vector(DType dtype, const Dims& values) {
  auto n = static_cast<int64_t>(values.size());
  if (dtype == DType::kInt64) return Tensor::of<int64_t>(dtype, {n}, values);
  return Tensor::vector_i32(values);
}

Tensor integer_scalar(DType dtype, int64_t value) {
  return integer_vector(dtype, {value}).reshaped({});
}

// Shape and ShapeN: result i tells of operand i.
Status infer_shape(Node& node) {
  PUMICE_CHECK(expect_operands(node, node.result_count(), node.result_count()));
  for (size_t i = 0; i < node.result_count(); ++i) {
    const Shape& x = node.operand(i)->shape;
    if (!x.known_rank()) {
      set_result(node, i, out_type(node), Shape::of_rank(1));
      continue;
    }
    set_result(node, i, out_type(node), Shape{Dim(static_cast<int64_t>(x.rank()))});
    node.result(i)->partial = x.dims();
  }
  return {};
}

Status evaluate_shape(EvalContext& context) {
  for (const Tensor& x : context.inputs)
    context.outputs.push_back(integer_vector(out_type(context.node), x.dims()));
  return {};
}

Status lower_shape(Node& node, Lowering& lowering) {
  DType dtype = out_type(node);
  for (size_t i = 0; i < node.result_count(); ++i) {
    Value* x = node.operand(i);
    Value* y = x->shape.fully_known() ? lowering.constant(integer_vector(dtype, x->shape.sizes()))
                                      : lowering.emit("SHAPE", {x}, {{"out_type", dtype}}, dtype,
                                                      node.result(i)->shape);
    lowering.replace(node, i, y);
  }
  return {};
}

Status infer_rank(Node& node) {
  PUMICE_CHECK(expect_operands(node, 1, 1));
  set_result(node, 0, DType::kInt32, Shape::scalar());
  const Shape& x = node.operand(0)->shape;
  if (x.known_rank()) node.result()->partial = {Dim(static_cast<int64_t>(x.rank()))};
  return {};
}

Status evaluate_rank(EvalContext& context) {
  context.outputs = {Tensor::scalar_i32(static_cast<int32_t>(context.in(0).rank()))};
  return {};
}

Status lower_rank(Node& node, Lowering& lowering) {
  const Shape& x = node.operand(0)->shape;
  lowering.replace(
      node, 0,
      x.known_rank()
          ? lowering.constant(Tensor::scalar_i32(static_cast<int32_t>(x.rank())))
          : lowering.emit("RANK", {node.operand(0)}, {}, DType::kInt32, Shape::scalar()));
  return {};
}

Status infer_size(Node& node) {
  PUMICE_CHECK(expect_operands(node, 1, 1));
  set_result(node, 0, out_type(node), Shape::scalar());
  const Shape& x = node.operand(0)->shape;
  if (!x.known_rank()) return {};
  Dim size = 1;
  for (Dim d : x.dims()) size = size * d;
  if (size.known() || size.is_symbol()) node.result()->partial = {size};
  return {};
}

Status evaluate_size(EvalContext& context) {
  context.outputs = {integer_scalar(out_type(context.node), context.in(0).elements())};
  return {};
}

Status lower_size(Node& node, Lowering& lowering) {
  Value* x = node.operand(0);
  DType dtype = out_type(node);
  if (auto n = x->shape.elements()) {
    lowering.replace(node, 0, lowering.constant(integer_scalar(dtype, *n)));
    return {};
  }
  Shape rank{x->shape.known_rank() ? Dim(static_cast<int64_t>(x->shape.rank())) : Dim()};
  Value* sizes = lowering.emit("SHAPE", {x}, {{"out_type", dtype}}, dtype, rank);
  lowering.replace(node, 0,
                   lowering.emit("REDUCE_PROD", {sizes, lowering.constant_i32({0})},
                                 {{"keep_dims", false}}, dtype, Shape::scalar()));
  return {};
}

Status infer_broadcast_args(Node& node) {
  PUMICE_CHECK(expect_operands(node, 2, 2));
  const Value *a = node.operand(0), *b = node.operand(1);
  auto da = known_elements(a), db = known_elements(b);
  set_result(node, 0, a->dtype, Shape::of_rank(1));
  if (da && db) {
    auto shape = broadcast(Shape(*da), Shape(*db));
    if (!shape)
      return malformed(node, "the shapes cannot be broadcast")
          .found(to_string(Shape(*da)) + " and " + to_string(Shape(*db)));
    node.result()->shape = Shape{Dim(static_cast<int64_t>(shape->rank()))};
    node.result()->partial = shape->dims();
  } else if (a->shape.is_rank(1) && b->shape.is_rank(1) && a->shape[0].known() &&
             b->shape[0].known()) {
    node.result()->shape = Shape{Dim(std::max(a->shape[0].size(), b->shape[0].size()))};
  }
  return {};
}

Status evaluate_broadcast_args(EvalContext& context) {
  PUMICE_TRY(Dims dims,
             broadcast_dims(context, context.in(0).integers(), context.in(1).integers()));
  context.outputs = {integer_vector(context.in(0).dtype(), dims)};
  return {};
}

Status lower_broadcast_args(Node& node, Lowering& lowering) {
  lowering.replace(node, 0,
                   lowering.emit("BROADCAST_ARGS", {node.operand(0), node.operand(1)}, {},
                                 node.result()->dtype, node.result()->shape));
  return {};
}

Status infer_gradient_args(Node& node) {
  PUMICE_CHECK(expect_operands(node, 2, 2));
  for (size_t i = 0; i < 2; ++i) set_result(node, i, node.operand(0)->dtype, Shape::of_rank(1));
  return {};
}

// The axes over which the gradient of each operand of a broadcast is summed.
Status evaluate_gradient_args(EvalContext& context) {
  Dims a = context.in(0).integers(), b = context.in(1).integers();
  PUMICE_TRY(Dims out, broadcast_dims(context, a, b));
  auto summed = [&](const Dims& own, const Dims& other) {
    Dims axes;
    for (size_t i = 0; i < out.size(); ++i) {
      auto size = [&](const Dims& d) {
        return i + d.size() < out.size() ? int64_t{1} : d[i + d.size() - out.size()];
      };
      bool missing = i + own.size() < out.size();
      if (missing || (size(own) == 1 && (size(other) != 1 || own != other)))
        axes.push_back(static_cast<int64_t>(i));
    }
    return axes;
  };
  DType dtype = context.in(0).dtype();
  bool same = a == b;
  context.outputs = {integer_vector(dtype, same ? Dims{} : summed(a, b)),
                     integer_vector(dtype, same ? Dims{} : summed(b, a))};
  return {};
}

Status infer_broadcast_to(Node& node) {
  PUMICE_CHECK(expect_operands(node, 2, 2));
  const Value *x = node.operand(0), *target = node.operand(1);
  set_result(node, 0, x->dtype, Shape());
  auto dims = elements_as_dims(target);
  if (!dims) return {};
  Shape shape(*dims);
  // Only an explicit target may have fewer unknowns than the operand; a size other than 1 survives.
  if (x->shape.known_rank() && x->shape.rank() <= shape.rank())
    for (size_t i = 0; i < x->shape.rank(); ++i) {
      Dim& d = shape[shape.rank() - x->shape.rank() + i];
      if (!d.known() && x->shape[i].known() && x->shape[i].size() != 1) d = x->shape[i];
    }
  if (!broadcast(x->shape, shape))
    return malformed(node, "the input cannot be broadcast to the shape")
        .expected(to_string(shape))
        .found(to_string(x->shape));
  node.result()->shape = std::move(shape);
  return {};
}

Status evaluate_broadcast_to(EvalContext& context) {
  const Tensor& x = context.in(0);
  Dims to = context.in(1).integers();
  PUMICE_TRY(Dims out, broadcast_dims(context, x.dims(), to));
  if (out != to)
    return malformed(context.node, "the input cannot be broadcast to the shape")
        .expected(to_string(to))
        .found(to_string(x.dims()));
  std::vector<int64_t> steps(out.size(), 0), own = strides_of(x.dims());
  for (size_t i = 0; i < x.rank(); ++i)
    if (x.dims()[i] != 1) steps[out.size() - x.rank() + i] = own[i];
  context.outputs = {read_strided(x, out, 0, steps)};
  return {};
}

Status lower_broadcast_to(Node& node, Lowering& lowering) {
  Value* x = node.operand(0);
  const Shape& to = node.result()->shape;
  if (surely_same(to, x->shape)) {
    lowering.replace(node, 0, x);
    return {};
  }
  Value* shape =
      to.fully_known() ? lowering.constant_i32(to.sizes()) : lowering.as_i32(node.operand(1));
  lowering.replace(node, 0, lowering.emit("BROADCAST_TO", {x, shape}, {}, x->dtype, to));
  return {};
}

constexpr OpDef kOps[] = {
    {"BroadcastArgs", infer_broadcast_args, evaluate_broadcast_args, lower_broadcast_args,
     "BROADCAST_ARGS", ""},
    {"BroadcastGradientArgs", infer_gradient_args, evaluate_gradient_args, nullptr, "(constants)",
     "shapes that are not known before run time"},
    {"BroadcastTo", infer_broadcast_to, evaluate_broadcast_to, lower_broadcast_to, "BROADCAST_TO",
     ""},
    {"Rank", infer_rank, evaluate_rank, lower_rank, "RANK", ""},
    {"Shape", infer_shape, evaluate_shape, lower_shape, "SHAPE", ""},
    {"ShapeN", infer_shape, evaluate_shape, lower_shape, "SHAPE", ""},
    {"Size", infer_size, evaluate_size, lower_size, "SHAPE + REDUCE_PROD", ""},
};

}  // namespace

std::span<const OpDef> shape_ops() { return kOps; }

}  // namespace pumice
