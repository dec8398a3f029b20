// Tensors made from sizes and numbers: constants of a shape, counted numbers, one-hot codes.
#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/carrier.h"
#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/movement.h"

namespace pumice {
namespace {

Tensor scalar_of(DType dtype, double value) {
  return cast_tensor(Tensor::of<double>(DType::kFloat64, {}, {value}), dtype);
}

/// A tensor of `dims` holding `value`; strings are empty ones.
Tensor constant_of_shape(DType dtype, Dims dims, double value) {
  if (!castable(DType::kFloat64, dtype) || value == 0) return Tensor::zeros(dtype, std::move(dims));
  return filled(scalar_of(dtype, value), std::move(dims));
}

Shape shape_from(const Value* sizes) {
  if (auto dims = elements_as_dims(sizes)) return Shape(*dims);
  const Shape& s = sizes->shape;
  if (s.is_rank(1) && s[0].known() && s[0].size() <= 64)
    return Shape::of_rank(static_cast<size_t>(s[0].size()));
  return Shape();
}

Status check_sizes(const EvalContext& context, const Dims& dims) {
  for (int64_t d : dims)
    if (d < 0) return malformed(context.node, "a size is below 0").found(to_string(dims));
  return check_allocatable(context, dims);
}

/// FILL of `to`, whose sizes the operand `sizes` holds at run time.
Value* fill(Lowering& lowering, const Shape& to, Value* sizes, Value* value) {
  Value* vector = to.fully_known() ? lowering.constant_i32(to.sizes()) : lowering.as_i32(sizes);
  return lowering.emit("FILL", {vector, value}, {}, value->dtype, to);
}

Status infer_fill(Node& node) {
  PUMICE_CHECK(expect_operands(node, 2, 2));
  Value* y = node.result();
  set_result(node, 0, node.operand(1)->dtype, shape_from(node.operand(0)));
  // A filled shape vector, such as the multiples of a tile.
  auto n = y->shape.elements();
  auto value = elements_as_dims(node.operand(1));
  if (value && value->size() == 1 && n && *n >= 1 && *n <= 64 && y->shape.is_rank(1) &&
      (value->front().known() || value->front().is_symbol()))
    y->partial.assign(static_cast<size_t>(*n), value->front());
  return {};
}

Status evaluate_fill(EvalContext& context) {
  Dims dims = context.in(0).integers();
  PUMICE_CHECK(check_sizes(context, dims));
  if (context.in(1).elements() != 1)
    return malformed(context.node, "the value is no single element")
        .found(to_string(context.in(1).dims()));
  context.outputs = {filled(context.in(1), std::move(dims))};
  return {};
}

Status lower_fill(Node& node, Lowering& lowering) {
  lowering.replace(node, 0, fill(lowering, node.result()->shape, node.operand(0), node.operand(1)));
  return {};
}

Status infer_empty(Node& node) {
  PUMICE_CHECK(expect_operands(node, 1, 1));
  set_result(node, 0, node.attributes.dtype("dtype"), shape_from(node.operand(0)));
  return {};
}

Status evaluate_empty(EvalContext& context) {
  Dims dims = context.in(0).integers();
  PUMICE_CHECK(check_sizes(context, dims));
  context.outputs = {Tensor::zeros(context.node.attributes.dtype("dtype"), std::move(dims))};
  return {};
}

Status lower_empty(Node& node, Lowering& lowering) {
  Value* y = node.result();
  if (!castable(DType::kFloat64, y->dtype))
    return unsupported(node, "Empty of " + std::string(dtype_name(y->dtype)));
  lowering.replace(node, 0,
                   fill(lowering, y->shape, node.operand(0), lowering.scalar(y->dtype, 0)));
  return {};
}

Status evaluate_like(EvalContext& context) {
  double value = context.node.is("OnesLike") ? 1 : 0;
  context.outputs = {constant_of_shape(context.in(0).dtype(), context.in(0).dims(), value)};
  return {};
}

Status lower_like(Node& node, Lowering& lowering) {
  Value* x = node.operand(0);
  DType dtype = node.result()->dtype;
  if (!castable(DType::kFloat64, dtype))
    return unsupported(node, std::string(node.op) + " of " + std::string(dtype_name(dtype)));
  bool zeros = node.is("ZerosLike");
  Value* y;
  if (x->shape.fully_known()) {
    y = lowering.constant(Constant(scalar_of(dtype, zeros ? 0 : 1)).then(Splat{x->shape.sizes()}));
  } else if (zeros &&
             (dtype == DType::kFloat32 || dtype == DType::kInt32 || dtype == DType::kInt64)) {
    y = lowering.unary("ZEROS_LIKE", x);
  } else {
    y = lowering.emit("FILL", {lowering.shape_of(x), lowering.scalar(dtype, zeros ? 0 : 1)}, {},
                      dtype, x->shape);
  }
  lowering.replace(node, 0, y);
  return {};
}

/// How many numbers Range makes; nullopt for steps and limits that make none sense.
std::optional<int64_t> range_count(double start, double limit, double delta) {
  if (delta == 0 || (delta > 0 && start > limit) || (delta < 0 && start < limit))
    return std::nullopt;
  double n = std::ceil(std::abs((limit - start) / delta));
  if (!(n < 9e15)) return std::nullopt;
  return static_cast<int64_t>(n);
}

std::optional<int64_t> integer_range_count(int64_t start, int64_t limit, int64_t delta) {
  int64_t span;
  if (delta == 0 || (delta > 0 && start > limit) || (delta < 0 && start < limit) ||
      delta == std::numeric_limits<int64_t>::min() || __builtin_sub_overflow(limit, start, &span) ||
      span == std::numeric_limits<int64_t>::min())
    return std::nullopt;
  int64_t step = std::abs(delta);
  span = std::abs(span);
  return span / step + (span % step != 0);
}

Status infer_range(Node& node) {
  PUMICE_CHECK(expect_operands(node, 3, 3));
  Value* y = node.result();
  set_result(node, 0, node.operand(0)->dtype, Shape::of_rank(1));
  if (is_integer(y->dtype)) {
    std::optional<int64_t> v[3];
    for (size_t i = 0; i < 3; ++i) {
      v[i] = constant_integer(node.operand(i));
      auto known = known_elements(node.operand(i));
      if (!v[i] && known && known->size() == 1 && known->front().known())
        v[i] = known->front().size();
    }
    auto limit = known_elements(node.operand(1));
    if (v[0] && v[1] && v[2]) {
      auto n = integer_range_count(*v[0], *v[1], *v[2]);
      if (!n)
        return malformed(node, "the range makes no sense")
            .found("from " + std::to_string(*v[0]) + " to " + std::to_string(*v[1]) + " by " +
                   std::to_string(*v[2]));
      y->shape = Shape{Dim(*n)};
      if (*n <= 64)
        for (int64_t i = 0; i < *n; ++i) y->partial.emplace_back(*v[0] + i * *v[2]);
    } else if (v[0] == 0 && v[2] == 1 && limit && limit->size() == 1) {
      y->shape = Shape{limit->front()};  // range(batch)
    }
    return {};
  }
  auto start = constant_number(node.operand(0)), limit = constant_number(node.operand(1)),
       delta = constant_number(node.operand(2));
  if (start && limit && delta)
    if (auto n = range_count(*start, *limit, *delta)) y->shape = Shape{Dim(*n)};
  return {};
}

Status evaluate_range(EvalContext& context) {
  const Tensor &start = context.in(0), &limit = context.in(1), &delta = context.in(2);
  if (start.elements() != 1 || limit.elements() != 1 || delta.elements() != 1)
    return malformed(context.node, "an operand is no single number");
  if (is_half(start.dtype())) return evaluate_in_float32(context, start.dtype(), evaluate_range);
  auto n = is_integer(start.dtype())
               ? integer_range_count(start.integer_at(0), limit.integer_at(0), delta.integer_at(0))
               : range_count(start.number_at(0), limit.number_at(0), delta.number_at(0));
  if (!n) return malformed(context.node, "the range makes no sense");
  PUMICE_CHECK(check_allocatable(context, {*n}));
  bool done = visit_number(start.dtype(), [&](auto zero) {
    using T = decltype(zero);
    Tensor out = Tensor::zeros(start.dtype(), {*n});
    if constexpr (std::is_floating_point_v<T>) {
      T first = start.at<T>(0), step = delta.at<T>(0);
      for (int64_t i = 0; i < *n; ++i) out.mutable_as<T>()[i] = first + static_cast<T>(i) * step;
    } else {
      for (int64_t i = 0; i < *n; ++i)
        out.mutable_as<T>()[i] =
            static_cast<T>(static_cast<uint64_t>(start.integer_at(0)) +
                           static_cast<uint64_t>(i) * static_cast<uint64_t>(delta.integer_at(0)));
    }
    context.outputs = {std::move(out)};
  });
  if (!done) return unsupported(context.node, "this dtype is not counted");
  return {};
}

Status lower_range(Node& node, Lowering& lowering) {
  Value* y = node.result();
  PUMICE_TRY(DType dtype,
             carrier_of(node, y->dtype, {DType::kInt32, DType::kFloat32, DType::kInt64},
                        Carriage::kCounts));
  Value* parts[3];
  for (size_t i = 0; i < 3; ++i)
    parts[i] = lowering.reshape(carry(lowering, node.operand(i), dtype), Shape::scalar());
  Value* range = lowering.emit("RANGE", {parts[0], parts[1], parts[2]}, {}, dtype, y->shape);
  lowering.replace(node, 0, carry(lowering, range, y->dtype));
  return {};
}

Status infer_lin_space(Node& node) {
  PUMICE_CHECK(expect_operands(node, 3, 3));
  auto n = constant_integer(node.operand(2));
  if (n && *n < 1)
    return malformed(node, "the number of steps is below 1").found(std::to_string(*n));
  set_result(node, 0, node.operand(0)->dtype, Shape{n ? Dim(*n) : Dim()});
  return {};
}

Status evaluate_lin_space(EvalContext& context) {
  DType dtype = context.in(0).dtype();
  if (is_half(dtype)) return evaluate_in_float32(context, dtype, evaluate_lin_space);
  if (context.in(0).elements() != 1 || context.in(1).elements() != 1 ||
      context.in(2).elements() != 1)
    return malformed(context.node, "an operand is no single number");
  int64_t n = context.in(2).integer_at(0);
  if (n < 1) return malformed(context.node, "the number of steps is below 1");
  PUMICE_CHECK(check_allocatable(context, {n}));
  auto run = [&](auto zero) {
    using T = decltype(zero);
    T start = context.in(0).at<T>(0), stop = context.in(1).at<T>(0);
    Tensor out = Tensor::zeros(dtype, {n});
    T* to = out.mutable_as<T>();
    if (n == 1) {
      to[0] = start;
    } else {
      T step = (stop - start) / static_cast<T>(n - 1);
      for (int64_t i = 0; i + 1 < n; ++i) to[i] = start + step * static_cast<T>(i);
      to[n - 1] = stop;
    }
    context.outputs = {std::move(out)};
  };
  if (dtype == DType::kFloat32)
    run(float{});
  else if (dtype == DType::kFloat64)
    run(double{});
  else
    return malformed(context.node, "start is no floating-point number");
  return {};
}

// start + i * (stop - start) / (n - 1), and stop itself at the end.
Status lower_lin_space(Node& node, Lowering& lowering) {
  Value* y = node.result();
  PUMICE_TRY(DType dtype, carrier_of(node, y->dtype, {DType::kFloat32}, Carriage::kCounts));
  auto n = constant_integer(node.operand(2));
  if (!n) return unsupported(node, "the number of steps is not known before run time");
  if (*n > (1 << 24)) return unsupported(node, "more than 2^24 steps");
  Value* start = lowering.reshape(carry(lowering, node.operand(0), dtype), Shape::scalar());
  Value* stop = lowering.reshape(carry(lowering, node.operand(1), dtype), Shape::scalar());
  if (*n == 1) {
    lowering.replace(node, 0, carry(lowering, lowering.reshape(start, Shape{1}), y->dtype));
    return {};
  }
  std::vector<float> counted(static_cast<size_t>(*n));
  std::vector<uint8_t> last(static_cast<size_t>(*n), 0);
  for (int64_t i = 0; i < *n; ++i) counted[static_cast<size_t>(i)] = static_cast<float>(i);
  last.back() = 1;
  Value* step = lowering.binary("DIV", lowering.binary("SUB", stop, start),
                                lowering.scalar(DType::kFloat32, static_cast<double>(*n - 1)));
  Value* index = lowering.constant(Tensor::of<float>(DType::kFloat32, {*n}, counted));
  Value* line = lowering.binary("ADD", lowering.binary("MUL", index, step), start);
  Value* at_end = lowering.constant(Tensor::of<uint8_t>(DType::kBool, {*n}, last));
  line = lowering.emit("SELECT_V2", {at_end, stop, line}, {}, dtype, Shape{*n});
  lowering.replace(node, 0, carry(lowering, line, y->dtype));
  return {};
}

Result<size_t> one_hot_axis(const Node& node, size_t rank) {
  int64_t axis = node.attributes.integer("axis", -1);
  auto at = normalize_axis(axis, rank + 1);
  if (!at) return malformed(node, "the axis is out of range").found(std::to_string(axis));
  return *at;
}

Status infer_one_hot(Node& node) {
  PUMICE_CHECK(expect_operands(node, 4, 4));
  const Value* indices = node.operand(0);
  set_result(node, 0, node.operand(2)->dtype, Shape());
  if (!indices->shape.known_rank()) return {};
  PUMICE_TRY(size_t at, one_hot_axis(node, indices->shape.rank()));
  auto depth = known_elements(node.operand(1));
  std::vector<Dim> dims = indices->shape.dims();
  dims.insert(dims.begin() + static_cast<std::ptrdiff_t>(at),
              depth && depth->size() == 1 ? depth->front() : Dim());
  node.result()->shape = Shape(std::move(dims));
  return {};
}

Status evaluate_one_hot(EvalContext& context) {
  const Tensor &indices = context.in(0), &on = context.in(2), &off = context.in(3);
  if (context.in(1).elements() != 1 || on.elements() != 1 || off.elements() != 1 ||
      on.dtype() != off.dtype() || !is_integer(indices.dtype()))
    return malformed(context.node, "depth, on and off must be single elements");
  int64_t depth = context.in(1).integer_at(0);
  PUMICE_TRY(size_t at, one_hot_axis(context.node, indices.rank()));
  Dims dims = indices.dims();
  dims.insert(dims.begin() + static_cast<std::ptrdiff_t>(at), depth);
  PUMICE_CHECK(check_sizes(context, dims));
  auto steps = strides_of(dims);
  int64_t step = steps[at];
  // 1 where the on value goes; then both are picked from a pair.
  std::vector<int64_t> from(static_cast<size_t>(element_count(dims).value_or(0)), -1);
  for (int64_t i = 0; i < indices.elements() && step > 0; ++i) {
    int64_t index = indices.integer_at(i);
    if (index < 0 || index >= depth) continue;
    from[static_cast<size_t>(i / step * step * depth + index * step + i % step)] = 0;
  }
  context.outputs = {read_indexed(on.reshaped({}), dims, from, off)};
  return {};
}

Status lower_one_hot(Node& node, Lowering& lowering) {
  Value* y = node.result();
  PUMICE_TRY(DType dtype, carrier_of(node, y->dtype,
                                     {DType::kFloat32, DType::kInt8, DType::kInt32, DType::kInt64,
                                      DType::kUInt8, DType::kBool}));
  Value* indices = node.operand(0);
  if (indices->dtype != DType::kInt64) indices = lowering.as_i32(indices);
  Value* depth = lowering.reshape(lowering.as_i32(node.operand(1)), Shape::scalar());
  Value* on = lowering.reshape(carry(lowering, node.operand(2), dtype), Shape::scalar());
  Value* off = lowering.reshape(carry(lowering, node.operand(3), dtype), Shape::scalar());
  Value* hot = lowering.emit("ONE_HOT", {indices, depth, on, off},
                             {{"axis", node.attributes.integer("axis", -1)}}, dtype, y->shape);
  lowering.replace(node, 0, carry(lowering, hot, y->dtype));
  return {};
}

constexpr OpDef kOps[] = {
    {"Empty", infer_empty, evaluate_empty, lower_empty, "FILL", ""},
    {"Fill", infer_fill, evaluate_fill, lower_fill, "FILL", ""},
    {"LinSpace", infer_lin_space, evaluate_lin_space, lower_lin_space, "MUL + ADD",
     "a run-time number of steps; float64"},
    {"OneHot", infer_one_hot, evaluate_one_hot, lower_one_hot, "ONE_HOT", ""},
    {"OnesLike", infer_same_as_first, evaluate_like, lower_like, "FILL", ""},
    {"Range", infer_range, evaluate_range, lower_range, "RANGE", "float64, uint64"},
    {"ZerosLike", infer_same_as_first, evaluate_like, lower_like, "ZEROS_LIKE", ""},
};

}  // namespace

std::span<const OpDef> fill_ops() { return kOps; }

}  // namespace pumice
