// Running sums and products along an axis.
#include "ops/carrier.h"
#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"

namespace pumice {
namespace {

Error bad_axis(const Node& node, int64_t axis, size_t rank) {
  return malformed(node, "the axis is out of range")
      .expected("an axis of a tensor of rank " + std::to_string(rank))
      .found(std::to_string(axis));
}

Status infer_cumulative(Node& node) {
  PUMICE_CHECK(expect_operands(node, 2, 2));
  const Value* x = node.operand(0);
  set_result(node, 0, x->dtype, x->shape);
  auto axis = constant_integer(node.operand(1));
  if (axis && x->shape.known_rank() && !normalize_axis(*axis, x->shape.rank()))
    return bad_axis(node, *axis, x->shape.rank());
  return {};
}

Status evaluate_cumulative(EvalContext& context) {
  const Tensor& x = context.in(0);
  if (is_half(x.dtype())) return evaluate_in_float32(context, x.dtype(), evaluate_cumulative);
  if (context.in(1).elements() != 1)
    return malformed(context.node, "the axis is no single integer");
  auto axis = normalize_axis(context.in(1).integer_at(0), x.rank());
  if (!axis) return bad_axis(context.node, context.in(1).integer_at(0), x.rank());
  bool exclusive = context.node.attributes.boolean("exclusive");
  bool reverse = context.node.attributes.boolean("reverse");
  bool product = context.node.is("Cumprod");
  int64_t n = x.dims()[*axis], step = strides_of(x.dims())[*axis];
  bool done = visit_number(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    if constexpr (!std::is_same_v<T, bool>) {
      Tensor out = Tensor::zeros(x.dtype(), x.dims());
      T* to = out.mutable_as<T>();
      for (int64_t line = 0; n > 0 && line < x.elements() / n; ++line) {
        int64_t first = line / step * step * n + line % step;
        T total = product ? T(1) : T(0);
        for (int64_t i = 0; i < n; ++i) {
          int64_t at = first + (reverse ? n - 1 - i : i) * step;
          T value = x.at<T>(at);
          T next;
          if constexpr (std::is_integral_v<T>) {  // wraps around
            auto a = static_cast<uint64_t>(total), b = static_cast<uint64_t>(value);
            next = static_cast<T>(product ? a * b : a + b);
          } else {
            next = product ? total * value : total + value;
          }
          to[at] = exclusive ? total : next;
          total = next;
        }
      }
      context.outputs = {std::move(out)};
    }
  });
  if (!done || context.outputs.empty())
    return unsupported(context.node, "this dtype is not summed");
  return {};
}

Status lower_cumsum(Node& node, Lowering& lowering) {
  Value* x = node.operand(0);
  PUMICE_TRY(DType dtype,
             carrier_of(node, x->dtype, {DType::kFloat32, DType::kInt32, DType::kInt64},
                        Carriage::kCounts));
  Value* axis = lowering.reshape(lowering.as_i32(node.operand(1)), Shape::scalar());
  Value* y = lowering.emit("CUMSUM", {carry(lowering, x, dtype), axis},
                           {{"exclusive", node.attributes.boolean("exclusive")},
                            {"reverse", node.attributes.boolean("reverse")}},
                           dtype, x->shape);
  lowering.replace(node, 0, carry(lowering, y, x->dtype));
  return {};
}

// There is no kernel: after log2(n) rounds, each multiplying by the elements 1, 2, 4… before, every
// element holds the product of all up to it. What would come from before the beginning is 1.
Status lower_cumprod(Node& node, Lowering& lowering) {
  Value* x = node.operand(0);
  PUMICE_TRY(DType dtype,
             carrier_of(node, x->dtype, {DType::kFloat32, DType::kInt32, DType::kInt64},
                        Carriage::kCounts));
  auto axis = constant_integer(node.operand(1));
  if (!axis || !x->shape.known_rank())
    return unsupported(node, "the axis is not known before run time");
  size_t at = *normalize_axis(*axis, x->shape.rank());
  if (!x->shape[at].known())
    return unsupported(node, "the axis has a size that is not known before run time");
  if (x->shape.rank() > 5) return unsupported(node, "more than 5 axes");
  int64_t n = x->shape[at].size();
  bool reverse = node.attributes.boolean("reverse");
  Value* one = lowering.scalar(dtype, 1);
  // y moved by `by` places away from the beginning, ones coming in.
  auto moved = [&](Value* y, int64_t by) {
    std::vector<int64_t> begin(x->shape.rank(), 0), size(x->shape.rank(), -1);
    if (reverse) begin[at] = by;
    size[at] = n - by;
    Value* part = lowering.slice(y, begin, size);
    std::vector<std::pair<int64_t, int64_t>> paddings(x->shape.rank(), {0, 0});
    paddings[at] = reverse ? std::pair(int64_t{0}, by) : std::pair(by, int64_t{0});
    Value* out = lowering.pad(part, paddings, one);
    out->shape = x->shape;
    return out;
  };
  Value* y = carry(lowering, x, dtype);
  if (node.attributes.boolean("exclusive") && n > 0) y = moved(y, 1);
  for (int64_t by = 1; by < n; by *= 2)
    y = lowering.emit("MUL", {y, moved(y, by)}, {}, dtype, x->shape);
  lowering.replace(node, 0, carry(lowering, y, x->dtype));
  return {};
}

constexpr OpDef kOps[] = {
    {"Cumprod", infer_cumulative, evaluate_cumulative, lower_cumprod, "PADV2 + MUL",
     "an axis of unknown size; more than 5 axes; float64"},
    {"Cumsum", infer_cumulative, evaluate_cumulative, lower_cumsum, "CUMSUM", "float64"},
};

}  // namespace

std::span<const OpDef> cumulative_ops() { return kOps; }

}  // namespace pumice
