// Repetition along axes.
#include "ops/carrier.h"
#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/movement.h"

namespace pumice {
namespace {

Error bad_multiples(const Node& node, size_t rank) {
  return malformed(node, "multiples need one element of at least 0 for each axis")
      .expected(std::to_string(rank) + " elements");
}

Status infer_tile(Node& node) {
  PUMICE_CHECK(expect_operands(node, 2, 2));
  const Value* x = node.operand(0);
  set_result(node, 0, x->dtype, Shape());
  auto multiples = elements_as_dims(node.operand(1));
  if (!x->shape.known_rank()) {
    if (multiples) node.result()->shape = Shape::of_rank(multiples->size());
    return {};
  }
  Shape shape = Shape::of_rank(x->shape.rank());
  if (multiples) {
    if (multiples->size() != x->shape.rank()) return bad_multiples(node, x->shape.rank());
    for (size_t i = 0; i < shape.rank(); ++i) shape[i] = x->shape[i] * (*multiples)[i];
  }
  node.result()->shape = std::move(shape);
  if (x->shape.is_rank(1) && multiples && (*multiples)[0].known())
    if (auto elements = known_elements(x);
        elements && (*multiples)[0].size() <= 64 && elements->size() <= 64)
      for (int64_t i = 0; i < (*multiples)[0].size(); ++i)
        node.result()->partial.insert(node.result()->partial.end(), elements->begin(),
                                      elements->end());
  return {};
}

Status evaluate_tile(EvalContext& context) {
  const Tensor& x = context.in(0);
  Dims multiples = context.in(1).integers();
  if (multiples.size() != x.rank()) return bad_multiples(context.node, x.rank());
  // Read with twice the axes: a repeat of step 0 before each axis.
  Dims dims, doubled;
  std::vector<int64_t> steps, own = strides_of(x.dims());
  for (size_t i = 0; i < x.rank(); ++i) {
    int64_t size;
    if (multiples[i] < 0 || __builtin_mul_overflow(multiples[i], x.dims()[i], &size))
      return bad_multiples(context.node, x.rank());
    dims.push_back(size);
    doubled.insert(doubled.end(), {multiples[i], x.dims()[i]});
    steps.insert(steps.end(), {0, own[i]});
  }
  PUMICE_CHECK(check_allocatable(context, dims));
  context.outputs = {read_strided(x, doubled, 0, steps).reshaped(dims)};
  return {};
}

Status lower_tile(Node& node, Lowering& lowering) {
  Value* x = node.operand(0);
  const Shape& to = node.result()->shape;
  auto multiples = constant_integers(node.operand(1), 64);
  bool once = multiples.has_value();
  if (multiples)
    for (int64_t m : *multiples) once &= m == 1;
  lowering.replace(
      node, 0,
      once ? x : lowering.emit("TILE", {x, lowering.as_i32(node.operand(1))}, {}, x->dtype, to));
  return {};
}

constexpr OpDef kOps[] = {
    {"Tile", infer_tile, evaluate_tile, lower_tile, "TILE", ""},
};

}  // namespace

std::span<const OpDef> tile_ops() { return kOps; }

}  // namespace pumice
