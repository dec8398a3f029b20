// Conversions between dtypes: of the values (Cast) and of the bytes (Bitcast).
#include <cstring>

#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/lowering.h"

namespace pumice {
namespace {

Status infer_cast(Node& node) {
  PUMICE_CHECK(expect_operands(node, 1, 1));
  const DType to = node.attributes.dtype("DstT");
  if (to == DType::kInvalid) return malformed(node, "has no attribute DstT");
  set_result(node, 0, to, node.operand(0)->shape);
  if (is_integer(to) && element_size(to) >= 4 && is_integer(node.operand(0)->dtype))
    node.result()->partial = known_elements(node.operand(0)).value_or(std::vector<Dim>{});
  return {};
}

/// Truncate means: drop the mantissa's low bits instead of rounding.
bool truncates(const Node& node, DType from) {
  const DType to = node.attributes.dtype("DstT");
  return node.attributes.boolean("Truncate") && is_half(to) &&
         (from == DType::kFloat32 || from == DType::kFloat64);
}

/// Mantissa bits of float32 that a half precision type has no room for.
int cut_bits(DType to) { return to == DType::kFloat16 ? 13 : 16; }

Status evaluate_cast(EvalContext& context) {
  const Tensor& x = context.in(0);
  const DType to = context.node.attributes.dtype("DstT");
  if (!castable(x.dtype(), to))
    return unsupported(context.node, "is not evaluated for this dtype")
        .found(std::string(dtype_name(x.dtype())));
  if (!truncates(context.node, x.dtype())) {
    context.outputs = {cast_tensor(x, to)};
    return {};
  }
  Tensor narrow = cast_tensor(x, DType::kFloat32);
  const int cut_off = cut_bits(to);
  Tensor cut = Tensor::zeros(DType::kFloat32, x.dims());
  for (int64_t i = 0; i < x.elements(); ++i)
    cut.mutable_as<uint32_t>()[i] = narrow.at<uint32_t>(i) >> cut_off << cut_off;
  context.outputs = {cast_tensor(cut, to)};
  return {};
}

bool has_cast_kernel(DType dtype) {
  return dtype == DType::kFloat32 || dtype == DType::kFloat16 || dtype == DType::kFloat64 ||
         dtype == DType::kBool || dtype == DType::kComplex64 || dtype == DType::kBFloat16 ||
         (is_integer(dtype) && dtype != DType::kUInt64 && dtype != DType::kInt4);
}

Status lower_cast(Node& node, Lowering& lowering) {
  const DType from = node.operand(0)->dtype, to = node.result()->dtype;
  for (DType dtype : {from, to})
    if (from != to && !has_cast_kernel(dtype))
      return unsupported(node, "TensorFlow Lite does not cast this dtype")
          .found(std::string(dtype_name(dtype)));
  Value* x = node.operand(0);
  if (truncates(node, from)) {
    if (from != DType::kFloat32)
      return unsupported(node, "only float32 is cut").found(std::string(dtype_name(from)));
    // The bits as an integer, less the remainder that holds the lowest of them.
    Value* bits = lowering.emit("BITCAST", {x}, {}, DType::kInt32, x->shape);
    Value* unit = lowering.scalar(DType::kInt32, 1 << cut_bits(to));
    bits = lowering.binary("SUB", bits, lowering.binary("FLOOR_MOD", bits, unit));
    x = lowering.emit("BITCAST", {bits}, {}, from, x->shape);
  }
  lowering.replace(node, 0, lowering.cast(x, to));
  return {};
}

Result<Shape> bitcast_shape(const Node& node, DType from, DType to, Shape shape) {
  const size_t in = element_size(from), out = element_size(to);
  if (in == 0 || out == 0)
    return malformed(node, "its dtypes have no fixed size")
        .found(std::string(dtype_name(from)) + " and " + std::string(dtype_name(to)));
  if (!shape.known_rank() || in == out) return shape;
  if (in > out) {
    shape.dims().push_back(static_cast<int64_t>(in / out));
    return shape;
  }
  const auto group = static_cast<int64_t>(out / in);
  if (shape.rank() == 0 || (shape.dims().back().known() && shape.dims().back().size() != group))
    return malformed(node, "the last dimension does not hold one element of the new dtype")
        .expected(std::to_string(group))
        .found(to_string(shape));
  shape.dims().pop_back();
  return shape;
}

Status infer_bitcast(Node& node) {
  PUMICE_CHECK(expect_operands(node, 1, 1));
  const DType to = node.attributes.dtype("type");
  PUMICE_TRY(Shape shape, bitcast_shape(node, node.operand(0)->dtype, to, node.operand(0)->shape));
  set_result(node, 0, to, std::move(shape));
  return {};
}

Status evaluate_bitcast(EvalContext& context) {
  const Tensor& x = context.in(0);
  const DType to = context.node.attributes.dtype("type");
  PUMICE_TRY(Shape shape, bitcast_shape(context.node, x.dtype(), to, Shape(x.dims())));
  context.outputs = {Tensor(to, shape.sizes(), x.bytes())};
  return {};
}

Status lower_bitcast(Node& node, Lowering& lowering) {
  const DType from = node.operand(0)->dtype, to = node.result()->dtype;
  for (DType dtype : {from, to})
    if (dtype_to_tflite(dtype) < 0 || is_complex(dtype))
      return unsupported(node, "TensorFlow Lite does not cast this dtype")
          .found(std::string(dtype_name(dtype)));
  if (from == to) {
    lowering.replace(node, 0, node.operand(0));
    return {};
  }
  lowering.replace(node, 0,
                   lowering.emit("BITCAST", {node.operand(0)}, {}, to, node.result()->shape));
  return {};
}

constexpr OpDef kOps[] = {
    {"Bitcast", infer_bitcast, evaluate_bitcast, lower_bitcast, "BITCAST", "no complex types"},
    {"Cast", infer_cast, evaluate_cast, lower_cast, "CAST", "no uint64, no complex128, no strings"},
};

}  // namespace

std::span<const OpDef> cast_ops() { return kOps; }

}  // namespace pumice
