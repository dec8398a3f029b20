#include "ops/matrix_table.h"

#include <algorithm>
#include <limits>

#include "ops/eval.h"
#include "ops/infer.h"

namespace pumice {
namespace {

struct Band {
  int64_t low, high;
};

std::optional<Band> band_of(const std::vector<int64_t>& k) {
  if (k.empty() || k.size() > 2 || k.front() > k.back()) return std::nullopt;
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  if (k.front() < -kMost || k.back() > kMost) return std::nullopt;
  return Band{k.front(), k.back()};
}

int64_t diagonal_length(int64_t rows, int64_t columns, int64_t d) {
  return std::max<int64_t>(
      0, std::min(rows + std::min<int64_t>(d, 0), columns - std::max<int64_t>(d, 0)));
}

/// Where diagonal d begins in its row of a band `widest` long.
int64_t offset_of(const std::string& align, int64_t d, int64_t length, int64_t widest) {
  bool super = d >= 0;
  bool right = align == "RIGHT_LEFT"   ? super
               : align == "LEFT_RIGHT" ? !super
                                       : align == "RIGHT_RIGHT";
  return right ? widest - length : 0;
}

/// The place of matrix element (r, c) in a band of diagonals [rows of it, widest]; -1 outside.
struct BandLayout {
  Band band;
  int64_t rows, columns, widest;
  std::string align;

  BandLayout(Band b, int64_t r, int64_t c, std::string a)
      : band(b), rows(r), columns(c), widest(0), align(std::move(a)) {
    for (int64_t d = std::max(band.low, -rows); d <= std::min(band.high, columns); ++d)
      widest = std::max(widest, diagonal_length(rows, columns, d));
  }
  int64_t place(int64_t r, int64_t c) const {
    int64_t d = c - r;
    if (d < band.low || d > band.high) return -1;
    int64_t along = d >= 0 ? r : c;
    int64_t length = diagonal_length(rows, columns, d);
    return (band.high - d) * widest + along + offset_of(align, d, length, widest);
  }
};

constexpr int64_t kLargestTable = int64_t{1} << 24;

std::string align_of(const Node& node) {
  // V2 always aligned to the left.
  return node.attributes.string("align", node.op.ends_with("V3") ? "RIGHT_LEFT" : "LEFT_LEFT");
}

Result<MatrixTable> matrix_diag_table(const Node& node, const Dims& x, const MatrixNumbers& n) {
  auto band = band_of(n.k);
  if (!band || x.empty()) return malformed(node, "k is no range of diagonals");
  bool single = band->low == band->high;
  if (!single && x.size() < 2) return malformed(node, "a band needs two axes");
  int64_t widest = x.back();
  int64_t count = single ? 1 : x[x.size() - 2];
  if (count != band->high - band->low + 1)
    return malformed(node, "k and the diagonals do not fit").found(to_string(x));
  int64_t rows = n.rows, columns = n.columns;
  int64_t least_rows = widest - std::min<int64_t>(band->high, 0);
  int64_t least_columns = widest + std::max<int64_t>(band->low, 0);
  if (rows == -1 && columns == -1) {
    rows = columns = std::max(least_rows, least_columns);
  } else if (rows == -1) {
    rows = least_rows;
  } else if (columns == -1) {
    columns = least_columns;
  }
  if (rows < 0 || columns < 0 || rows > kLargestTable || columns > kLargestTable ||
      rows * columns > kLargestTable)
    return unsupported(node, "a matrix of more than 2^24 elements");
  BandLayout layout(*band, rows, columns, align_of(node));
  if (layout.widest != widest)
    return malformed(node, "the diagonals do not fit the matrix")
        .expected(std::to_string(layout.widest) + " elements")
        .found(std::to_string(widest));
  MatrixTable t{{rows, columns}, {}, count * widest, 0, single ? size_t{1} : size_t{2}, 0};
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c) t.from.push_back(layout.place(r, c));
  return t;
}

Status check_matrix(const Node& node, const Dims& x) {
  if (x.size() < 2) return malformed(node, "the input is no matrix").found(to_string(x));
  int64_t rows = x[x.size() - 2], columns = x.back();
  if (rows > kLargestTable || columns > kLargestTable || rows * columns > kLargestTable)
    return unsupported(node, "a matrix of more than 2^24 elements");
  return {};
}

Result<MatrixTable> diag_part_table(const Node& node, const Dims& x, const MatrixNumbers& n) {
  PUMICE_CHECK(check_matrix(node, x));
  auto band = band_of(n.k);
  int64_t rows = x[x.size() - 2], columns = x.back();
  if (!band || (rows > 0 && band->low <= -rows && band->low != 0) ||
      (columns > 0 && band->high >= columns && band->high != 0))
    return malformed(node, "k is no range of the matrix's diagonals");
  BandLayout layout(*band, rows, columns, align_of(node));
  int64_t count = band->high - band->low + 1;
  MatrixTable t{{},
                std::vector<int64_t>(static_cast<size_t>(count * layout.widest), -1),
                rows * columns,
                0,
                2,
                0};
  if (count > 1) t.inner.push_back(count);
  t.inner.push_back(layout.widest);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c)
      if (int64_t at = layout.place(r, c); at >= 0)
        t.from[static_cast<size_t>(at)] = r * columns + c;
  return t;
}

Result<MatrixTable> set_diag_table(const Node& node, const Dims& x, const Dims& diagonal,
                                   const MatrixNumbers& n) {
  PUMICE_CHECK(check_matrix(node, x));
  auto band = band_of(n.k);
  if (!band) return malformed(node, "k is no range of diagonals");
  int64_t rows = x[x.size() - 2], columns = x.back();
  BandLayout layout(*band, rows, columns, align_of(node));
  int64_t count = band->high - band->low + 1;
  size_t axes = count > 1 ? 2 : 1;
  if (diagonal.size() + 2 != x.size() + axes || diagonal.back() != layout.widest ||
      (axes == 2 && diagonal[diagonal.size() - 2] != count))
    return malformed(node, "the diagonals do not fit the matrix")
        .found(to_string(diagonal) + " for " + to_string(x));
  MatrixTable t{{rows, columns}, {}, rows * columns, count * layout.widest, 2, axes};
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c) {
      int64_t at = layout.place(r, c);
      t.from.push_back(at >= 0 ? rows * columns + at : r * columns + c);
    }
  return t;
}

Result<MatrixTable> band_part_table(const Node& node, const Dims& x, const MatrixNumbers& n) {
  PUMICE_CHECK(check_matrix(node, x));
  int64_t rows = x[x.size() - 2], columns = x.back();
  MatrixTable t{{rows, columns}, {}, rows * columns, 0, 2, 0};
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c) {
      bool in = (n.lower < 0 || r - c <= n.lower) && (n.upper < 0 || c - r <= n.upper);
      t.from.push_back(in ? r * columns + c : -1);
    }
  return t;
}

// Diag puts all of x on the diagonal of a square; DiagPart takes it from there.
Result<MatrixTable> diag_table(const Node& node, const Dims& x) {
  int64_t n = element_count(x).value_or(-1);
  if (n < 0 || n > 4096) return unsupported(node, "a matrix of more than 2^24 elements");
  MatrixTable t{x, std::vector<int64_t>(static_cast<size_t>(n * n), -1), n, 0, x.size(), 0};
  t.inner.insert(t.inner.end(), x.begin(), x.end());
  for (int64_t i = 0; i < n; ++i) t.from[static_cast<size_t>(i * n + i)] = i;
  return t;
}

Result<MatrixTable> plain_diag_part_table(const Node& node, const Dims& x) {
  auto half = static_cast<std::ptrdiff_t>(x.size() / 2);
  Dims inner(x.begin(), x.begin() + half);
  if (x.empty() || x.size() % 2 != 0 || inner != Dims(x.begin() + half, x.end()))
    return malformed(node, "the input is no square").found(to_string(x));
  int64_t n = element_count(inner).value_or(-1);
  if (n < 0 || n > 4096) return unsupported(node, "a matrix of more than 2^24 elements");
  MatrixTable t{inner, {}, n * n, 0, x.size(), 0};
  for (int64_t i = 0; i < n; ++i) t.from.push_back(i * n + i);
  return t;
}

}  // namespace

Result<MatrixTable> matrix_table(const Node& node, const Dims& x, const Dims& second,
                                 const MatrixNumbers& n) {
  if (node.is("Diag")) return diag_table(node, x);
  if (node.is("DiagPart")) return plain_diag_part_table(node, x);
  if (node.is("MatrixBandPart")) return band_part_table(node, x, n);
  if (is_version(node, "MatrixSetDiag")) return set_diag_table(node, x, second, n);
  if (is_version(node, "MatrixDiagPart")) return diag_part_table(node, x, n);
  return matrix_diag_table(node, x, n);
}

}  // namespace pumice
