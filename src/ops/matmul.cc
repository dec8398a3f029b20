// Matrix products: MatMul and the BatchMatMuls.
#include "ops/matmul.h"

#include <algorithm>

#include "ops/carrier.h"
#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/matrix_product.h"
#include "ops/window.h"
#include "tflite/enums.h"

namespace pumice {
namespace {

constexpr size_t kLargestRank = 5;  // of BATCH_MATMUL

bool transposes(const Node& node, int operand) {
  return operand == 0 ? node.attributes.boolean("transpose_a") || node.attributes.boolean("adj_x")
                      : node.attributes.boolean("transpose_b") || node.attributes.boolean("adj_y");
}

std::vector<int> swap_last(size_t rank) {
  std::vector<int> perm;
  for (size_t i = 0; i < rank; ++i) perm.push_back(static_cast<int>(i));
  if (rank >= 2) std::swap(perm[rank - 1], perm[rank - 2]);
  return perm;
}

DType result_dtype(const Node& node) {
  return node.attributes.dtype("Tout", node.operand(0)->dtype);
}

Status evaluate(EvalContext& context) {
  DType dtype = context.node.attributes.dtype("Tout", context.in(0).dtype());
  if (is_half(dtype)) dtype = DType::kFloat32;
  Tensor x = context.in(0), y = context.in(1);
  if (!castable(x.dtype(), dtype) || !castable(y.dtype(), dtype))
    return unsupported(context.node, "a product of " + std::string(dtype_name(x.dtype())));
  PUMICE_TRY(Tensor out, matmul_of(context, cast_tensor(x, dtype), cast_tensor(y, dtype),
                                   transposes(context.node, 0), transposes(context.node, 1)));
  context.outputs = {std::move(out)};
  return {};
}

Status lower_matmul(Node& node, Lowering& lowering) {
  DType result = result_dtype(node);
  PUMICE_TRY(DType in, carrier_of(node, result, kProductTypes, Carriage::kWraps));
  // Products of narrow integers are summed up in the result's dtype.
  PUMICE_TRY(Value * y, lower_to_matmul(node, lowering.cast(node.operand(0), in),
                                        lowering.cast(node.operand(1), in), transposes(node, 0),
                                        transposes(node, 1), lowering));
  lowering.replace(node, 0, lowering.cast(y, result));
  return {};
}

/// [..., r, c] with a new dimension of 1 at `axis`.
Value* expand(Value* x, size_t axis, Lowering& lowering) {
  Shape shape = x->shape;
  shape.dims().insert(shape.dims().begin() + static_cast<std::ptrdiff_t>(axis), Dim(1));
  return lowering.emit("EXPAND_DIMS",
                       {x, lowering.constant(Tensor::scalar_i32(static_cast<int32_t>(axis)))}, {},
                       x->dtype, shape);
}

/// The runtime multiplies no integer matrices: Σ over K of [..., M, K, 1] · [..., 1, K, N].
Result<Value*> sum_of_products(const Node& node, Value* x, Value* y, const Shape& result,
                               Lowering& lowering) {
  size_t rank = std::max(x->shape.rank(), y->shape.rank());
  if (rank > 4) return unsupported(node, "a product of integers of more than four dimensions");
  Value* a = expand(x, x->shape.rank(), lowering);
  Value* b = expand(y, y->shape.rank() - 2, lowering);
  Value* products = lowering.binary("MUL", a, b);
  return lowering.emit("SUM", {products, lowering.constant_i32({static_cast<int64_t>(rank) - 1})},
                       {{"keep_dims", false}}, x->dtype, result);
}

/// Runs [from, to) of batch dimensions that are the same in both operands, merged until no more
/// than `most` are left; empty where that cannot be done.
std::vector<std::pair<size_t, size_t>> merged_batch(const Shape& x, const Shape& y, size_t most) {
  if (x.rank() != y.rank()) return {};
  std::vector<std::pair<size_t, size_t>> runs;
  auto same = [&](size_t i) { return x[i].same_as(y[i]); };
  size_t batch = x.rank() - 2, left = batch;
  for (size_t i = 0; i < batch; ++i) {
    if (!runs.empty() && left > most && same(i) && same(i - 1)) {
      runs.back().second = i + 1;
      --left;
    } else {
      runs.emplace_back(i, i + 1);
    }
  }
  return left > most ? std::vector<std::pair<size_t, size_t>>() : runs;
}

/// x with each run of batch dimensions as one.
Value* merge_batch(Value* x, const std::vector<std::pair<size_t, size_t>>& runs,
                   Lowering& lowering) {
  const Shape s = x->shape;
  std::vector<Dim> dims;
  std::vector<Value*> sizes;
  for (auto [from, to] : runs) {
    Dim d = 1;
    Value* size = nullptr;
    for (size_t i = from; i < to; ++i) {
      d = d * s[i];
      Value* one = lowering.size_of(x, i);
      size = size ? lowering.binary("MUL", size, one) : one;
    }
    dims.push_back(d);
    sizes.push_back(size);
  }
  for (size_t i = s.rank() - 2; i < s.rank(); ++i) {
    dims.push_back(s[i]);
    sizes.push_back(lowering.size_of(x, i));
  }
  return reshape_to(x, Shape(std::move(dims)), sizes, lowering);
}

}  // namespace

Status infer_matmul(Node& node) {
  PUMICE_CHECK(expect_operands(node, 2, SIZE_MAX));
  Shape x = node.operand(0)->shape, y = node.operand(1)->shape;
  if (node.is("MatMul") || node.is("_FusedMatMul")) {
    if (!x.known_rank()) x = Shape::of_rank(2);
    if (!y.known_rank()) y = Shape::of_rank(2);
    if (x.rank() != 2 || y.rank() != 2)
      return malformed(node, "an operand is no matrix")
          .found(to_string(x) + " and " + to_string(y));
  }
  PUMICE_TRY(Shape out, matmul_shape(node, x, y, transposes(node, 0), transposes(node, 1)));
  set_result(node, 0, result_dtype(node), std::move(out));
  return {};
}

Result<Shape> matmul_shape(const Node& node, Shape x, Shape y, bool transpose_x, bool transpose_y) {
  if (!x.known_rank() || !y.known_rank()) return Shape();
  if (x.rank() < 2 || y.rank() < 2)
    return malformed(node, "an operand is no matrix").found(to_string(x) + " and " + to_string(y));
  if (transpose_x) std::swap(x[x.rank() - 1], x[x.rank() - 2]);
  if (transpose_y) std::swap(y[y.rank() - 1], y[y.rank() - 2]);
  auto batch = [](const Shape& s) {
    return Shape(std::vector<Dim>(s.dims().begin(), s.dims().end() - 2));
  };
  auto out = broadcast(batch(x), batch(y));
  if (!out || !merge(x[x.rank() - 1], y[y.rank() - 2]))
    return malformed(node, "the matrices do not fit").found(to_string(x) + " and " + to_string(y));
  out->dims().push_back(x[x.rank() - 2]);
  out->dims().push_back(y[y.rank() - 1]);
  return *std::move(out);
}

Result<Tensor> matmul_of(EvalContext& context, Tensor x, Tensor y, bool transpose_x,
                         bool transpose_y) {
  PUMICE_TRY(Shape shape, matmul_shape(context.node, x.dims(), y.dims(), transpose_x, transpose_y));
  if (transpose_x) x = Constant(x).then(Permute{swap_last(x.rank())}).materialize();
  if (transpose_y) y = Constant(y).then(Permute{swap_last(y.rank())}).materialize();
  if (x.dtype() != y.dtype()) return malformed(context.node, "operands of two dtypes");
  Dims dims = shape.sizes();
  PUMICE_CHECK(check_allocatable(context, dims));
  Tensor out = Tensor::zeros(x.dtype(), dims);
  int64_t m = dims[dims.size() - 2], n = dims.back(), k = x.dims().back();
  auto batch = [](const Dims& d) { return Dims(d.begin(), d.end() - 2); };
  bool done =
      out.elements() == 0 || visit_number(x.dtype(), [&](auto type) {
        using T = decltype(type);
        if constexpr (!std::is_same_v<T, bool>) {
          Elements<T> a(x), b(y);
          T* to = out.mutable_as<T>();
          for_each_broadcast(batch(dims), batch(x.dims()), batch(y.dims()),
                             [&](int64_t i, int64_t ia, int64_t ib) {
                               matrix_product(a.data() + ia * m * k, k, b.data() + ib * k * n, n,
                                              to + i * m * n, n, m, k, n);
                             });
        }
      });
  if (!done || x.dtype() == DType::kBool)
    return unsupported(context.node, "a product of " + std::string(dtype_name(x.dtype())));
  return out;
}

Status evaluate_matmul(EvalContext& context) {
  if (context.inputs.size() != 2) return malformed(context.node, "a product takes two inputs");
  DType dtype = context.node.attributes.dtype("Tout", context.in(0).dtype());
  if (is_half(dtype)) return evaluate_in_float32(context, dtype, evaluate);
  return evaluate(context);
}

Result<Value*> lower_to_matmul(const Node& node, Value* x, Value* y, bool transpose_x,
                               bool transpose_y, Lowering& lowering) {
  PUMICE_TRY(Shape result, matmul_shape(node, x->shape, y->shape, transpose_x, transpose_y));
  if (!result.known_rank()) {
    if (x->dtype != DType::kFloat32)
      return unsupported(node, "the rank is not known before run time");
    return lowering.emit("BATCH_MATMUL", {x, y}, {{"adj_x", transpose_x}, {"adj_y", transpose_y}},
                         x->dtype, Shape());
  }
  if (x->dtype != DType::kFloat32) {
    if (transpose_x) x = lowering.transpose(x, swap_last(x->shape.rank()));
    if (transpose_y) y = lowering.transpose(y, swap_last(y->shape.rank()));
    return sum_of_products(node, x, y, result, lowering);
  }
  if (constant_of(y) && y->shape.rank() == 2 && !(x->shape.rank() > 2 && transpose_x)) {
    if (transpose_x) x = lowering.transpose(x, {1, 0});
    if (!transpose_y) y = lowering.transpose(y, {1, 0});
    return lowering.emit("FULLY_CONNECTED", {x, y, nullptr},
                         {{"keep_num_dims", x->shape.rank() > 2}}, x->dtype, result);
  }
  Attributes attributes{{"adj_x", transpose_x}, {"adj_y", transpose_y}};
  if (result.rank() <= kLargestRank)
    return lowering.emit("BATCH_MATMUL", {x, y}, attributes, x->dtype, result);
  // Too many batch dimensions for the kernel: those that are the same in both operands become one.
  auto runs = merged_batch(x->shape, y->shape, kLargestRank - 2);
  if (runs.empty()) return unsupported(node, "a broadcast product of more than five dimensions");
  Value *a = merge_batch(x, runs, lowering), *b = merge_batch(y, runs, lowering);
  PUMICE_TRY(Shape merged, matmul_shape(node, a->shape, b->shape, transpose_x, transpose_y));
  Value* z = lowering.emit("BATCH_MATMUL", {a, b}, attributes, x->dtype, merged);
  std::vector<Value*> sizes;
  for (size_t r = 0; r < runs.size(); ++r)
    for (size_t i = runs[r].first; i < runs[r].second; ++i)
      sizes.push_back(runs[r].second == runs[r].first + 1 ? lowering.size_of(z, r)
                                                          : lowering.size_of(x, i));
  sizes.push_back(lowering.size_of(z, runs.size()));
  sizes.push_back(lowering.size_of(z, runs.size() + 1));
  return reshape_to(z, result, sizes, lowering);
}

namespace {

constexpr std::string_view kLimits = "no float64; products of integers up to four dimensions";

constexpr OpDef kOps[] = {
    {"BatchMatMul", infer_matmul, evaluate_matmul, lower_matmul, "BATCH_MATMUL or FULLY_CONNECTED",
     kLimits},
    {"BatchMatMulV2", infer_matmul, evaluate_matmul, lower_matmul,
     "BATCH_MATMUL or FULLY_CONNECTED", kLimits},
    {"BatchMatMulV3", infer_matmul, evaluate_matmul, lower_matmul,
     "BATCH_MATMUL or FULLY_CONNECTED", kLimits},
    {"MatMul", infer_matmul, evaluate_matmul, lower_matmul, "FULLY_CONNECTED or BATCH_MATMUL",
     kLimits},
};

}  // namespace

std::span<const OpDef> matmul_ops() { return kOps; }

}  // namespace pumice
