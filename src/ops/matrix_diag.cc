// Diagonals and bands of matrices. Most of them only move elements between places that the shapes
// and numbers fix: a table says for each element of the result where it comes from.
#include <algorithm>

#include "ops/carrier.h"
#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/matrix_table.h"
#include "ops/movement.h"

namespace pumice {
namespace {

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
std::optional<MatrixNumbers> numbers_of(const Node& node, F&& integers) {
  MatrixNumbers n;
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

std::optional<MatrixNumbers> constant_numbers(const Node& node) {
  return numbers_of(node, [&](size_t i) { return constant_integers(node.operand(i), 2); });
}

size_t operands_of(const Node& node) {
  for (const char* op : {"Diag", "DiagPart", "MatrixDiag", "MatrixDiagPart"})
    if (node.is(op)) return 1;
  if (node.is("MatrixSetDiag")) return 2;
  return node.is("MatrixBandPart") || is_version(node, "MatrixDiagPart") || has_second(node) ? 3
                                                                                             : 5;
}

Status expect(const Node& node) {
  return expect_operands(node, operands_of(node), operands_of(node));
}

/// A table from shapes whose innermost axes are known; outer unknown sizes become 1.
Result<MatrixTable> table_from_shapes(const Node& node, const MatrixNumbers& n) {
  auto sizes = [](const Shape& s) {
    Dims d = s.sizes_or_minus_one();
    for (int64_t& v : d) v = std::max<int64_t>(v, 1);
    return d;
  };
  Dims second;
  if (has_second(node)) second = sizes(node.operand(1)->shape);
  Dims first;
  for (Dim d : node.operand(0)->shape.dims()) first.push_back(d.known() ? d.size() : 1);
  return matrix_table(node, first, second, n);
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
  PUMICE_TRY(MatrixTable t, table_from_shapes(node, *n));
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
  const Dims diagonals = second ? context.in(1).dims() : Dims{};
  PUMICE_TRY(MatrixTable t, matrix_table(context.node, x.dims(), diagonals, *n));
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
  PUMICE_TRY(DType dtype, carrier_of(node, y->dtype, kMovedTypes));
  size_t axes =
      node.is("Diag") || node.is("DiagPart") ? (x->shape.known_rank() ? x->shape.rank() : 0) : 2;
  bool band = n->k.size() == 2 && n->k[0] != n->k[1];
  if (is_version(node, "MatrixDiag") && !is_version(node, "MatrixDiagPart") && !band) axes = 1;
  if (!innermost_known(x->shape, axes) ||
      (has_second(node) && !innermost_known(node.operand(1)->shape, band ? 2 : 1)))
    return unsupported(node, "the matrix's sizes are not known before run time");
  PUMICE_TRY(MatrixTable t, table_from_shapes(node, *n));
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
