#include "passes/list_builder.h"

#include <algorithm>
#include <numeric>

#include "ops/infer.h"
#include "passes/simplify.h"

namespace pumice {
namespace {

/// Zeros up to so many bytes are a constant, beyond they are filled at run time.
constexpr uint64_t kLargestZeros = 1u << 14;

}  // namespace

void ListBuilder::remember_sizes(const Node& node) {
  for (size_t r = 0; r < node.result_count(); ++r) {
    Value* value = node.result(r);
    if (!value->shape.known_rank() || value->dtype == DType::kVariant ||
        value->dtype == DType::kResource)
      continue;
    for (size_t i = 0; i < value->shape.rank(); ++i)
      if (Dim d = value->shape[i]; d.is_symbol())
        sources_.emplace(d.symbol_id(), std::pair{value, i});
  }
}

Result<Value*> ListBuilder::make(const char* op, const std::vector<Value*>& operands,
                                 Attributes attributes) {
  Node* node = graph_.create(op, operands, 1, at_);
  node->name = at_->name;
  node->attributes = std::move(attributes);
  PUMICE_CHECK(infer_node(model_, *node));
  remember_sizes(*node);
  return node->result();
}

Value* ListBuilder::scalar(int64_t i) {
  return graph_.constant(Tensor::scalar_i32(static_cast<int32_t>(i)), at_, at_->name);
}

Value* ListBuilder::vector(const std::vector<int64_t>& elements) {
  return graph_.constant(Tensor::vector_i32(elements), at_, at_->name);
}

Result<Value*> ListBuilder::concat(std::vector<Value*> values) {
  if (values.size() == 1) return values.front();
  const auto n = static_cast<int64_t>(values.size());
  const DType dtype = values.front()->dtype;
  values.push_back(scalar(0));
  return make("ConcatV2", values, {{"N", n}, {"T", dtype}});
}

Result<Value*> ListBuilder::gather(Value* from, Value* places) {
  return make("GatherV2", {from, places, scalar(0)},
              {{"Tparams", from->dtype}, {"Tindices", places->dtype}, {"batch_dims", int64_t{0}}});
}

Result<Value*> ListBuilder::slice(Value* x, Value* begin, Value* end, int64_t begin_mask,
                                  int64_t end_mask, int64_t shrink_mask) {
  return make("StridedSlice", {x, begin, end, vector({1})},
              {{"begin_mask", begin_mask},
               {"end_mask", end_mask},
               {"shrink_axis_mask", shrink_mask},
               {"ellipsis_mask", int64_t{0}},
               {"new_axis_mask", int64_t{0}},
               {"T", x->dtype}});
}

Result<Value*> ListBuilder::reshape(Value* x, Value* sizes) {
  return make("Reshape", {x, sizes}, {{"T", x->dtype}, {"Tshape", DType::kInt32}});
}

Result<Value*> ListBuilder::expand(Value* x, int64_t axis) {
  return make("ExpandDims", {x, scalar(axis)}, {{"T", x->dtype}});
}

Result<Value*> ListBuilder::shape_of(Value* x) {
  return make("Shape", {x}, {{"out_type", DType::kInt32}, {"T", x->dtype}});
}

Result<Value*> ListBuilder::arithmetic(const char* op, Value* a, Value* b) {
  return make(op, {a, b}, {{"T", DType::kInt32}});
}

Result<Value*> ListBuilder::as_vector(Value* one) { return reshape(one, vector({1})); }

Result<Value*> ListBuilder::length(Value* list) {
  if (list->shape[0].known()) return scalar(list->shape[0].size());
  PUMICE_TRY(Value * shape, shape_of(list));
  return slice(shape, vector({0}), vector({1}), 0, 0, 1);
}

Result<Value*> ListBuilder::places_of(Value* list) {
  if (!list->shape[0].known()) {
    PUMICE_TRY(Value * n, length(list));
    return make("Range", {scalar(0), n, scalar(1)}, {{"Tidx", DType::kInt32}});
  }
  std::vector<int64_t> places(static_cast<size_t>(list->shape[0].size()));
  std::iota(places.begin(), places.end(), int64_t{0});
  return vector(places);
}

Result<Value*> ListBuilder::sizes(const std::vector<Dim>& dims) {
  std::vector<Value*> parts;
  std::vector<int64_t> known;
  auto flush = [&] {
    if (!known.empty()) parts.push_back(vector(known));
    known.clear();
  };
  for (Dim d : dims) {
    if (d.known()) {
      known.push_back(d.size());
      continue;
    }
    if (!has_source(d)) return nullptr;
    flush();
    const auto [value, index] = sources_.at(d.symbol_id());
    const auto axis = static_cast<int64_t>(index);
    PUMICE_TRY(Value * shape, shape_of(value));
    PUMICE_TRY(Value * part, slice(shape, vector({axis}), vector({axis + 1})));
    parts.push_back(part);
  }
  flush();
  if (parts.empty()) return vector({});
  return concat(std::move(parts));
}

Result<Value*> ListBuilder::sizes_with_count(const std::vector<Dim>& dims, Value* count) {
  if (!count || dims[0].known() || has_source(dims[0])) return sizes(dims);
  PUMICE_TRY(Value * first, as_vector(count));
  PUMICE_TRY(Value * rest, sizes({dims.begin() + 1, dims.end()}));
  if (!rest || dims.size() == 1) return rest ? first : nullptr;
  return concat({first, rest});
}

Result<Value*> ListBuilder::fill(Value* sizes, DType dtype) {
  Value* zero = graph_.constant(Tensor::zeros(dtype, {}), at_, at_->name);
  return make("Fill", {sizes, zero}, {{"T", dtype}});
}

Result<Value*> ListBuilder::zeros(DType dtype, Value* count, std::vector<Dim> dims) {
  Shape shape(dims);
  const bool constant_count = !count || constant_of(count);
  if (count && constant_count) shape[0] = dims[0] = Dim(constant_integer(count).value_or(-1));
  if (shape.fully_known() && constant_count) {
    auto bytes = byte_size(dtype, shape.elements().value_or(int64_t{1} << 40));
    if (bytes <= kLargestZeros && bytes > 0)
      return graph_.constant(Tensor::zeros(dtype, shape.sizes()), at_, at_->name);
  }
  PUMICE_TRY(Value * sizes, sizes_with_count(dims, count));
  if (!sizes) return nullptr;
  PUMICE_TRY(Value * filled, fill(sizes, dtype));
  // The number of elements has a name that the computed vector may have lost.
  if (filled->shape.is_rank(dims.size()))
    for (size_t i = 0; i < dims.size(); ++i)
      if (!filled->shape[i].known() && (dims[i].known() || dims[i].is_symbol()))
        filled->shape[i] = dims[i];
  return filled;
}

Result<Value*> ListBuilder::zeros_like(Value* list, Value* count) {
  std::vector<Dim> dims = list->shape.dims();
  dims[0] = Dim();
  const bool known = std::all_of(dims.begin() + 1, dims.end(), [](Dim d) { return d.known(); });
  if (known) return zeros(list->dtype, count, dims);
  PUMICE_TRY(Value * shape, shape_of(list));
  PUMICE_TRY(Value * element, slice(shape, vector({1}), vector({0}), 0, 1));
  PUMICE_TRY(Value * first, as_vector(count));
  PUMICE_TRY(Value * all, concat({first, element}));
  PUMICE_TRY(Value * filled, fill(all, list->dtype));
  for (size_t k = 1; k < dims.size() && filled->shape.is_rank(dims.size()); ++k)
    filled->shape[k] = list->shape[k];
  return filled;
}

}  // namespace pumice
