#include "graph/shape.h"

#include <algorithm>

namespace pumice {

Shape::Shape(const Dims& dims) : known_(true) {
  dims_.reserve(dims.size());
  for (const int64_t d : dims) dims_.push_back(d);
}

bool Shape::fully_known() const {
  return known_ && std::all_of(dims_.begin(), dims_.end(), [](Dim d) { return d.known(); });
}

int Shape::unknown_dims() const {
  return static_cast<int>(
      std::count_if(dims_.begin(), dims_.end(), [](Dim d) { return !d.known(); }));
}

Dims Shape::sizes() const { return sizes_or_minus_one(); }

Dims Shape::sizes_or_minus_one() const {
  Dims sizes;
  sizes.reserve(dims_.size());
  for (Dim d : dims_) sizes.push_back(d.size_or_minus_one());
  return sizes;
}

std::optional<int64_t> Shape::elements() const {
  if (!fully_known()) return std::nullopt;
  return element_count(sizes());
}

std::optional<int64_t> element_count(const Dims& dims) {
  int64_t count = 1;
  // A zero anywhere makes the tensor empty, even beside sizes whose product overflows.
  for (int64_t d : dims) {
    if (d < 0) return std::nullopt;
    if (d == 0) count = 0;
  }
  if (count == 0) return 0;
  for (int64_t d : dims)
    if (__builtin_mul_overflow(count, d, &count)) return std::nullopt;
  return count;
}

std::string to_string(const Shape& shape) {
  if (!shape.known_rank()) return "?";
  std::string text = "[";
  for (size_t i = 0; i < shape.rank(); ++i) {
    if (i) text += ",";
    Dim d = shape[i];
    if (d.known()) {
      text += std::to_string(d.size());
    } else if (d.is_complement()) {
      text += std::to_string(d.total()) + "-" + to_string(Shape{d.missing()}).substr(1);
      text.pop_back();
    } else if (d.is_symbol() && d.symbol_id() < 26) {
      text += static_cast<char>('a' + d.symbol_id());
    } else if (d.is_symbol()) {
      text += "s" + std::to_string(d.symbol_id());
    } else {
      text += "?";
    }
  }
  return text + "]";
}

std::string to_string(const Dims& dims) { return to_string(Shape(dims)); }

std::optional<Dim> broadcast(Dim a, Dim b) {
  if (a.same_as(b)) return a;
  if (a.known() && a.size() == 1) return b;
  if (b.known() && b.size() == 1) return a;
  if (a.known() && b.known()) return std::nullopt;
  // A size other than 1 wins over an unknown one, which must be 1 or that size.
  if (a.known()) return a;
  if (b.known()) return b;
  return Dim::unknown();
}

std::optional<Shape> broadcast(const Shape& a, const Shape& b) {
  if (!a.known_rank() || !b.known_rank()) return Shape::unknown();
  size_t rank = std::max(a.rank(), b.rank());
  DimVector dims(rank);
  for (size_t i = 0; i < rank; ++i) {
    Dim da = i + a.rank() < rank ? Dim(1) : a[i + a.rank() - rank];
    Dim db = i + b.rank() < rank ? Dim(1) : b[i + b.rank() - rank];
    auto d = broadcast(da, db);
    if (!d) return std::nullopt;
    dims[i] = *d;
  }
  return Shape(std::move(dims));
}

std::optional<Dim> merge(Dim a, Dim b) {
  if (a.known() && b.known()) return a == b ? std::optional<Dim>(a) : std::nullopt;
  if (a.known()) return a;
  if (b.known()) return b;
  return a.is_symbol() ? a : b;
}

std::optional<Shape> merge(const Shape& a, const Shape& b) {
  if (!a.known_rank()) return b;
  if (!b.known_rank()) return a;
  if (a.rank() != b.rank()) return std::nullopt;
  DimVector dims(a.rank());
  for (size_t i = 0; i < dims.size(); ++i) {
    auto d = merge(a[i], b[i]);
    if (!d) return std::nullopt;
    dims[i] = *d;
  }
  return Shape(std::move(dims));
}

Shape generalize(const Shape& a, const Shape& b) {
  if (!a.known_rank() || !b.known_rank() || a.rank() != b.rank()) return Shape::unknown();
  DimVector dims(a.rank());
  for (size_t i = 0; i < dims.size(); ++i) dims[i] = a[i] == b[i] ? a[i] : Dim::unknown();
  return Shape(std::move(dims));
}

Dim operator+(Dim a, Dim b) {
  if (a.known() && a.size() == 0) return b;
  if (b.known() && b.size() == 0) return a;
  if (a.is_complement() && b.same_as(a.missing())) return a.total();
  if (b.is_complement() && a.same_as(b.missing())) return b.total();
  int64_t sum;
  if (a.known() && b.known() && !__builtin_add_overflow(a.size(), b.size(), &sum)) return sum;
  return Dim::unknown();
}

Dim operator-(Dim a, Dim b) {
  if (b.known() && b.size() == 0) return a;
  if (a.same_as(b)) return 0;
  if (a.known() && b.is_symbol()) return Dim::complement(a.size(), b);
  if (a.known() && b.is_complement() && a.size() == b.total()) return b.missing();
  if (a.known() && b.known() && a.size() >= b.size()) return a.size() - b.size();
  return Dim::unknown();
}

Dim operator*(Dim a, Dim b) {
  if (a.known() && a.size() == 1) return b;
  if (b.known() && b.size() == 1) return a;
  if ((a.known() && a.size() == 0) || (b.known() && b.size() == 0)) return 0;
  int64_t product;
  if (a.known() && b.known() && !__builtin_mul_overflow(a.size(), b.size(), &product))
    return product;
  return Dim::unknown();
}

std::optional<size_t> normalize_axis(int64_t axis, size_t rank) {
  int64_t r = static_cast<int64_t>(rank);
  if (axis < -r || axis >= r) return std::nullopt;
  return static_cast<size_t>(axis < 0 ? axis + r : axis);
}

std::vector<int64_t> strides_of(const Dims& dims) {
  std::vector<int64_t> strides(dims.size(), 1);
  for (size_t i = dims.size(); i-- > 1;) strides[i - 1] = strides[i] * dims[i];
  return strides;
}

}  // namespace pumice
