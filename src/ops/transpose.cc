// Transposition, and permutations as data.
#include <algorithm>

#include "ops/carrier.h"
#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/movement.h"

namespace pumice {
namespace {

bool is_permutation(const std::vector<int64_t>& perm) {
  std::vector<bool> seen(perm.size(), false);
  for (int64_t p : perm) {
    if (p < 0 || p >= static_cast<int64_t>(perm.size()) || seen[static_cast<size_t>(p)])
      return false;
    seen[static_cast<size_t>(p)] = true;
  }
  return true;
}

Error not_a_permutation(const Node& node, const std::vector<int64_t>& perm) {
  return malformed(node, "perm is no permutation of the axes").found(to_string(perm));
}

// TensorFlow takes negative axes in perm.
void normalize(std::vector<int64_t>& perm) {
  for (int64_t& p : perm)
    if (p < 0) p += static_cast<int64_t>(perm.size());
}

Status infer_transpose(Node& node) {
  PUMICE_CHECK(expect_operands(node, 2, 2));
  const Value* x = node.operand(0);
  set_result(node, 0, x->dtype, Shape());
  auto perm = constant_integers(node.operand(1), 64);
  if (!perm) {
    if (x->shape.known_rank()) node.result()->shape = Shape::of_rank(x->shape.rank());
    return {};
  }
  normalize(*perm);
  if (!is_permutation(*perm)) return not_a_permutation(node, *perm);
  Shape shape = Shape::of_rank(perm->size());
  if (x->shape.known_rank()) {
    if (x->shape.rank() != perm->size())
      return malformed(node, "perm has another length than the input has axes")
          .expected(std::to_string(x->shape.rank()))
          .found(std::to_string(perm->size()));
    for (size_t i = 0; i < perm->size(); ++i) shape[i] = x->shape[static_cast<size_t>((*perm)[i])];
  }
  node.result()->shape = std::move(shape);
  if (perm->size() <= 1) node.result()->partial = known_elements(x).value_or(std::vector<Dim>{});
  return {};
}

Status evaluate_transpose(EvalContext& context) {
  const Tensor& x = context.in(0);
  std::vector<int64_t> perm = context.in(1).integers();
  normalize(perm);
  if (perm.size() != x.rank() || !is_permutation(perm))
    return not_a_permutation(context.node, perm);
  auto strides = strides_of(x.dims());
  Dims dims;
  std::vector<int64_t> steps;
  for (int64_t p : perm) {
    dims.push_back(x.dims()[static_cast<size_t>(p)]);
    steps.push_back(strides[static_cast<size_t>(p)]);
  }
  context.outputs = {read_strided(x, std::move(dims), 0, steps)};
  return {};
}

Status lower_transpose(Node& node, Lowering& lowering) {
  Value* x = node.operand(0);
  auto perm = constant_integers(node.operand(1), 64);
  if (!perm) return unsupported(node, "perm is not known before run time");
  normalize(*perm);
  if (perm->size() > 8) return unsupported(node, "TensorFlow Lite transposes at most 8 axes");
  lowering.replace(node, 0, lowering.transpose(x, {perm->begin(), perm->end()}));
  return {};
}

Status lower_conjugate_transpose(Node& node, Lowering& lowering) {
  if (is_complex(node.operand(0)->dtype))
    return unsupported(node, "TensorFlow Lite has no complex conjugate");
  return lower_transpose(node, lowering);
}

Status evaluate_conjugate_transpose(EvalContext& context) {
  PUMICE_CHECK(evaluate_transpose(context));
  Tensor& y = context.outputs[0];
  auto conjugate = [&](auto number) {
    using T = decltype(number);
    auto values = std::vector<T>(static_cast<size_t>(2 * y.elements()));
    std::memcpy(values.data(), y.data(), y.bytes().size());
    for (size_t i = 1; i < values.size(); i += 2) values[i] = -values[i];
    y = Tensor::of<T>(y.dtype(), y.dims(), values);
  };
  if (y.dtype() == DType::kComplex64) conjugate(float{});
  if (y.dtype() == DType::kComplex128) conjugate(double{});
  return {};
}

Status evaluate_invert(EvalContext& context) {
  std::vector<int64_t> perm = context.in(0).integers();
  if (context.in(0).rank() != 1 || !is_permutation(perm))
    return not_a_permutation(context.node, perm);
  std::vector<int64_t> inverse(perm.size());
  for (size_t i = 0; i < perm.size(); ++i)
    inverse[static_cast<size_t>(perm[i])] = static_cast<int64_t>(i);
  DType dtype = context.in(0).dtype();
  auto n = static_cast<int64_t>(perm.size());
  context.outputs = {dtype == DType::kInt64 ? Tensor::of<int64_t>(dtype, {n}, inverse)
                                            : Tensor::vector_i32(inverse)};
  return {};
}

// y[x[i]] = i
Status lower_invert(Node& node, Lowering& lowering) {
  Value* x = node.operand(0);
  if (!x->shape.is_rank(1) || !x->shape[0].known())
    return unsupported(node, "the permutation's length is not known before run time");
  int64_t n = x->shape[0].size();
  std::vector<int64_t> counted(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) counted[static_cast<size_t>(i)] = i;
  Value* indices = lowering.reshape(lowering.as_i32(x), Shape{n, 1});
  Value* y = lowering.emit("SCATTER_ND",
                           {indices, lowering.constant_i32(counted), lowering.constant_i32({n})},
                           {}, DType::kInt32, Shape{n});
  lowering.replace(node, 0, lowering.cast(y, x->dtype));
  return {};
}

constexpr OpDef kOps[] = {
    {"ConjugateTranspose", infer_transpose, evaluate_conjugate_transpose, lower_conjugate_transpose,
     "TRANSPOSE", "complex dtypes; a run-time perm"},
    {"InvertPermutation", infer_same_as_first, evaluate_invert, lower_invert, "SCATTER_ND",
     "a permutation of unknown length"},
    {"Transpose", infer_transpose, evaluate_transpose, lower_transpose, "TRANSPOSE",
     "a run-time perm; more than 8 axes"},
};

}  // namespace

std::span<const OpDef> transpose_ops() { return kOps; }

}  // namespace pumice
