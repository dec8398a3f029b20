// Writing slices by index into zeros or into a tensor; the distinct elements of a vector.
#include <algorithm>
#include <map>
#include <unordered_map>

#include "ops/carrier.h"
#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/movement.h"

namespace pumice {
namespace {

Status infer_scatter_nd(Node& node) {
  PUMICE_CHECK(expect_operands(node, 3, 3));
  const Value* sizes = node.operand(2);
  set_result(node, 0, node.operand(1)->dtype, Shape());
  if (auto dims = elements_as_dims(sizes))
    node.result()->shape = Shape(*dims);
  else if (sizes->shape.is_rank(1) && sizes->shape[0].known() && sizes->shape[0].size() <= 64)
    node.result()->shape = Shape::of_rank(static_cast<size_t>(sizes->shape[0].size()));
  return {};
}

/// Calls f(start of a slice in the target, start of its update, length) for each index.
template <typename F>
Status for_each_update(const EvalContext& context, const Dims& target, const Tensor& indices,
                       const Tensor& updates, F&& f) {
  const Node& node = context.node;
  if (indices.rank() == 0) return malformed(node, "the indices are a scalar");
  int64_t depth = indices.dims().back();
  if (depth > static_cast<int64_t>(target.size()))
    return malformed(node, "an index names more axes than there are");
  auto strides = strides_of(target);
  Dims expected(indices.dims().begin(), indices.dims().end() - 1);
  int64_t count = element_count(expected).value_or(0), inner = 1;
  for (size_t i = static_cast<size_t>(depth); i < target.size(); ++i) {
    expected.push_back(target[i]);
    inner *= target[i];
  }
  if (updates.dims() != expected)
    return malformed(node, "the updates do not fit the indices")
        .expected(to_string(expected))
        .found(to_string(updates.dims()));
  for (int64_t p = 0; p < count; ++p) {
    int64_t start = 0;
    for (int64_t k = 0; k < depth; ++k) {
      int64_t index = indices.integer_at(p * depth + k), size = target[static_cast<size_t>(k)];
      if (index < 0 || index >= size)
        return malformed(node, "an index is out of range")
            .expected("0 to " + std::to_string(size - 1))
            .found(std::to_string(index));
      start += index * strides[static_cast<size_t>(k)];
    }
    f(start, p * inner, inner);
  }
  return {};
}

enum class Combine { kUpdate, kAdd, kSub, kMax, kMin };

Combine combine_of(const Node& node) {
  if (node.is("TensorScatterUpdate")) return Combine::kUpdate;
  if (node.is("TensorScatterSub")) return Combine::kSub;
  if (node.is("TensorScatterMax")) return Combine::kMax;
  if (node.is("TensorScatterMin")) return Combine::kMin;
  return Combine::kAdd;  // ScatterNd, TensorScatterAdd
}

Status scatter(EvalContext& context, Tensor target, const Tensor& indices, const Tensor& updates) {
  Combine combine = combine_of(context.node);
  if (target.dtype() != updates.dtype())
    return malformed(context.node, "the updates have another dtype than the tensor");
  Status status;
  bool done = visit_number(target.dtype(), [&](auto zero) {
    using T = decltype(zero);
    Tensor out = Tensor::zeros(target.dtype(), target.dims());
    if (out.elements() > 0) std::memcpy(out.mutable_data(), target.data(), target.bytes().size());
    T* to = out.mutable_as<T>();
    status = for_each_update(
        context, target.dims(), indices, updates, [&](int64_t start, int64_t from, int64_t n) {
          for (int64_t i = 0; i < n; ++i) {
            T update = updates.at<T>(from + i);
            T& element = to[start + i];
            switch (combine) {
              case Combine::kUpdate: element = update; break;
              case Combine::kMax: element = std::max(element, update); break;
              case Combine::kMin: element = std::min(element, update); break;
              case Combine::kAdd:
              case Combine::kSub:
                if constexpr (std::is_same_v<T, bool>) {
                  element = element || update;
                } else if constexpr (std::is_integral_v<T>) {  // wraps around
                  auto a = static_cast<uint64_t>(element), b = static_cast<uint64_t>(update);
                  element = static_cast<T>(combine == Combine::kAdd ? a + b : a - b);
                } else {
                  element = combine == Combine::kAdd ? element + update : element - update;
                }
                break;
            }
          }
        });
    context.outputs = {std::move(out)};
  });
  if (!done) return unsupported(context.node, "this dtype is not scattered");
  return status;
}

Status evaluate_scatter_nd(EvalContext& context) {
  if (is_half(context.in(1).dtype()))
    return evaluate_in_float32(context, context.in(1).dtype(), evaluate_scatter_nd);
  Dims dims = context.in(2).integers();
  for (int64_t d : dims)
    if (d < 0) return malformed(context.node, "a size is below 0").found(to_string(dims));
  PUMICE_CHECK(check_allocatable(context, dims));
  return scatter(context, Tensor::zeros(context.in(1).dtype(), dims), context.in(0), context.in(1));
}

Status evaluate_tensor_scatter(EvalContext& context) {
  if (is_half(context.in(0).dtype()))
    return evaluate_in_float32(context, context.in(0).dtype(), evaluate_tensor_scatter);
  return scatter(context, context.in(0), context.in(1), context.in(2));
}

constexpr std::initializer_list<DType> kScattered = {DType::kFloat32, DType::kInt8,  DType::kInt32,
                                                     DType::kInt64,   DType::kUInt8, DType::kBool};

/// SCATTER_ND adds up what falls on the same index, as TensorFlow does.
Value* scatter_nd(Lowering& lowering, Value* indices, Value* updates, Value* sizes,
                  const Shape& shape) {
  return lowering.emit("SCATTER_ND", {lowering.as_i32(indices), updates, sizes}, {}, updates->dtype,
                       shape);
}

Status lower_scatter_nd(Node& node, Lowering& lowering) {
  Value* y = node.result();
  PUMICE_TRY(DType dtype, carrier_of(node, y->dtype, kScattered, Carriage::kCounts));
  Value* sizes = y->shape.fully_known() ? lowering.constant_i32(y->shape.sizes())
                                        : lowering.as_i32(node.operand(2));
  Value* out = scatter_nd(lowering, node.operand(0), carry(lowering, node.operand(1), dtype), sizes,
                          y->shape);
  lowering.replace(node, 0, carry(lowering, out, y->dtype));
  return {};
}

/// Where each index falls in the tensor, counted in slices: a vector of int32.
struct Places {
  Value* ids;    // one per index
  Dim slices;    // how many slices the tensor has
  Value* count;  // the same as an int32 scalar
};

Result<Places> places_of(const Node& node, Lowering& lowering, Value* tensor, Value* indices) {
  const Shape &t = tensor->shape, &i = indices->shape;
  if (!t.known_rank() || !i.known_rank() || i.rank() == 0 || !i[i.rank() - 1].known())
    return unsupported(node, "the ranks are not known before run time");
  auto depth = static_cast<size_t>(i[i.rank() - 1].size());
  if (depth == 0 || depth > t.rank())
    return unsupported(node, "indices of " + std::to_string(depth) + " axes");
  std::vector<int64_t> strides(depth, 1);
  Dim slices = 1;
  for (size_t d = depth; d-- > 0;) {
    if (!t[d].known() && d > 0)
      return unsupported(node, "the size of an indexed axis is not known before run time");
    if (d + 1 < depth) strides[d] = strides[d + 1] * t[d + 1].size();
    slices = slices * t[d];
  }
  Dim n = 1;
  for (size_t d = 0; d + 1 < i.rank(); ++d) n = n * i[d];
  Shape flat{n, Dim(static_cast<int64_t>(depth))};
  if (!one_minus_one(flat) || !one_minus_one(Shape{n}))
    return unsupported(node, "the number of indices is not known before run time");
  Value* ids = lowering.reshape(lowering.as_i32(indices), flat);
  ids = lowering.binary("MUL", ids, lowering.constant_i32(strides));
  ids = lowering.emit("SUM", {ids, lowering.constant_i32({1})}, {{"keep_dims", false}},
                      DType::kInt32, Shape{n});
  Value* count;
  if (slices.known()) {
    count = lowering.constant(Tensor::scalar_i32(static_cast<int32_t>(slices.size())));
  } else {
    Value* sizes = sizes_of(lowering, tensor, 0, depth);
    count = lowering.emit("REDUCE_PROD", {sizes, lowering.constant_i32({0})},
                          {{"keep_dims", false}}, DType::kInt32, Shape::scalar());
  }
  return Places{ids, slices, count};
}

/// [how many, slice...]: the tensor or the updates as a list of slices.
Shape as_slices(Dim count, const Shape& tensor, size_t depth) {
  std::vector<Dim> dims{count};
  dims.insert(dims.end(), tensor.dims().begin() + static_cast<std::ptrdiff_t>(depth),
              tensor.dims().end());
  return Shape(std::move(dims));
}

// The last update of a slice wins, as in TensorFlow's own loop: UNSORTED_SEGMENT_MAX finds its
// number.
Status lower_scatter_update(Node& node, Lowering& lowering) {
  Value *tensor = node.operand(0), *indices = node.operand(1), *updates = node.operand(2);
  PUMICE_TRY(DType dtype, carrier_of(node, tensor->dtype, kMovedTypes));
  PUMICE_TRY(Places places, places_of(node, lowering, tensor, indices));
  auto depth = static_cast<size_t>(indices->shape[indices->shape.rank() - 1].size());
  Dim n = places.ids->shape[0];
  if (n == Dim(0)) {
    lowering.replace(node, 0, tensor);
    return {};
  }
  Shape listed = as_slices(places.slices, tensor->shape, depth);
  Shape updated = as_slices(n, tensor->shape, depth);
  if (!one_minus_one(listed) || !one_minus_one(updated) || !one_minus_one(tensor->shape))
    return unsupported(node, "more than one unknown size");
  Value* zero = lowering.scalar(DType::kInt32, 0);
  Value* numbers;
  if (n.known()) {
    std::vector<int64_t> counted(static_cast<size_t>(n.size()));
    for (size_t i = 0; i < counted.size(); ++i) counted[i] = static_cast<int64_t>(i);
    numbers = lowering.constant_i32(counted);
  } else {
    Value* count = lowering.reshape(sizes_of(lowering, places.ids, 0, 1), Shape::scalar());
    numbers = lowering.emit("RANGE", {zero, count, lowering.scalar(DType::kInt32, 1)}, {},
                            DType::kInt32, Shape{n});
  }
  Value* winner = lowering.emit("UNSORTED_SEGMENT_MAX", {numbers, places.ids, places.count}, {},
                                DType::kInt32, Shape{places.slices});
  Value* written = lowering.compare("GREATER_EQUAL", winner, zero);
  winner = lowering.binary("MAXIMUM", winner, zero);
  Value* list = lowering.reshape(carry(lowering, updates, dtype), updated);
  Value* fresh = lowering.emit("GATHER", {list, winner},
                               {{"axis", int64_t{0}}, {"batch_dims", int64_t{0}}}, dtype, listed);
  Value* old = lowering.reshape(carry(lowering, tensor, dtype), listed);
  std::vector<Dim> column{places.slices};
  column.resize(listed.rank(), Dim(1));
  written = lowering.reshape(written, Shape(column));
  Value* y = lowering.emit("SELECT_V2", {written, fresh, old}, {}, dtype, listed);
  y = lowering.reshape(y, tensor->shape);
  lowering.replace(node, 0, carry(lowering, y, tensor->dtype));
  return {};
}

Status lower_scatter_add(Node& node, Lowering& lowering) {
  Value* tensor = node.operand(0);
  PUMICE_TRY(DType dtype,
             carrier_of(node, tensor->dtype, {DType::kFloat32, DType::kInt32, DType::kInt64},
                        Carriage::kCounts));
  Value* x = carry(lowering, tensor, dtype);
  Value* sum = scatter_nd(lowering, node.operand(1), carry(lowering, node.operand(2), dtype),
                          lowering.shape_of(tensor), tensor->shape);
  Value* y = lowering.emit(combine_of(node) == Combine::kAdd ? "ADD" : "SUB", {x, sum}, {}, dtype,
                           tensor->shape);
  lowering.replace(node, 0, carry(lowering, y, tensor->dtype));
  return {};
}

Status lower_scatter_extreme(Node& node, Lowering& lowering) {
  Value *tensor = node.operand(0), *indices = node.operand(1);
  PUMICE_TRY(DType dtype,
             carrier_of(node, tensor->dtype, {DType::kFloat32, DType::kInt32}, Carriage::kCounts));
  PUMICE_TRY(Places places, places_of(node, lowering, tensor, indices));
  auto depth = static_cast<size_t>(indices->shape[indices->shape.rank() - 1].size());
  Shape listed = as_slices(places.slices, tensor->shape, depth);
  Shape updated = as_slices(places.ids->shape[0], tensor->shape, depth);
  if (!one_minus_one(listed) || !one_minus_one(updated) || !one_minus_one(tensor->shape))
    return unsupported(node, "more than one unknown size");
  bool largest = combine_of(node) == Combine::kMax;
  Value* list = lowering.reshape(carry(lowering, node.operand(2), dtype), updated);
  Value* found = lowering.emit(largest ? "UNSORTED_SEGMENT_MAX" : "UNSORTED_SEGMENT_MIN",
                               {list, places.ids, places.count}, {}, dtype, listed);
  Value* old = lowering.reshape(carry(lowering, tensor, dtype), listed);
  Value* y = lowering.emit(largest ? "MAXIMUM" : "MINIMUM", {old, found}, {}, dtype, listed);
  y = lowering.reshape(y, tensor->shape);
  lowering.replace(node, 0, carry(lowering, y, tensor->dtype));
  return {};
}

Status infer_tensor_scatter(Node& node) {
  PUMICE_CHECK(expect_operands(node, 3, 3));
  return infer_same_as_first(node);
}

Status infer_unique(Node& node) {
  PUMICE_CHECK(expect_operands(node, 1, 1));
  const Value* x = node.operand(0);
  if (x->shape.known_rank() && x->shape.rank() != 1)
    return malformed(node, "the input is no vector").found(to_string(x->shape));
  set_result(node, 0, x->dtype, Shape::of_rank(1));
  set_result(node, 1, node.attributes.dtype("out_idx", DType::kInt32),
             x->shape.known_rank() ? x->shape : Shape::of_rank(1));
  return {};
}

Status evaluate_unique(EvalContext& context) {
  const Tensor& x = context.in(0);
  if (x.rank() != 1 || element_size(x.dtype()) == 0)
    return malformed(context.node, "the input is no vector of numbers");
  // Elements are the same when TensorFlow's == says so for integers; bytes decide.
  size_t size = element_size(x.dtype());
  std::unordered_map<std::string, int64_t> seen;
  std::vector<int64_t> first, index;
  for (int64_t i = 0; i < x.elements(); ++i) {
    std::string bytes(reinterpret_cast<const char*>(x.data()) + static_cast<size_t>(i) * size,
                      size);
    if (is_float(x.dtype()) && x.number_at(i) == 0) bytes.assign(size, '\0');
    auto [at, is_new] = seen.emplace(std::move(bytes), static_cast<int64_t>(first.size()));
    if (is_new) first.push_back(i);
    index.push_back(at->second);
  }
  auto n = static_cast<int64_t>(first.size());
  DType dtype = context.node.attributes.dtype("out_idx", DType::kInt32);
  context.outputs = {read_indexed(x, {n}, first),
                     cast_tensor(Tensor::of<int64_t>(DType::kInt64, {x.elements()}, index), dtype)};
  return {};
}

Status lower_unique(Node& node, Lowering& lowering) {
  Value* x = node.operand(0);
  PUMICE_TRY(DType dtype, carrier_of(node, x->dtype,
                                     {DType::kFloat32, DType::kInt8, DType::kInt16, DType::kInt32,
                                      DType::kInt64, DType::kUInt8},
                                     Carriage::kCounts));
  DType index = node.result(1)->dtype;
  Value* const operands[] = {carry(lowering, x, dtype)};
  Node* unique = lowering.emit_node("UNIQUE", operands, {{"idx_out_type", index}}, 2);
  unique->result(0)->dtype = dtype;
  unique->result(0)->shape = node.result(0)->shape;
  unique->result(1)->dtype = index;
  unique->result(1)->shape = node.result(1)->shape;
  lowering.replace(node, 0, carry(lowering, unique->result(0), x->dtype));
  lowering.replace(node, 1, unique->result(1));
  return {};
}

constexpr OpDef kOps[] = {
    {"ScatterNd", infer_scatter_nd, evaluate_scatter_nd, lower_scatter_nd, "SCATTER_ND", ""},
    {"TensorScatterAdd", infer_tensor_scatter, evaluate_tensor_scatter, lower_scatter_add,
     "SCATTER_ND + ADD", ""},
    {"TensorScatterMax", infer_tensor_scatter, evaluate_tensor_scatter, lower_scatter_extreme,
     "UNSORTED_SEGMENT_MAX + MAXIMUM", "int64; indexed axes of unknown size, but the first"},
    {"TensorScatterMin", infer_tensor_scatter, evaluate_tensor_scatter, lower_scatter_extreme,
     "UNSORTED_SEGMENT_MIN + MINIMUM", "int64; indexed axes of unknown size, but the first"},
    {"TensorScatterSub", infer_tensor_scatter, evaluate_tensor_scatter, lower_scatter_add,
     "SCATTER_ND + SUB", ""},
    {"TensorScatterUpdate", infer_tensor_scatter, evaluate_tensor_scatter, lower_scatter_update,
     "UNSORTED_SEGMENT_MAX + GATHER + SELECT_V2",
     "indexed axes of unknown size, but the first; more than one unknown size"},
    {"Unique", infer_unique, evaluate_unique, lower_unique, "UNIQUE", ""},
};

}  // namespace

std::span<const OpDef> scatter_ops() { return kOps; }

}  // namespace pumice
