#include "ops/eval.h"

#include "ops/infer.h"

namespace pumice {

Status evaluate_in_float32(EvalContext& context, DType result, Status (*f)(EvalContext&)) {
  EvalContext wide{context.node, context.inputs, {}, context.model};
  for (Tensor& t : wide.inputs)
    if (is_half(t.dtype())) t = cast_tensor(t, DType::kFloat32);
  PUMICE_CHECK(f(wide));
  for (Tensor& t : wide.outputs)
    if (t.dtype() == DType::kFloat32) t = cast_tensor(t, result);
  context.outputs = std::move(wide.outputs);
  return {};
}

Result<Dims> broadcast_dims(const EvalContext& context, const Dims& a, const Dims& b) {
  auto shape = broadcast(Shape(a), Shape(b));
  if (!shape)
    return malformed(context.node, "the operands' shapes cannot be broadcast")
        .found(to_string(a) + " and " + to_string(b));
  Dims dims = shape->sizes();
  PUMICE_CHECK(check_allocatable(context, dims));
  return dims;
}

Status check_allocatable(const EvalContext& context, const Dims& dims) {
  auto n = element_count(dims);
  if (n && *n <= (int64_t{1} << 31)) return {};
  return Error(ErrorCode::kTooLarge, "the result is too large to be computed")
      .at(context.node.name, context.node.op)
      .found(to_string(dims));
}

}  // namespace pumice
