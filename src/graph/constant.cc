#include "graph/constant.h"

#include <algorithm>

namespace pumice {
namespace {

template <typename... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <typename... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

bool same(const Transform& a, const Transform& b) {
  if (a.index() != b.index()) return false;
  return std::visit(Overloaded{
                        [&](const Splat& t) { return t.dims == std::get<Splat>(b).dims; },
                        [&](const Permute& t) { return t.perm == std::get<Permute>(b).perm; },
                        [&](const Reshape& t) { return t.dims == std::get<Reshape>(b).dims; },
                        [&](const ScaleAxis& t) {
                          const auto& o = std::get<ScaleAxis>(b);
                          return t.axis == o.axis &&
                                 (t.factors == o.factors || *t.factors == *o.factors);
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

int64_t Constant::elements() const { return element_count(dims()).value_or(0); }

Constant Constant::then(Transform transform) const {
  Constant c = *this;
  c.dims_ = dims();
  std::visit(Overloaded{
                 [&](const Splat& t) { c.dims_ = t.dims; },
                 [&](const Permute& t) {
                   for (size_t i = 0; i < t.perm.size(); ++i)
                     c.dims_[i] = dims()[static_cast<size_t>(t.perm[i])];
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

bool Constant::same_source_as(const Constant& other) const {
  return source_.bytes().data() == other.source_.bytes().data() &&
         source_.bytes().size() == other.source_.bytes().size() &&
         source_.dtype() == other.source_.dtype() && dtype_ == other.dtype_ &&
         source_.dims() == other.source_.dims() && dims() == other.dims() &&
         source_.dtype() != DType::kString &&
         std::equal(transforms_.begin(), transforms_.end(), other.transforms_.begin(),
                    other.transforms_.end(), same);
}

}  // namespace pumice
