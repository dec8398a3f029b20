// The values of constants: pending transforms as one reordering of the source and a few operations
// on its elements, done block by block.
#include <algorithm>
#include <cstring>

#include "graph/cast.h"
#include "graph/constant.h"
#include "graph/strided_copy.h"

namespace pumice {
namespace {

/// Elements that pass through the operations at a time.
constexpr int64_t kPiece = 64 * 1024;

/// One operation on elements: a ScaleAxis whose axis is that of the view, a CastTo or a Dequantize.
using Operation = std::variant<ScaleAxis, CastTo, Dequantize>;

/// What is left to do to a source tensor: reorder by `view`, then do `operations` in order.
struct Plan {
  Tensor source;
  StridedView view;
  std::vector<Operation> operations;
};

/// to[i] = from[i] * factor(i). `from` need not be aligned, and may be `to`.
template <typename Factor>
void multiply(const std::byte* from, float* to, int64_t n, Factor&& factor) {
  for (int64_t i = 0; i < n; ++i) {
    float v;
    std::memcpy(&v, from + i * static_cast<int64_t>(sizeof(v)), sizeof(v));
    to[i] = v * factor(i);
  }
}

/// Elements of `piece`, which begin at number `first` of a tensor of `dims`, times their factors.
/// The result is a view of `space`, which the pieces of a tensor share; `piece` may be one itself.
Tensor scale(const Tensor& piece, const ScaleAxis& how, const Dims& dims, int64_t first,
             std::vector<float>& space) {
  const int64_t count = piece.elements();
  if (space.size() < static_cast<size_t>(count)) space.resize(static_cast<size_t>(count));
  const float* factors = how.factors->data();
  const int64_t n = dims[static_cast<size_t>(how.axis)];
  int64_t inner = 1;
  for (size_t d = static_cast<size_t>(how.axis) + 1; d < dims.size(); ++d) inner *= dims[d];
  for (int64_t i = 0; i < count;) {
    const int64_t number = first + i, index = number / inner % n;
    const std::byte* from = piece.data() + i * static_cast<int64_t>(sizeof(float));
    // A run of all factors where each is for one element, or of one factor.
    const int64_t run = std::min(inner == 1 ? n - index : inner - number % inner, count - i);
    if (inner == 1) {
      multiply(from, space.data() + i, run, [&](int64_t k) { return factors[index + k]; });
    } else {
      multiply(from, space.data() + i, run, [f = factors[index]](int64_t) { return f; });
    }
    i += run;
  }
  const auto bytes = std::as_bytes(std::span(space.data(), static_cast<size_t>(count)));
  return Tensor(DType::kFloat32, piece.dims(), Bytes(nullptr, bytes));
}

template <typename T>
void dequantize_loop(const Tensor& piece, const Dequantize& how, float* to) {
  for (int64_t i = 0; i < piece.elements(); ++i) {
    to[i] = how.scale * static_cast<float>(piece.at<T>(i)) + how.minimum;
  }
}

Tensor dequantize(const Tensor& piece, const Dequantize& how) {
  Tensor out = Tensor::zeros(DType::kFloat32, piece.dims());
  float* to = out.mutable_as<float>();
  switch (piece.dtype()) {
    case DType::kUInt8: dequantize_loop<uint8_t>(piece, how, to); break;
    case DType::kUInt16: dequantize_loop<uint16_t>(piece, how, to); break;
    default:
      for (int64_t i = 0; i < piece.elements(); ++i) {
        to[i] = how.scale * static_cast<float>(piece.number_at(i)) + how.minimum;
      }
  }
  return out;
}

Tensor apply(const Tensor& piece, const Operation& operation, const Dims& dims, int64_t first,
             std::vector<float>& space) {
  if (const auto* s = std::get_if<ScaleAxis>(&operation))
    return scale(piece, *s, dims, first, space);
  if (const auto* c = std::get_if<CastTo>(&operation)) return cast_tensor(piece, c->dtype);
  return dequantize(piece, std::get<Dequantize>(operation));
}

Status run(const Plan& plan, const std::function<Status(std::span<const std::byte>)>& sink) {
  const DType dtype = plan.source.dtype();
  const auto size = static_cast<int64_t>(element_size(dtype));
  std::vector<float> space;
  if (size == 0) {  // packed elements keep their order
    Tensor tensor(dtype, plan.view.dims, plan.source.bytes());
    for (const Operation& o : plan.operations) tensor = apply(tensor, o, plan.view.dims, 0, space);
    return sink(tensor.bytes().view());
  }
  return strided_blocks(plan.source.data(), plan.view, static_cast<size_t>(size),
                        [&](std::span<const std::byte> block, int64_t first) -> Status {
                          if (plan.operations.empty()) return sink(block);
                          const int64_t count = static_cast<int64_t>(block.size()) / size;
                          for (int64_t at = 0; at < count; at += kPiece) {
                            const int64_t n = std::min(kPiece, count - at);
                            const auto part = block.subspan(static_cast<size_t>(at * size),
                                                            static_cast<size_t>(n * size));
                            Tensor piece(dtype, {n}, Bytes(nullptr, part));
                            for (const Operation& o : plan.operations) {
                              piece = apply(piece, o, plan.view.dims, first + at, space);
                            }
                            PUMICE_CHECK(sink(piece.bytes().view()));
                          }
                          return {};
                        });
}

Tensor collect(const Plan& plan, DType dtype) {
  Tensor out = Tensor::zeros(dtype, plan.view.dims);
  size_t at = 0;
  const size_t size = out.bytes().size();
  std::byte* to = out.mutable_data();
  // The sink never fails, and never is given more than the tensor holds.
  const Status status = run(plan, [&](std::span<const std::byte> bytes) -> Status {
    const size_t n = std::min(bytes.size(), size - at);
    if (n > 0) std::memcpy(to + at, bytes.data(), n);
    at += n;
    return {};
  });
  static_cast<void>(status);
  return out;
}

DType result_type(const Plan& plan) {
  DType dtype = plan.source.dtype();
  for (const Operation& operation : plan.operations) {
    const auto* c = std::get_if<CastTo>(&operation);
    dtype = c ? c->dtype : DType::kFloat32;
  }
  return dtype;
}

/// Does what is planned so far, so that a transform can begin anew.
void settle(Plan& plan) {
  Tensor tensor = collect(plan, result_type(plan));
  plan = {tensor, StridedView::whole(tensor.dims()), {}};
}

/// Moves the axes of scales with the sizes; false where an axis is no dimension of the new shape.
bool reshape_scales(std::vector<Operation>& operations, const Dims& from, const Dims& to) {
  std::vector<Operation> moved = operations;
  for (Operation& operation : moved) {
    auto* s = std::get_if<ScaleAxis>(&operation);
    if (!s) continue;
    const auto inner_of = [](const Dims& dims, size_t axis) {
      int64_t inner = 1;
      for (size_t d = axis + 1; d < dims.size(); ++d) inner *= dims[d];
      return inner;
    };
    const int64_t n = from[static_cast<size_t>(s->axis)];
    const int64_t inner = inner_of(from, static_cast<size_t>(s->axis));
    size_t axis = 0;
    while (axis < to.size() && (to[axis] != n || inner_of(to, axis) != inner)) ++axis;
    if (axis == to.size()) return false;
    s->axis = static_cast<int>(axis);
  }
  operations = std::move(moved);
  return true;
}

void add(Plan& plan, const Transform& transform) {
  if (const auto* splat = std::get_if<Splat>(&transform)) {
    if (!plan.operations.empty()) settle(plan);
    plan.view = {splat->dims, std::vector<int64_t>(splat->dims.size(), 0)};
  } else if (const auto* permute = std::get_if<Permute>(&transform)) {
    if (element_size(plan.source.dtype()) == 0) settle(plan);  // int4 that a cast widens
    plan.view = plan.view.permuted(permute->perm);
    for (Operation& operation : plan.operations) {
      auto* s = std::get_if<ScaleAxis>(&operation);
      if (!s) continue;
      const auto it = std::find(permute->perm.begin(), permute->perm.end(), s->axis);
      s->axis = static_cast<int>(it - permute->perm.begin());
    }
  } else if (const auto* reshape = std::get_if<Reshape>(&transform)) {
    StridedView view = plan.view;
    if (view.reshape(reshape->dims) &&
        reshape_scales(plan.operations, plan.view.dims, reshape->dims)) {
      plan.view = std::move(view);
    } else {
      settle(plan);
      plan.view = StridedView::whole(reshape->dims);
    }
  } else if (const auto* scale = std::get_if<ScaleAxis>(&transform)) {
    plan.operations.push_back(*scale);
  } else if (const auto* cast = std::get_if<CastTo>(&transform)) {
    plan.operations.push_back(*cast);
  } else {
    plan.operations.push_back(std::get<Dequantize>(transform));
  }
}

Plan plan_of(const Constant& constant) {
  const Tensor& source = constant.source();
  Plan plan{source, StridedView::whole(source.dims()), {}};
  for (const Transform& transform : constant.transforms()) add(plan, transform);
  return plan;
}

Tensor materialize_strings(const Constant& constant) {
  const Tensor& source = constant.source();
  StridedView view = StridedView::whole(source.dims());
  std::vector<int32_t> numbers(static_cast<size_t>(source.elements()));
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<int32_t>(i);
  // Reorder the strings' numbers, then take the strings.
  Constant order(Tensor::of<int32_t>(DType::kInt32, source.dims(), numbers));
  for (const Transform& transform : constant.transforms()) order = order.then(transform);
  const Tensor places = order.materialize();
  std::vector<std::string> strings;
  for (int64_t i = 0; i < places.elements(); ++i) {
    strings.push_back(source.strings()[static_cast<size_t>(places.at<int32_t>(i))]);
  }
  return Tensor::of_strings(constant.dims(), std::move(strings));
}

}  // namespace

Tensor Constant::materialize() const {
  if (transforms_.empty()) return source_;
  if (source_.dtype() == DType::kString) return materialize_strings(*this);
  const Plan plan = plan_of(*this);
  const bool same_bytes =
      plan.operations.empty() && plan.view.strides == strides_of(plan.view.dims);
  if (same_bytes) return Tensor(dtype_, dims_, plan.source.bytes());
  return collect(plan, dtype_);
}

Status Constant::stream(const std::function<Status(std::span<const std::byte>)>& sink) const {
  return run(plan_of(*this), sink);
}

}  // namespace pumice
