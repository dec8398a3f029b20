// The largest elements and their places.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "ops/carrier.h"
#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"

namespace pumice {
namespace {

// TopK has k as an attribute, TopKV2 as an operand.
Status infer_top_k(Node& node) {
  bool with_operand = node.is("TopKV2");
  PUMICE_CHECK(expect_operands(node, with_operand ? 2 : 1, with_operand ? 2 : 1));
  const Value* x = node.operand(0);
  Dim k = node.attributes.integer("k");
  if (with_operand) {
    auto known = known_elements(node.operand(1));
    k = known && known->size() == 1 ? known->front() : Dim::unknown();
  }
  Shape shape = x->shape;
  if (shape.known_rank()) {
    if (shape.rank() == 0) return malformed(node, "the input is a scalar");
    Dim& last = shape[shape.rank() - 1];
    if (last.known() && k.known() && last.size() < k.size())
      return malformed(node, "the last axis holds fewer than k elements")
          .expected(std::to_string(k.size()))
          .found(to_string(x->shape));
    last = k;
  }
  set_result(node, 0, x->dtype, shape);
  set_result(node, 1, node.attributes.dtype("index_type", DType::kInt32), shape);
  return {};
}

Status evaluate_top_k(EvalContext& context) {
  const Tensor& x = context.in(0);
  int64_t k = context.node.attributes.integer("k");
  if (context.inputs.size() == 2) {
    if (context.in(1).elements() != 1) return malformed(context.node, "k is no single integer");
    k = context.in(1).integer_at(0);
  }
  if (x.rank() == 0 || k < 0 || k > x.dims().back())
    return malformed(context.node, "the last axis holds fewer than k elements")
        .expected(std::to_string(k))
        .found(to_string(x.dims()));
  Dims dims = x.dims();
  int64_t n = dims.back();
  dims.back() = k;
  Dims rows_dims(dims.begin(), dims.end() - 1);
  int64_t rows = element_count(rows_dims).value_or(0);
  Tensor wide = is_half(x.dtype()) ? cast_tensor(x, DType::kFloat32) : x;
  Tensor indices = Tensor::zeros(DType::kInt64, dims);
  bool done = visit_number(wide.dtype(), [&](auto zero) {
    using T = decltype(zero);
    std::vector<int64_t> order(static_cast<size_t>(n));
    for (int64_t r = 0; r < rows; ++r) {
      std::iota(order.begin(), order.end(), 0);
      // Equal elements: the lower index first.
      auto before = [&](int64_t a, int64_t b) {
        T va = wide.at<T>(r * n + a), vb = wide.at<T>(r * n + b);
        return va > vb || (!(vb > va) && a < b);
      };
      std::partial_sort(order.begin(), order.begin() + k, order.end(), before);
      for (int64_t i = 0; i < k; ++i)
        indices.mutable_as<int64_t>()[r * k + i] = order[static_cast<size_t>(i)];
    }
  });
  if (!done) return unsupported(context.node, "this dtype is not compared");
  Tensor values = Tensor::zeros(x.dtype(), dims);
  size_t size = element_size(x.dtype());
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t i = 0; i < k; ++i)
      std::memcpy(values.mutable_data() + static_cast<size_t>(r * k + i) * size,
                  x.data() + static_cast<size_t>(r * n + indices.at<int64_t>(r * k + i)) * size,
                  size);
  context.outputs = {std::move(values), cast_tensor(indices, context.node.attributes.dtype(
                                                                 "index_type", DType::kInt32))};
  return {};
}

Status lower_top_k(Node& node, Lowering& lowering) {
  Value* x = node.operand(0);
  PUMICE_TRY(DType dtype, carrier_of(node, x->dtype,
                                     {DType::kFloat32, DType::kInt8, DType::kInt16, DType::kInt32,
                                      DType::kInt64, DType::kUInt8},
                                     Carriage::kCounts));
  Value* k = node.is("TopKV2") ? lowering.reshape(lowering.as_i32(node.operand(1)), Shape::scalar())
                               : lowering.scalar(DType::kInt32,
                                                 static_cast<double>(node.attributes.integer("k")));
  Value* const operands[] = {carry(lowering, x, dtype), k};
  Node* top = lowering.emit_node("TOPK_V2", operands, {}, 2);
  top->result(0)->dtype = dtype;
  top->result(0)->shape = node.result(0)->shape;
  top->result(1)->dtype = DType::kInt32;
  top->result(1)->shape = node.result(1)->shape;
  lowering.replace(node, 0, carry(lowering, top->result(0), x->dtype));
  lowering.replace(node, 1, carry(lowering, top->result(1), node.result(1)->dtype));
  return {};
}

// InTopK(predictions [batch, classes], targets [batch]; k): whether fewer than k classes beat the
// target.
Status infer_in_top_k(Node& node) {
  bool with_operand = node.is("InTopKV2");
  PUMICE_CHECK(expect_operands(node, with_operand ? 3 : 2, with_operand ? 3 : 2));
  Shape shape = node.operand(1)->shape.is_rank(1) ? node.operand(1)->shape : Shape::of_rank(1);
  if (node.operand(0)->shape.is_rank(2))
    if (auto merged = merge(shape[0], node.operand(0)->shape[0])) shape[0] = *merged;
  set_result(node, 0, DType::kBool, std::move(shape));
  return {};
}

Status evaluate_in_top_k(EvalContext& context) {
  const Tensor &x = context.in(0), &targets = context.in(1);
  int64_t k = context.inputs.size() == 3 ? context.in(2).integer_at(0)
                                         : context.node.attributes.integer("k");
  if (x.rank() != 2 || targets.rank() != 1 || targets.dims()[0] != x.dims()[0] ||
      x.dtype() != DType::kFloat32)
    return malformed(context.node, "predictions and targets do not fit")
        .found(to_string(x.dims()) + " and " + to_string(targets.dims()));
  int64_t rows = x.dims()[0], classes = x.dims()[1];
  Tensor out = Tensor::zeros(DType::kBool, {rows});
  for (int64_t r = 0; r < rows; ++r) {
    int64_t target = targets.integer_at(r);
    bool sure = target >= 0 && target < classes && std::isfinite(x.at<float>(r * classes + target));
    int64_t better = 0;
    for (int64_t c = 0; sure && c < classes; ++c) {
      float v = x.at<float>(r * classes + c);
      sure = std::isfinite(v);
      better += v > x.at<float>(r * classes + target);
    }
    out.mutable_as<bool>()[r] = sure && better < k;
  }
  context.outputs = {std::move(out)};
  return {};
}

constexpr OpDef kOps[] = {
    {"InTopK", infer_in_top_k, evaluate_in_top_k, nullptr, "(constants)", "run-time predictions"},
    {"InTopKV2", infer_in_top_k, evaluate_in_top_k, nullptr, "(constants)", "run-time predictions"},
    {"TopK", infer_top_k, evaluate_top_k, lower_top_k, "TOPK_V2", "float64"},
    {"TopKV2", infer_top_k, evaluate_top_k, lower_top_k, "TOPK_V2", "float64"},
};

}  // namespace

std::span<const OpDef> top_k_ops() { return kOps; }

}  // namespace pumice
