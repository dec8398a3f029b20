// Shapes whose rank or dimensions may be unknown. An unknown dimension may have an identity (a
// symbol), so that "the same batch" is known to be the same along a graph.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "graph/small_vector.h"

namespace pumice {

/// Fully known dimensions, outermost first.
using Dims = std::vector<int64_t>;

/// One dimension: known (>= 0), unknown, or unknown with an identity: a symbol s, or the complement
/// k - s of a symbol to a known size (what padding to k adds, so that s + (k - s) is known to be
/// k).
class Dim {
 public:
  constexpr Dim() = default;                                              // unknown
  constexpr Dim(int64_t size) : code_(size < 0 ? kUnknownCode : size) {}  // NOLINT: converts
  static constexpr Dim unknown() { return Dim(); }
  /// The symbol number `id` (>= 0). Two Dims with the same symbol have the same size at run time.
  static constexpr Dim symbol(int64_t id) {
    Dim d;
    d.code_ = -2 - id;
    return d;
  }

  /// `size` minus the symbol; unknown where it cannot be represented.
  static constexpr Dim complement(int64_t size, Dim symbol) {
    Dim d;
    if (!symbol.is_symbol() || symbol.symbol_id() >= kIds || size < 0 || size >= kLargestTotal)
      return d;
    d.code_ = kComplements - size * kIds - symbol.symbol_id();
    return d;
  }

  constexpr bool known() const { return code_ >= 0; }
  constexpr bool is_symbol() const { return code_ <= -2 && code_ > kComplements; }
  constexpr bool is_complement() const { return code_ <= kComplements; }
  /// Of a complement: the total, and the symbol that it is short of.
  constexpr int64_t total() const { return (kComplements - code_) / kIds; }
  constexpr Dim missing() const { return symbol((kComplements - code_) % kIds); }
  constexpr int64_t size() const { return code_; }  // only if known()
  constexpr int64_t symbol_id() const { return -2 - code_; }
  /// The size, or -1 where it is not known: the form that files use.
  constexpr int64_t size_or_minus_one() const { return known() ? code_ : -1; }

  /// Surely equal at run time: the same size or the same symbol. Two plain unknowns are not.
  constexpr bool same_as(Dim other) const { return code_ == other.code_ && code_ != kUnknownCode; }
  /// Equal as descriptions (two plain unknowns are).
  friend constexpr bool operator==(Dim a, Dim b) { return a.code_ == b.code_; }

 private:
  static constexpr int64_t kUnknownCode = -1;
  static constexpr int64_t kIds = int64_t{1} << 31;  // symbols that complements can name
  static constexpr int64_t kLargestTotal = int64_t{1} << 30;
  static constexpr int64_t kComplements = -(int64_t{1} << 61);  // codes from here down
  int64_t code_ = kUnknownCode;
};

/// Dimensions, outermost first. Up to four, as nearly all shapes have, need no allocation.
using DimVector = SmallVector<Dim, 4>;

/// A shape: of unknown rank, or a list of Dims.
class Shape {
 public:
  Shape() = default;                                               // unknown rank
  Shape(DimVector dims) : dims_(std::move(dims)), known_(true) {}  // NOLINT: converts
  Shape(const std::vector<Dim>& dims) : Shape(DimVector(dims)) {}  // NOLINT: converts
  Shape(std::initializer_list<Dim> dims) : Shape(DimVector(dims)) {}
  Shape(const Dims& dims);  // NOLINT: converts
  static Shape unknown() { return Shape(); }
  static Shape scalar() { return Shape(DimVector()); }
  /// `rank` unknown dimensions.
  static Shape of_rank(size_t rank) { return Shape(DimVector(rank)); }

  bool known_rank() const { return known_; }
  size_t rank() const { return dims_.size(); }     // only if known_rank()
  const DimVector& dims() const { return dims_; }  // only if known_rank()
  DimVector& dims() { return dims_; }
  Dim operator[](size_t i) const { return dims_[i]; }
  Dim& operator[](size_t i) { return dims_[i]; }
  bool is_rank(size_t n) const { return known_rank() && rank() == n; }
  bool fully_known() const;
  int unknown_dims() const;  // number of dimensions that are not known; only if known_rank()
  /// The sizes; only if fully_known().
  Dims sizes() const;
  /// The sizes with -1 for what is unknown; only if known_rank().
  Dims sizes_or_minus_one() const;
  /// The product of all sizes where they are known and it fits in int64.
  std::optional<int64_t> elements() const;

  friend bool operator==(const Shape&, const Shape&) = default;

 private:
  [[no_unique_address]] DimVector dims_;  // empty where the rank is unknown
  bool known_ = false;
};

/// The product of `dims`; empty on a negative size or on overflow.
std::optional<int64_t> element_count(const Dims& dims);

/// "[1,?,300,3]", "[]" for a scalar, "?" for unknown rank; a symbol shows as a letter ("a", "b",
/// …).
std::string to_string(const Shape& shape);
std::string to_string(const Dims& dims);

/// NumPy broadcasting of two dimensions; nullopt when they surely cannot be broadcast.
std::optional<Dim> broadcast(Dim a, Dim b);
/// NumPy broadcasting of shapes; nullopt when they surely cannot be broadcast.
std::optional<Shape> broadcast(const Shape& a, const Shape& b);

/// What both descriptions say of the same shape; nullopt when they contradict each other.
std::optional<Dim> merge(Dim a, Dim b);
std::optional<Shape> merge(const Shape& a, const Shape& b);

/// What holds for either shape (a loop variable, two branches): differing dimensions become
/// unknown.
Shape generalize(const Shape& a, const Shape& b);

/// Arithmetic on dimensions; unknown where the result is not surely known. Keeps symbols through
/// multiplication and division by 1 and addition of 0.
Dim operator+(Dim a, Dim b);
Dim operator-(Dim a, Dim b);
Dim operator*(Dim a, Dim b);

/// Turns an axis of -rank..rank-1 into 0..rank-1; nullopt outside.
std::optional<size_t> normalize_axis(int64_t axis, size_t rank);

/// Row-major strides, in elements.
std::vector<int64_t> strides_of(const Dims& dims);

}  // namespace pumice
