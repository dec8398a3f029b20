#include "graph/constant.h"

#include <algorithm>

#include "graph/cast.h"

namespace pumice {
namespace {

template <typename... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <typename... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

Tensor splat(const Tensor& input, const Dims& dims) {
  if (input.dtype() == DType::kString) {
    auto n = static_cast<size_t>(element_count(dims).value_or(0));
    return Tensor::of_strings(dims, std::vector<std::string>(n, input.strings().at(0)));
  }
  Tensor out = Tensor::zeros(input.dtype(), dims);
  size_t size = element_size(input.dtype());
  for (int64_t i = 0; i < out.elements(); ++i)
    std::memcpy(out.mutable_data() + i * size, input.data(), size);
  return out;
}

template <size_t Size>
void permute_elements(const std::byte* in, std::byte* out, const Dims& out_dims,
                      const std::vector<int64_t>& in_strides, size_t axis) {
  // Recursion depth is the rank; the innermost loop copies single elements.
  struct Walker {
    const Dims& dims;
    const std::vector<int64_t>& strides;
    std::byte*& out;
    void walk(const std::byte* in, size_t axis) {
      int64_t n = dims[axis], step = strides[axis] * static_cast<int64_t>(Size);
      if (axis + 1 == dims.size()) {
        for (int64_t i = 0; i < n; ++i, out += Size) std::memcpy(out, in + i * step, Size);
      } else {
        for (int64_t i = 0; i < n; ++i) walk(in + i * step, axis + 1);
      }
    }
  };
  Walker{out_dims, in_strides, out}.walk(in, axis);
}

Tensor permute(const Tensor& input, const std::vector<int>& perm) {
  auto strides = strides_of(input.dims());
  Dims dims;
  std::vector<int64_t> in_strides;
  for (int p : perm) {
    dims.push_back(input.dims()[static_cast<size_t>(p)]);
    in_strides.push_back(strides[static_cast<size_t>(p)]);
  }
  if (input.rank() <= 1) return input;
  if (input.dtype() == DType::kString) {
    std::vector<std::string> strings;
    std::vector<int64_t> index(dims.size(), 0);
    for (int64_t i = 0; i < input.elements(); ++i) {
      int64_t at = 0, rest = i;
      for (size_t d = dims.size(); d-- > 0; rest /= dims[d]) at += rest % dims[d] * in_strides[d];
      strings.push_back(input.strings()[static_cast<size_t>(at)]);
    }
    return Tensor::of_strings(dims, std::move(strings));
  }
  Tensor out = Tensor::zeros(input.dtype(), dims);
  if (out.elements() == 0) return out;
  switch (element_size(input.dtype())) {
    case 1: permute_elements<1>(input.data(), out.mutable_data(), dims, in_strides, 0); break;
    case 2: permute_elements<2>(input.data(), out.mutable_data(), dims, in_strides, 0); break;
    case 4: permute_elements<4>(input.data(), out.mutable_data(), dims, in_strides, 0); break;
    case 8: permute_elements<8>(input.data(), out.mutable_data(), dims, in_strides, 0); break;
    case 16: permute_elements<16>(input.data(), out.mutable_data(), dims, in_strides, 0); break;
    default: break;
  }
  return out;
}

Tensor scale_axis(const Tensor& input, const ScaleAxis& scale) {
  Tensor out = Tensor::zeros(DType::kFloat32, input.dims());
  int64_t inner = 1;
  for (size_t d = static_cast<size_t>(scale.axis) + 1; d < input.rank(); ++d)
    inner *= input.dims()[d];
  int64_t n = input.dims()[static_cast<size_t>(scale.axis)];
  float* to = out.mutable_as<float>();
  for (int64_t i = 0; i < input.elements(); ++i)
    to[i] = input.at<float>(i) * (*scale.factors)[static_cast<size_t>(i / inner % n)];
  return out;
}

Tensor dequantize(const Tensor& input, const Dequantize& how) {
  Tensor out = Tensor::zeros(DType::kFloat32, input.dims());
  float* to = out.mutable_as<float>();
  for (int64_t i = 0; i < input.elements(); ++i)
    to[i] = how.scale * static_cast<float>(input.integer_at(i)) + how.minimum;
  return out;
}

Tensor apply_transform(const Tensor& input, const Transform& transform) {
  return std::visit(
      Overloaded{
          [&](const Splat& t) { return splat(input, t.dims); },
          [&](const Permute& t) { return permute(input, t.perm); },
          [&](const Reshape& t) { return input.reshaped(t.dims); },
          [&](const ScaleAxis& t) { return scale_axis(input, t); },
          [&](const CastTo& t) { return cast_tensor(input, t.dtype); },
          [&](const Dequantize& t) { return dequantize(input, t); },
      },
      transform);
}

bool same(const Transform& a, const Transform& b) {
  if (a.index() != b.index()) return false;
  return std::visit(
      Overloaded{
          [&](const Splat& t) { return t.dims == std::get<Splat>(b).dims; },
          [&](const Permute& t) { return t.perm == std::get<Permute>(b).perm; },
          [&](const Reshape& t) { return t.dims == std::get<Reshape>(b).dims; },
          [&](const ScaleAxis& t) {
            const auto& o = std::get<ScaleAxis>(b);
            return t.axis == o.axis && (t.factors == o.factors || *t.factors == *o.factors);
          },
          [&](const CastTo& t) { return t.dtype == std::get<CastTo>(b).dtype; },
          [&](const Dequantize& t) {
            const auto& o = std::get<Dequantize>(b);
            return t.scale == o.scale && t.minimum == o.minimum;
          },
      },
      a);
}

}  // namespace

int64_t Constant::elements() const { return element_count(dims_).value_or(0); }

Constant Constant::then(Transform transform) const {
  Constant c = *this;
  std::visit(Overloaded{
                 [&](const Splat& t) { c.dims_ = t.dims; },
                 [&](const Permute& t) {
                   for (size_t i = 0; i < t.perm.size(); ++i)
                     c.dims_[i] = dims_[static_cast<size_t>(t.perm[i])];
                 },
                 [&](const Reshape& t) { c.dims_ = t.dims; },
                 [&](const ScaleAxis&) { c.dtype_ = DType::kFloat32; },
                 [&](const CastTo& t) { c.dtype_ = t.dtype; },
                 [&](const Dequantize&) { c.dtype_ = DType::kFloat32; },
             },
             transform);
  c.transforms_.push_back(std::move(transform));
  return c;
}

Tensor Constant::materialize() const {
  Tensor tensor = source_;
  for (const Transform& t : transforms_) tensor = apply_transform(tensor, t);
  return tensor;
}

Status Constant::stream(const std::function<Status(std::span<const std::byte>)>& sink) const {
  constexpr size_t kBlock = 256 * 1024;
  Tensor tensor = materialize();
  std::span<const std::byte> bytes = tensor.bytes().view();
  for (size_t at = 0; at < bytes.size(); at += kBlock)
    PUMICE_CHECK(sink(bytes.subspan(at, std::min(kBlock, bytes.size() - at))));
  return {};
}

bool Constant::same_source_as(const Constant& other) const {
  return source_.bytes().data() == other.source_.bytes().data() &&
         source_.bytes().size() == other.source_.bytes().size() &&
         source_.dtype() == other.source_.dtype() && dtype_ == other.dtype_ &&
         source_.dims() == other.source_.dims() && dims_ == other.dims_ &&
         source_.dtype() != DType::kString &&
         std::equal(transforms_.begin(), transforms_.end(), other.transforms_.begin(),
                    other.transforms_.end(), same);
}

}  // namespace pumice
