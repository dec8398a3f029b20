// Elements and slices by index.
#include <algorithm>

#include "ops/carrier.h"
#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/movement.h"

namespace pumice {
namespace {

/// Gather's axis and number of batch dimensions, once the ranks are known.
struct Plan {
  size_t axis, batch;
};

/// The batch dimensions of Gather (none), GatherV2 (an attribute) and BatchGather (all but one).
Result<Plan> plan_of(const Node& node, int64_t axis, size_t params_rank, size_t indices_rank) {
  int64_t batch = node.attributes.integer("batch_dims");
  if (node.is("BatchGather")) axis = batch = static_cast<int64_t>(indices_rank) - 1;
  if (batch < 0) batch += static_cast<int64_t>(indices_rank);
  auto at = normalize_axis(axis, params_rank);
  if (!at || batch < 0 || batch > static_cast<int64_t>(indices_rank) ||
      batch > static_cast<int64_t>(*at))
    return malformed(node, "axis or batch_dims is out of range")
        .found("axis " + std::to_string(axis) + ", batch_dims " + std::to_string(batch) +
               ", ranks " + std::to_string(params_rank) + " and " + std::to_string(indices_rank));
  return Plan{*at, static_cast<size_t>(batch)};
}

Status infer_gather(Node& node) {
  bool with_axis = node.is("GatherV2");
  PUMICE_CHECK(expect_operands(node, with_axis ? 3 : 2, with_axis ? 3 : 2));
  const Value *params = node.operand(0), *indices = node.operand(1);
  Value* y = node.result();
  set_result(node, 0, params->dtype, Shape());
  if (!params->shape.known_rank() || !indices->shape.known_rank()) return {};
  auto axis = with_axis ? constant_integer(node.operand(2)) : std::optional<int64_t>(0);
  if (!axis) return {};
  PUMICE_TRY(Plan plan, plan_of(node, *axis, params->shape.rank(), indices->shape.rank()));
  std::vector<Dim> dims;
  for (size_t i = 0; i < plan.axis; ++i) {
    Dim d = params->shape[i];
    if (i < plan.batch)
      if (auto merged = merge(d, indices->shape[i])) d = *merged;
    dims.push_back(d);
  }
  for (size_t i = plan.batch; i < indices->shape.rank(); ++i) dims.push_back(indices->shape[i]);
  for (size_t i = plan.axis + 1; i < params->shape.rank(); ++i) dims.push_back(params->shape[i]);
  y->shape = Shape(std::move(dims));
  auto elements = params->shape.is_rank(1) ? elements_as_dims(params) : std::nullopt;
  auto at = constant_integers(indices, 1024);
  if (elements && at && plan.batch == 0) {
    for (int64_t i : *at) {
      if (i < 0 || i >= static_cast<int64_t>(elements->size())) {
        y->partial.clear();
        break;
      }
      y->partial.push_back((*elements)[static_cast<size_t>(i)]);
    }
  }
  return {};
}

Status evaluate_gather(EvalContext& context) {
  const Tensor &params = context.in(0), &indices = context.in(1);
  int64_t axis = 0;
  if (context.inputs.size() == 3) {
    if (context.in(2).elements() != 1)
      return malformed(context.node, "the axis is no single integer");
    axis = context.in(2).integer_at(0);
  }
  PUMICE_TRY(Plan plan, plan_of(context.node, axis, params.rank(), indices.rank()));
  auto product = [](const Dims& dims, size_t from, size_t to) {
    int64_t n = 1;
    for (size_t i = from; i < to; ++i) n *= dims[i];
    return n;
  };
  for (size_t i = 0; i < plan.batch; ++i)
    if (params.dims()[i] != indices.dims()[i])
      return malformed(context.node, "the batch dimensions differ")
          .found(to_string(params.dims()) + " and " + to_string(indices.dims()));
  Dims dims(params.dims().begin(), params.dims().begin() + static_cast<std::ptrdiff_t>(plan.axis));
  dims.insert(dims.end(), indices.dims().begin() + static_cast<std::ptrdiff_t>(plan.batch),
              indices.dims().end());
  dims.insert(dims.end(), params.dims().begin() + static_cast<std::ptrdiff_t>(plan.axis) + 1,
              params.dims().end());
  PUMICE_CHECK(check_allocatable(context, dims));
  int64_t batches = product(params.dims(), 0, plan.batch);
  int64_t outer = product(params.dims(), plan.batch, plan.axis);
  int64_t along = params.dims()[plan.axis];
  int64_t inner = product(params.dims(), plan.axis + 1, params.rank());
  int64_t picked = product(indices.dims(), plan.batch, indices.rank());
  std::vector<int64_t> from;
  from.reserve(static_cast<size_t>(element_count(dims).value_or(0)));
  for (int64_t b = 0; b < batches; ++b)
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t p = 0; p < picked; ++p) {
        int64_t index = indices.integer_at(b * picked + p);
        if (index < 0 || index >= along)
          return malformed(context.node, "an index is out of range")
              .expected("0 to " + std::to_string(along - 1))
              .found(std::to_string(index));
        for (int64_t i = 0; i < inner; ++i)
          from.push_back(((b * outer + o) * along + index) * inner + i);
      }
  context.outputs = {read_indexed(params, std::move(dims), from)};
  return {};
}

Value* as_index(Lowering& lowering, Value* indices) {
  return indices->dtype == DType::kInt64 ? indices : lowering.as_i32(indices);
}

Status lower_gather(Node& node, Lowering& lowering) {
  Value *params = node.operand(0), *indices = node.operand(1), *y = node.result();
  PUMICE_TRY(DType dtype, carrier_of(node, y->dtype, kMovedTypes));
  auto axis = node.is("GatherV2") ? constant_integer(node.operand(2)) : std::optional<int64_t>(0);
  if (!axis) return unsupported(node, "the axis is not known before run time");
  int64_t batch = node.attributes.integer("batch_dims");
  if (params->shape.known_rank() && indices->shape.known_rank()) {
    PUMICE_TRY(Plan plan, plan_of(node, *axis, params->shape.rank(), indices->shape.rank()));
    axis = static_cast<int64_t>(plan.axis);
    batch = static_cast<int64_t>(plan.batch);
  } else if (*axis < 0 || batch < 0 || node.is("BatchGather")) {
    return unsupported(node, "the operands' ranks are not known before run time");
  }
  Value* picked =
      lowering.emit("GATHER", {carry(lowering, params, dtype), as_index(lowering, indices)},
                    {{"axis", *axis}, {"batch_dims", batch}}, dtype, y->shape);
  lowering.replace(node, 0, carry(lowering, picked, y->dtype));
  return {};
}

Status infer_gather_nd(Node& node) {
  PUMICE_CHECK(expect_operands(node, 2, 2));
  const Shape &params = node.operand(0)->shape, &indices = node.operand(1)->shape;
  set_result(node, 0, node.operand(0)->dtype, Shape());
  if (!params.known_rank() || !indices.known_rank()) return {};
  if (indices.rank() == 0) return malformed(node, "the indices are a scalar");
  Dim depth = indices[indices.rank() - 1];
  if (!depth.known()) return {};
  if (depth.size() > static_cast<int64_t>(params.rank()))
    return malformed(node, "an index names more axes than there are")
        .expected("at most " + std::to_string(params.rank()))
        .found(std::to_string(depth.size()));
  std::vector<Dim> dims(indices.dims().begin(), indices.dims().end() - 1);
  dims.insert(dims.end(), params.dims().begin() + static_cast<std::ptrdiff_t>(depth.size()),
              params.dims().end());
  node.result()->shape = Shape(std::move(dims));
  return {};
}

Status evaluate_gather_nd(EvalContext& context) {
  const Tensor &params = context.in(0), &indices = context.in(1);
  if (indices.rank() == 0) return malformed(context.node, "the indices are a scalar");
  int64_t depth = indices.dims().back();
  if (depth > static_cast<int64_t>(params.rank()))
    return malformed(context.node, "an index names more axes than there are");
  auto strides = strides_of(params.dims());
  Dims dims(indices.dims().begin(), indices.dims().end() - 1);
  int64_t picked = element_count(dims).value_or(0), inner = 1;
  for (size_t i = static_cast<size_t>(depth); i < params.rank(); ++i) {
    dims.push_back(params.dims()[i]);
    inner *= params.dims()[i];
  }
  PUMICE_CHECK(check_allocatable(context, dims));
  std::vector<int64_t> from;
  for (int64_t p = 0; p < picked; ++p) {
    int64_t start = 0;
    for (int64_t k = 0; k < depth; ++k) {
      int64_t index = indices.integer_at(p * depth + k),
              size = params.dims()[static_cast<size_t>(k)];
      if (index < 0 || index >= size)
        return malformed(context.node, "an index is out of range")
            .expected("0 to " + std::to_string(size - 1))
            .found(std::to_string(index));
      start += index * strides[static_cast<size_t>(k)];
    }
    for (int64_t i = 0; i < inner; ++i) from.push_back(start + i);
  }
  context.outputs = {read_indexed(params, std::move(dims), from)};
  return {};
}

Status lower_gather_nd(Node& node, Lowering& lowering) {
  Value *params = node.operand(0), *indices = node.operand(1), *y = node.result();
  PUMICE_TRY(DType dtype, carrier_of(node, y->dtype, kMovedTypes));
  if (indices->shape.known_rank() && indices->shape[indices->shape.rank() - 1] == Dim(0)) {
    // Empty indices: the whole of params, again and again.
    if (!y->shape.fully_known())
      return unsupported(node, "indices of no elements, and a result of unknown size");
    lowering.replace(
        node, 0,
        lowering.emit("BROADCAST_TO", {params, lowering.constant_i32(y->shape.sizes())}, {},
                      y->dtype, y->shape));
    return {};
  }
  Value* picked =
      lowering.emit("GATHER_ND", {carry(lowering, params, dtype), as_index(lowering, indices)}, {},
                    dtype, y->shape);
  lowering.replace(node, 0, carry(lowering, picked, y->dtype));
  return {};
}

constexpr OpDef kOps[] = {
    {"BatchGather", infer_gather, evaluate_gather, lower_gather, "GATHER", "unknown ranks"},
    {"Gather", infer_gather, evaluate_gather, lower_gather, "GATHER", ""},
    {"GatherNd", infer_gather_nd, evaluate_gather_nd, lower_gather_nd, "GATHER_ND", ""},
    {"GatherV2", infer_gather, evaluate_gather, lower_gather, "GATHER", "a run-time axis"},
};

}  // namespace

std::span<const OpDef> gather_ops() { return kOps; }

}  // namespace pumice
