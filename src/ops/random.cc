// Random numbers. They fold nowhere and cannot be compared: only dtype and shape are sure.
#include "ops/carrier.h"
#include "ops/families.h"
#include "ops/infer.h"

namespace pumice {
namespace {

Status infer_random(Node& node) {
  PUMICE_CHECK(expect_operands(node, 1, 1));
  Shape shape;
  const Value* sizes = node.operand(0);
  if (auto dims = elements_as_dims(sizes))
    shape = Shape(*dims);
  else if (sizes->shape.is_rank(1) && sizes->shape[0].known() && sizes->shape[0].size() <= 64)
    shape = Shape::of_rank(static_cast<size_t>(sizes->shape[0].size()));
  set_result(node, 0, node.attributes.dtype("dtype", DType::kFloat32), std::move(shape));
  return {};
}

Status lower_random(Node& node, Lowering& lowering) {
  Value* y = node.result();
  PUMICE_TRY(DType dtype, carrier_of(node, y->dtype, {DType::kFloat32}, Carriage::kCounts));
  Value* sizes = y->shape.fully_known() ? lowering.constant_i32(y->shape.sizes())
                                        : lowering.as_i32(node.operand(0));
  Attributes seeds{{"seed", node.attributes.integer("seed")},
                   {"seed2", node.attributes.integer("seed2")}};
  Value* out = lowering.emit(node.is("RandomUniform") ? "RANDOM_UNIFORM" : "RANDOM_STANDARD_NORMAL",
                             {sizes}, std::move(seeds), dtype, y->shape);
  lowering.replace(node, 0, carry(lowering, out, y->dtype));
  return {};
}

// Multinomial(logits [batch, classes], samples)
Status infer_multinomial(Node& node) {
  PUMICE_CHECK(expect_operands(node, 2, 2));
  const Shape& logits = node.operand(0)->shape;
  auto samples = known_elements(node.operand(1));
  set_result(node, 0, node.attributes.dtype("output_dtype", DType::kInt64),
             Shape{logits.is_rank(2) ? logits[0] : Dim(),
                   samples && samples->size() == 1 ? samples->front() : Dim()});
  return {};
}

Status lower_multinomial(Node& node, Lowering& lowering) {
  Value* y = node.result();
  PUMICE_TRY(DType dtype,
             carrier_of(node, node.operand(0)->dtype, {DType::kFloat32}, Carriage::kCounts));
  Attributes seeds{{"seed", node.attributes.integer("seed")},
                   {"seed2", node.attributes.integer("seed2")}};
  Value* samples = lowering.reshape(lowering.as_i32(node.operand(1)), Shape::scalar());
  lowering.replace(node, 0,
                   lowering.emit("MULTINOMIAL", {carry(lowering, node.operand(0), dtype), samples},
                                 std::move(seeds), y->dtype, y->shape));
  return {};
}

constexpr OpDef kOps[] = {
    {"Multinomial", infer_multinomial, nullptr, lower_multinomial, "MULTINOMIAL", "float64"},
    {"RandomStandardNormal", infer_random, nullptr, lower_random, "RANDOM_STANDARD_NORMAL",
     "float64"},
    {"RandomUniform", infer_random, nullptr, lower_random, "RANDOM_UNIFORM", "float64"},
};

}  // namespace

std::span<const OpDef> random_ops() { return kOps; }

}  // namespace pumice
