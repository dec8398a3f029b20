// Diagonals and bands of matrices. Most of them only move elements between places that the shapes
// and numbers fix: a table says for each element of the result where it comes from.
#include <algorithm>
#include <limits>

#include "ops/carrier.h"
#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/movement.h"

namespace pumice {
namespace {

/// What one matrix of the result is made of: for each element, in order, an element of the first
/// operand's innermost part (0…), of the second one's (after those), or -1: the padding.
struct Table {
  Dims inner;  // sizes of the result's innermost axes
  std::vector<int64_t> from;
  int64_t first, second;           // how many elements one part of each operand has
  size_t first_axes, second_axes;  // over how many axes; second 0: there is no second operand
};

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

/// The numbers that fix a table: operands after the tensors, when constant.
struct Numbers {
  std::vector<int64_t> k{0};
  int64_t rows = -1, columns = -1;
  int64_t lower = 0, upper = 0;
};

bool is_version(const Node& node, std::string_view name) { return node.op.rfind(name, 0) == 0; }

std::string align_of(const Node& node) {
  // V2 always aligned to the left.
  return node.attributes.string("align", node.op.ends_with("V3") ? "RIGHT_LEFT" : "LEFT_LEFT");
}

Result<Table> matrix_diag_table(const Node& node, const Dims& x, const Numbers& n) {
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
  Table t{{rows, columns}, {}, count * widest, 0, single ? size_t{1} : size_t{2}, 0};
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

Result<Table> diag_part_table(const Node& node, const Dims& x, const Numbers& n) {
  PUMICE_CHECK(check_matrix(node, x));
  auto band = band_of(n.k);
  int64_t rows = x[x.size() - 2], columns = x.back();
  if (!band || (rows > 0 && band->low <= -rows && band->low != 0) ||
      (columns > 0 && band->high >= columns && band->high != 0))
    return malformed(node, "k is no range of the matrix's diagonals");
  BandLayout layout(*band, rows, columns, align_of(node));
  int64_t count = band->high - band->low + 1;
  Table t{{},
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

Result<Table> set_diag_table(const Node& node, const Dims& x, const Dims& diagonal,
                             const Numbers& n) {
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
  Table t{{rows, columns}, {}, rows * columns, count * layout.widest, 2, axes};
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c) {
      int64_t at = layout.place(r, c);
      t.from.push_back(at >= 0 ? rows * columns + at : r * columns + c);
    }
  return t;
}

Result<Table> band_part_table(const Node& node, const Dims& x, const Numbers& n) {
  PUMICE_CHECK(check_matrix(node, x));
  int64_t rows = x[x.size() - 2], columns = x.back();
  Table t{{rows, columns}, {}, rows * columns, 0, 2, 0};
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c) {
      bool in = (n.lower < 0 || r - c <= n.lower) && (n.upper < 0 || c - r <= n.upper);
      t.from.push_back(in ? r * columns + c : -1);
    }
  return t;
}

// Diag puts all of x on the diagonal of a square; DiagPart takes it from there.
Result<Table> diag_table(const Node& node, const Dims& x) {
  int64_t n = element_count(x).value_or(-1);
  if (n < 0 || n > 4096) return unsupported(node, "a matrix of more than 2^24 elements");
  Table t{x, std::vector<int64_t>(static_cast<size_t>(n * n), -1), n, 0, x.size(), 0};
  t.inner.insert(t.inner.end(), x.begin(), x.end());
  for (int64_t i = 0; i < n; ++i) t.from[static_cast<size_t>(i * n + i)] = i;
  return t;
}

Result<Table> plain_diag_part_table(const Node& node, const Dims& x) {
  auto half = static_cast<std::ptrdiff_t>(x.size() / 2);
  Dims inner(x.begin(), x.begin() + half);
  if (x.empty() || x.size() % 2 != 0 || inner != Dims(x.begin() + half, x.end()))
    return malformed(node, "the input is no square").found(to_string(x));
  int64_t n = element_count(inner).value_or(-1);
  if (n < 0 || n > 4096) return unsupported(node, "a matrix of more than 2^24 elements");
  Table t{inner, {}, n * n, 0, x.size(), 0};
  for (int64_t i = 0; i < n; ++i) t.from.push_back(i * n + i);
  return t;
}

/// The table for these sizes of the innermost axes. `x` and `second` are whole sizes; outer axes
/// may hold anything.
Result<Table> table_of(const Node& node, const Dims& x, const Dims& second, const Numbers& n) {
  if (node.is("Diag")) return diag_table(node, x);
  if (node.is("DiagPart")) return plain_diag_part_table(node, x);
  if (node.is("MatrixBandPart")) return band_part_table(node, x, n);
  if (is_version(node, "MatrixSetDiag")) return set_diag_table(node, x, second, n);
  if (is_version(node, "MatrixDiagPart")) return diag_part_table(node, x, n);
  return matrix_diag_table(node, x, n);
}

bool has_second(const Node& node) { return is_version(node, "MatrixSetDiag"); }

/// Which operand is the padding; none where it is 0.
std::optional<size_t> padding_operand(const Node& node) {
  if (node.op.ends_with("V2") || node.op.ends_with("V3")) {
    if (is_version(node, "MatrixDiagPart")) return 2;
    if (is_version(node, "MatrixSetDiag")) return std::nullopt;
    return 4;  // MatrixDiagV2, V3
  }
  return std::nullopt;
}

/// The numbers, read with `integers(operand)`; nullopt when one of them is not known.
template <typename F>
std::optional<Numbers> numbers_of(const Node& node, F&& integers) {
  Numbers n;
  auto scalar = [&](size_t operand, int64_t& to) {
    auto list = integers(operand);
    if (!list || list->size() != 1) return false;
    to = list->front();
    return true;
  };
  auto band = [&](size_t operand) {
    auto list = integers(operand);
    if (!list) return false;
    n.k = *list;
    return true;
  };
  bool versioned = node.op.ends_with("V2") || node.op.ends_with("V3");
  if (node.is("MatrixBandPart")) {
    if (!scalar(1, n.lower) || !scalar(2, n.upper)) return std::nullopt;
  } else if (versioned && has_second(node)) {
    if (!band(2)) return std::nullopt;
  } else if (versioned && is_version(node, "MatrixDiagPart")) {
    if (!band(1)) return std::nullopt;
  } else if (versioned) {
    if (!band(1) || !scalar(2, n.rows) || !scalar(3, n.columns)) return std::nullopt;
  }
  return n;
}

std::optional<Numbers> constant_numbers(const Node& node) {
  return numbers_of(node, [&](size_t i) { return constant_integers(node.operand(i), 2); });
}

Status expect(const Node& node) {
  size_t n =
      node.is("Diag") || node.is("DiagPart") || node.is("MatrixDiag") || node.is("MatrixDiagPart")
          ? 1
      : node.is("MatrixSetDiag")                                                            ? 2
      : node.is("MatrixBandPart") || is_version(node, "MatrixDiagPart") || has_second(node) ? 3
                                                                                            : 5;
  return expect_operands(node, n, n);
}

/// A table from shapes whose innermost axes are known; outer unknown sizes become 1.
Result<Table> table_from_shapes(const Node& node, const Numbers& n) {
  auto sizes = [](const Shape& s) {
    Dims d = s.sizes_or_minus_one();
    for (int64_t& v : d) v = std::max<int64_t>(v, 1);
    return d;
  };
  Dims second;
  if (has_second(node)) second = sizes(node.operand(1)->shape);
  Dims first;
  for (Dim d : node.operand(0)->shape.dims()) first.push_back(d.known() ? d.size() : 1);
  return table_of(node, first, second, n);
}

bool innermost_known(const Shape& s, size_t axes) {
  if (!s.known_rank()) return false;
  for (size_t i = s.rank() - std::min(axes, s.rank()); i < s.rank(); ++i)
    if (!s[i].known()) return false;
  return true;
}

Status infer_matrix(Node& node) {
  PUMICE_CHECK(expect(node));
  const Shape& x = node.operand(0)->shape;
  set_result(node, 0, node.operand(0)->dtype, Shape());
  if (node.is("MatrixBandPart") || has_second(node)) {
    node.result()->shape = x;
    return {};
  }
  auto n = constant_numbers(node);
  size_t axes = node.is("Diag") || node.is("DiagPart") ? (x.known_rank() ? x.rank() : 0) : 2;
  bool band = n && n->k.size() == 2 && n->k[0] != n->k[1];
  if (is_version(node, "MatrixDiag") && !is_version(node, "MatrixDiagPart") && !band) axes = 1;
  if (!n || !innermost_known(x, axes) || x.rank() < 1) {
    if (x.known_rank() && node.is("MatrixDiag"))
      node.result()->shape = Shape::of_rank(x.rank() + 1);
    return {};
  }
  PUMICE_TRY(Table t, table_from_shapes(node, *n));
  std::vector<Dim> dims(x.dims().begin(),
                        x.dims().end() - static_cast<std::ptrdiff_t>(t.first_axes));
  dims.insert(dims.end(), t.inner.begin(), t.inner.end());
  node.result()->shape = Shape(std::move(dims));
  return {};
}

Status evaluate_matrix(EvalContext& context) {
  const Tensor& x = context.in(0);
  auto n =
      numbers_of(context.node, [&](size_t i) { return std::optional(context.in(i).integers()); });
  if (!n) return malformed(context.node, "a number is no single integer");
  bool second = has_second(context.node);
  PUMICE_TRY(Table t, table_of(context.node, x.dims(), second ? context.in(1).dims() : Dims{}, *n));
  Dims dims(x.dims().begin(), x.dims().end() - static_cast<std::ptrdiff_t>(t.first_axes));
  int64_t outer = element_count(dims).value_or(0);
  if (second && element_count(Dims(context.in(1).dims().begin(),
                                   context.in(1).dims().end() -
                                       static_cast<std::ptrdiff_t>(t.second_axes))) != outer)
    return malformed(context.node, "the diagonals do not fit the matrices");
  dims.insert(dims.end(), t.inner.begin(), t.inner.end());
  PUMICE_CHECK(check_allocatable(context, dims));
  auto pad = padding_operand(context.node);
  Tensor padding = Tensor::zeros(x.dtype(), {});
  if (pad) {
    padding = context.in(*pad);
    if (padding.elements() != 1 || padding.dtype() != x.dtype())
      return malformed(context.node, "the padding is no single element of the input's dtype");
  }
  // Both operands end to end: a second one follows the whole of the first.
  Tensor all = x;
  if (second) {
    if (context.in(1).dtype() != x.dtype())
      return malformed(context.node, "the diagonals have another dtype than the matrices");
    std::vector<std::byte> bytes(x.bytes().view().begin(), x.bytes().view().end());
    auto more = context.in(1).bytes().view();
    bytes.insert(bytes.end(), more.begin(), more.end());
    all =
        Tensor(x.dtype(), {x.elements() + context.in(1).elements()}, Bytes::own(std::move(bytes)));
  }
  std::vector<int64_t> from;
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i : t.from)
      from.push_back(i < 0         ? -1
                     : i < t.first ? o * t.first + i
                                   : x.elements() + o * t.second + i - t.first);
  context.outputs = {read_indexed(all, std::move(dims), from, padding)};
  return {};
}

/// x as [outer, elements of a part].
Result<Value*> as_parts(const Node& node, Lowering& lowering, Value* x, size_t axes, int64_t part) {
  Dim outer = 1;
  for (size_t i = 0; i + axes < x->shape.rank(); ++i) outer = outer * x->shape[i];
  Shape flat{outer, Dim(part)};
  if (!one_minus_one(flat)) return unsupported(node, "an empty matrix");
  return lowering.reshape(x, flat);
}

// GATHER along the elements of each part, the second operand and the padding behind the first.
Status lower_matrix(Node& node, Lowering& lowering) {
  Value *x = node.operand(0), *y = node.result();
  auto n = constant_numbers(node);
  if (!n) return unsupported(node, "the diagonals are not known before run time");
  PUMICE_TRY(DType dtype, carrier_of(node, y->dtype,
                                     {DType::kFloat32, DType::kFloat16, DType::kInt8, DType::kInt16,
                                      DType::kInt32, DType::kInt64, DType::kUInt8, DType::kBool}));
  size_t axes =
      node.is("Diag") || node.is("DiagPart") ? (x->shape.known_rank() ? x->shape.rank() : 0) : 2;
  bool band = n->k.size() == 2 && n->k[0] != n->k[1];
  if (is_version(node, "MatrixDiag") && !is_version(node, "MatrixDiagPart") && !band) axes = 1;
  if (!innermost_known(x->shape, axes) ||
      (has_second(node) && !innermost_known(node.operand(1)->shape, band ? 2 : 1)))
    return unsupported(node, "the matrix's sizes are not known before run time");
  PUMICE_TRY(Table t, table_from_shapes(node, *n));
  auto pad = padding_operand(node);
  bool padded = std::find(t.from.begin(), t.from.end(), -1) != t.from.end();
  PUMICE_TRY(Value * parts,
             as_parts(node, lowering, carry(lowering, x, dtype), t.first_axes, t.first));
  Dim outer = parts->shape[0];
  std::vector<Value*> joined{parts};
  int64_t length = t.first;
  if (has_second(node)) {
    PUMICE_TRY(Value * more, as_parts(node, lowering, carry(lowering, node.operand(1), dtype),
                                      t.second_axes, t.second));
    joined.push_back(more);
    length += t.second;
  }
  Value* all = lowering.concat(joined, 1);
  all->shape = Shape{outer, Dim(length)};
  if (padded) {
    Value* value =
        pad ? lowering.reshape(carry(lowering, node.operand(*pad), dtype), Shape::scalar())
            : nullptr;
    all = lowering.pad(all, {{0, 0}, {0, 1}}, value);
    for (int64_t& i : t.from)
      if (i < 0) i = length;
  }
  Value* picked = lowering.emit("GATHER", {all, lowering.constant_i32(t.from)},
                                {{"axis", int64_t{1}}, {"batch_dims", int64_t{0}}}, dtype,
                                Shape{outer, Dim(static_cast<int64_t>(t.from.size()))});
  std::vector<Dim> dims(x->shape.dims().begin(),
                        x->shape.dims().end() - static_cast<std::ptrdiff_t>(t.first_axes));
  dims.insert(dims.end(), t.inner.begin(), t.inner.end());
  Shape to(dims);
  Value* out;
  if (one_minus_one(to)) {
    out = lowering.reshape(picked, to);
  } else {
    Value* const sources[] = {x};
    auto sizes = lowering.shape_vector(to, sources);
    if (!sizes.ok()) return std::move(sizes).error().at(node.name, node.op);
    out = lowering.reshape(picked, *sizes, to);
  }
  lowering.replace(node, 0, carry(lowering, out, y->dtype));
  return {};
}

constexpr std::string_view kHow = "GATHER";
constexpr std::string_view kLimits = "matrices of unknown size; more than 2^24 elements in one";

constexpr OpDef kOps[] = {
    {"Diag", infer_matrix, evaluate_matrix, lower_matrix, kHow, kLimits},
    {"DiagPart", infer_matrix, evaluate_matrix, lower_matrix, kHow, kLimits},
    {"MatrixBandPart", infer_matrix, evaluate_matrix, lower_matrix, kHow, kLimits},
    {"MatrixDiag", infer_matrix, evaluate_matrix, lower_matrix, kHow, kLimits},
    {"MatrixDiagPart", infer_matrix, evaluate_matrix, lower_matrix, kHow, kLimits},
    {"MatrixDiagPartV2", infer_matrix, evaluate_matrix, lower_matrix, kHow, kLimits},
    {"MatrixDiagPartV3", infer_matrix, evaluate_matrix, lower_matrix, kHow, kLimits},
    {"MatrixDiagV2", infer_matrix, evaluate_matrix, lower_matrix, kHow, kLimits},
    {"MatrixDiagV3", infer_matrix, evaluate_matrix, lower_matrix, kHow, kLimits},
    {"MatrixSetDiag", infer_matrix, evaluate_matrix, lower_matrix, kHow, kLimits},
    {"MatrixSetDiagV2", infer_matrix, evaluate_matrix, lower_matrix, kHow, kLimits},
    {"MatrixSetDiagV3", infer_matrix, evaluate_matrix, lower_matrix, kHow, kLimits},
};

}  // namespace

std::span<const OpDef> matrix_diag_ops() { return kOps; }

}  // namespace pumice
