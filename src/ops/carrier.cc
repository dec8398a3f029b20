#include "ops/carrier.h"

#include <algorithm>
#include <limits>

#include "ops/infer.h"

namespace pumice {

Result<DType> carrier_of(const Node& node, DType dtype, std::initializer_list<DType> taken,
                         Carriage carriage) {
  auto takes = [&](DType d) { return std::find(taken.begin(), taken.end(), d) != taken.end(); };
  if (takes(dtype)) return dtype;
  std::initializer_list<DType> wider;
  static constexpr std::initializer_list<DType> kHalf = {DType::kFloat32};
  static constexpr std::initializer_list<DType> kNarrow = {DType::kInt32, DType::kInt64};
  static constexpr std::initializer_list<DType> kWide = {DType::kInt64};
  switch (dtype) {
    case DType::kFloat16: wider = kHalf; break;
    case DType::kInt8:
    case DType::kUInt8:
    case DType::kInt16:
    case DType::kUInt16:
    case DType::kBool: wider = kNarrow; break;
    case DType::kUInt32: wider = carriage == Carriage::kWraps ? kNarrow : kWide; break;
    case DType::kInt32: wider = kWide; break;
    case DType::kUInt64:
    case DType::kFloat64:
    case DType::kComplex64:
      if (carriage == Carriage::kMoves) wider = kWide;
      break;
    default: break;
  }
  for (DType d : wider)
    if (takes(d)) return d;
  return unsupported(
      node, "TensorFlow Lite has no kernel for this op on " + std::string(dtype_name(dtype)));
}

Value* carry(Lowering& lowering, Value* x, DType to) {
  if (x->dtype == to) return x;
  auto bits = [](DType d) {
    return d == DType::kUInt64 || d == DType::kFloat64 || d == DType::kComplex64;
  };
  if (!bits(x->dtype) && !bits(to)) return lowering.cast(x, to);
  if (const Constant* c = constant_of(x)) {
    Tensor t = c->materialize();
    return lowering.constant(Tensor(to, t.dims(), t.bytes()));
  }
  return lowering.emit("BITCAST", {x}, {}, to, x->shape);
}

Value* clamped_constant_i32(Lowering& lowering, const std::vector<int64_t>& values) {
  std::vector<int64_t> clamped(values);
  for (int64_t& v : clamped)
    v = std::clamp<int64_t>(v, std::numeric_limits<int32_t>::min(),
                            std::numeric_limits<int32_t>::max());
  return lowering.constant_i32(clamped);
}

Value* as_clamped_i32(Lowering& lowering, Value* x) {
  if (x->dtype == DType::kInt32) return x;
  if (auto values = constant_integers(x)) {
    Tensor vector = Tensor::zeros(DType::kInt32, constant_of(x)->dims());
    for (size_t i = 0; i < values->size(); ++i)
      vector.mutable_as<int32_t>()[i] = static_cast<int32_t>(std::clamp<int64_t>(
          (*values)[i], std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()));
    return lowering.constant(vector);
  }
  if (x->dtype == DType::kInt64) {
    x = lowering.binary("MINIMUM", x,
                        lowering.constant(Tensor::scalar_i64(std::numeric_limits<int32_t>::max())));
    x = lowering.binary("MAXIMUM", x,
                        lowering.constant(Tensor::scalar_i64(std::numeric_limits<int32_t>::min())));
  }
  return lowering.cast(x, DType::kInt32);
}

bool surely_same(const Shape& a, const Shape& b) {
  if (!a.known_rank() || !b.known_rank() || a.rank() != b.rank()) return false;
  for (size_t i = 0; i < a.rank(); ++i)
    if (!a[i].same_as(b[i])) return false;
  return true;
}

bool one_minus_one(const Shape& to) {
  if (!to.known_rank()) return false;
  int unknown = to.unknown_dims();
  if (unknown == 0) return true;
  // Beside a size of 0, the runtime would divide by zero to find what -1 stands for.
  for (Dim d : to.dims())
    if (d == Dim(0)) return false;
  return unknown == 1;
}

Result<Value*> reshape_to(const Node& node, Lowering& lowering, Value* x, const Shape& to) {
  if (one_minus_one(to)) return lowering.reshape(x, to);
  Value* const sources[] = {x};
  auto vector = lowering.shape_vector(to, sources);
  if (!vector.ok()) return std::move(vector).error().at(node.name, node.op);
  return lowering.reshape(x, *vector, to);
}

Value* sizes_of(Lowering& lowering, Value* x, size_t first, size_t last) {
  std::vector<Dim> dims(x->shape.dims().begin() + static_cast<std::ptrdiff_t>(first),
                        x->shape.dims().begin() + static_cast<std::ptrdiff_t>(last));
  Shape part(dims);
  if (part.fully_known()) return lowering.constant_i32(part.sizes());
  Value* all = lowering.shape_of(x);
  if (first == 0 && last == x->shape.rank()) return all;
  return lowering.slice(all, {static_cast<int64_t>(first)}, {static_cast<int64_t>(last - first)});
}

}  // namespace pumice
