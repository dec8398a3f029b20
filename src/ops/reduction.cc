// Reductions over axes.
#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/lower_math.h"

namespace pumice {
namespace {

/// Which dimensions are reduced. An axis out of range or given twice is an error, as in TensorFlow.
Result<std::vector<bool>> reduced_axes(const Node& node, const std::vector<int64_t>& axes,
                                       size_t rank) {
  std::vector<bool> reduced(rank, false);
  for (int64_t axis : axes) {
    auto i = normalize_axis(axis, rank);
    if (!i)
      return malformed(node, "an axis is out of range")
          .expected("at most rank " + std::to_string(rank))
          .found(std::to_string(axis));
    if (reduced[*i]) return malformed(node, "an axis is given twice").found(std::to_string(axis));
    reduced[*i] = true;
  }
  return reduced;
}

bool keeps_dims(const Node& node) { return node.attributes.boolean("keep_dims"); }

Shape reduced_shape(const Shape& shape, const std::vector<bool>& reduced, bool keep) {
  std::vector<Dim> dims;
  for (size_t i = 0; i < shape.rank(); ++i) {
    if (!reduced[i])
      dims.push_back(shape[i]);
    else if (keep)
      dims.push_back(1);
  }
  return Shape(std::move(dims));
}

/// The reduction of a vector of which something is known, as shape arithmetic needs it.
void infer_partial(Node& node) {
  Value* result = node.result();
  if (!is_integer(result->dtype) || result->shape.elements() != 1) return;
  auto elements = known_elements(node.operand(0));
  if (!elements || !node.operand(0)->shape.is_rank(1)) return;
  const bool product = node.is("Prod"), sum = node.is("Sum");
  if (!product && !sum) return;
  Dim total = product ? 1 : 0;
  for (Dim d : *elements) total = product ? total * d : total + d;
  result->partial = {total};
}

Status infer_reduce(Node& node) {
  PUMICE_CHECK(expect_operands(node, 2, 2));
  const Value *x = node.operand(0), *axis = node.operand(1);
  auto axes = constant_integers(axis);
  Shape shape;
  if (axes && x->shape.known_rank()) {
    PUMICE_TRY(std::vector<bool> reduced, reduced_axes(node, *axes, x->shape.rank()));
    shape = reduced_shape(x->shape, reduced, keeps_dims(node));
  } else if (x->shape.known_rank()) {
    // Unknown axes: their number tells the rank.
    const size_t rank = x->shape.rank();
    auto count = axis->shape.elements();
    if (keeps_dims(node)) {
      shape = Shape::of_rank(rank);
    } else if (count && *count <= static_cast<int64_t>(rank)) {
      shape = Shape::of_rank(rank - static_cast<size_t>(*count));
    }
  }
  set_result(node, 0, x->dtype, std::move(shape));
  infer_partial(node);
  return {};
}

// Evaluation.

/// Calls f(from, to) for each element of the input and the element of the result it belongs to.
template <typename F>
void for_each_reduced(const Dims& dims, const std::vector<bool>& reduced, F&& f) {
  const size_t rank = dims.size();
  std::vector<int64_t> step(rank, 0), index(rank, 0);
  int64_t stride = 1;
  for (size_t d = rank; d-- > 0;) {
    if (reduced[d]) continue;
    step[d] = stride;
    stride *= dims[d];
  }
  int64_t to = 0;
  for (int64_t from = 0, n = element_count(dims).value_or(0); from < n; ++from) {
    f(from, to);
    for (size_t d = rank; d-- > 0;) {
      to += step[d];
      if (++index[d] < dims[d]) break;
      to -= step[d] * dims[d];
      index[d] = 0;
    }
  }
}

// Each reduction: the accumulator's type and start, one step, and the result from it and the count.
// Sums of floats are taken in double: closer to the true sum than any order of float32.
template <typename T>
using Wide = std::conditional_t<std::is_floating_point_v<T>, double,
                                std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>>;

struct SumOf {
  template <typename T>
  static Wide<T> start() {
    return 0;
  }
  template <typename T>
  static Wide<T> step(Wide<T> a, T v) {
    if constexpr (std::is_floating_point_v<T>)
      return a + v;
    else
      return static_cast<Wide<T>>(static_cast<uint64_t>(a) + static_cast<uint64_t>(v));
  }
  template <typename T>
  static T end(Wide<T> a, int64_t) {
    return static_cast<T>(a);
  }
};
struct MeanOf : SumOf {
  template <typename T>
  static T end(Wide<T> a, int64_t n) {
    if constexpr (std::is_floating_point_v<T>)
      return static_cast<T>(a / static_cast<double>(n));
    else
      return n == 0 ? T{} : static_cast<T>(a / static_cast<Wide<T>>(n));
  }
};
struct ProductOf {
  template <typename T>
  static Wide<T> start() {
    return 1;
  }
  template <typename T>
  static Wide<T> step(Wide<T> a, T v) {
    if constexpr (std::is_floating_point_v<T>)
      return a * v;
    else
      return static_cast<Wide<T>>(static_cast<uint64_t>(a) * static_cast<uint64_t>(v));
  }
  template <typename T>
  static T end(Wide<T> a, int64_t) {
    return static_cast<T>(a);
  }
};
struct NormOf : SumOf {
  template <typename T>
  static Wide<T> step(Wide<T> a, T v) {
    const auto wide = static_cast<Wide<T>>(v);
    if constexpr (std::is_floating_point_v<T>)
      return a + wide * wide;
    else  // wraps around
      return static_cast<Wide<T>>(static_cast<uint64_t>(a) +
                                  static_cast<uint64_t>(wide) * static_cast<uint64_t>(wide));
  }
  template <typename T>
  static T end(Wide<T> a, int64_t) {
    return static_cast<T>(std::sqrt(static_cast<double>(a)));
  }
};
struct MaximumOf {
  template <typename T>
  static Wide<T> start() {
    if constexpr (std::is_floating_point_v<T>)
      return -std::numeric_limits<double>::infinity();
    else
      return std::numeric_limits<T>::lowest();
  }
  template <typename T>
  static Wide<T> step(Wide<T> a, T v) {
    return a < static_cast<Wide<T>>(v) || v != v ? static_cast<Wide<T>>(v) : a;
  }
  template <typename T>
  static T end(Wide<T> a, int64_t) {
    return static_cast<T>(a);
  }
};
struct MinimumOf : MaximumOf {
  template <typename T>
  static Wide<T> start() {
    if constexpr (std::is_floating_point_v<T>)
      return std::numeric_limits<double>::infinity();
    else
      return std::numeric_limits<T>::max();
  }
  template <typename T>
  static Wide<T> step(Wide<T> a, T v) {
    return static_cast<Wide<T>>(v) < a || v != v ? static_cast<Wide<T>>(v) : a;
  }
};

Error wrong_dtype(const EvalContext& context) {
  return unsupported(context.node, "is not evaluated for this dtype")
      .found(std::string(dtype_name(context.in(0).dtype())));
}

struct Plan {
  std::vector<bool> reduced;
  Dims dims;      // of the result
  int64_t count;  // elements that become one
};

Result<Plan> plan_of(const EvalContext& context) {
  const Tensor &x = context.in(0), &axis = context.in(1);
  if (!is_integer(axis.dtype())) return malformed(context.node, "the axes are no integers");
  PUMICE_TRY(std::vector<bool> reduced, reduced_axes(context.node, axis.integers(), x.rank()));
  Plan plan{reduced, {}, 1};
  for (size_t i = 0; i < x.rank(); ++i) {
    if (reduced[i]) plan.count *= x.dims()[i];
    if (!reduced[i])
      plan.dims.push_back(x.dims()[i]);
    else if (keeps_dims(context.node))
      plan.dims.push_back(1);
  }
  PUMICE_CHECK(check_allocatable(context, plan.dims));
  return plan;
}

template <typename R>
Status evaluate_reduce(EvalContext& context) {
  const Tensor& x = context.in(0);
  if (is_half(x.dtype())) return evaluate_in_float32(context, x.dtype(), evaluate_reduce<R>);
  PUMICE_TRY(Plan plan, plan_of(context));
  Tensor y = Tensor::zeros(x.dtype(), plan.dims);
  bool known =
      x.dtype() != DType::kBool && visit_number(x.dtype(), [&](auto zero) {
        using T = decltype(zero);
        if constexpr (!std::is_same_v<T, bool>) {
          Elements<T> in(x);
          std::vector<Wide<T>> totals(static_cast<size_t>(y.elements()), R::template start<T>());
          for_each_reduced(x.dims(), plan.reduced, [&](int64_t from, int64_t to) {
            Wide<T>& total = totals[static_cast<size_t>(to)];
            total = R::template step<T>(total, in[from]);
          });
          T* out = y.mutable_as<T>();
          for (size_t i = 0; i < totals.size(); ++i)
            out[i] = R::template end<T>(totals[i], plan.count);
        }
      });
  if (!known) return wrong_dtype(context);
  context.outputs = {std::move(y)};
  return {};
}

template <bool all>
Status evaluate_logical(EvalContext& context) {
  const Tensor& x = context.in(0);
  if (x.dtype() != DType::kBool) return malformed(context.node, "takes bool tensors");
  PUMICE_TRY(Plan plan, plan_of(context));
  Tensor y = Tensor::zeros(DType::kBool, plan.dims);
  bool* out = y.mutable_as<bool>();
  std::fill(out, out + y.elements(), all);
  for_each_reduced(x.dims(), plan.reduced, [&](int64_t from, int64_t to) {
    const bool v = x.at<uint8_t>(from) != 0;
    out[to] = all ? out[to] && v : out[to] || v;
  });
  context.outputs = {std::move(y)};
  return {};
}

// Lowering.

struct Builtin {
  std::string_view name;
  const char* builtin;
};

const char* builtin_of(const Node& node) {
  static constexpr Builtin kBuiltins[] = {
      {"Sum", "SUM"},        {"Mean", "MEAN"},         {"Prod", "REDUCE_PROD"},
      {"Max", "REDUCE_MAX"}, {"Min", "REDUCE_MIN"},    {"Any", "REDUCE_ANY"},
      {"All", "REDUCE_ALL"}, {"EuclideanNorm", "SUM"},
  };
  for (const Builtin& b : kBuiltins)
    if (node.is(b.name)) return b.builtin;
  return "";
}

/// The largest rank that all kernels reduce.
constexpr size_t kLargestRank = 6;

/// x with neighbouring dimensions of the same fate merged, and the axes that are then to be
/// reduced. Null when that does not bring the rank down enough, or needs two unknown sizes.
Value* merged(Lowering& lowering, Value* x, const std::vector<bool>& reduced,
              std::vector<int64_t>& axes) {
  std::vector<Dim> dims;
  axes.clear();
  for (size_t i = 0; i < reduced.size(); ++i) {
    if (i > 0 && reduced[i] == reduced[i - 1]) {
      dims.back() = dims.back() * x->shape[i];
      continue;
    }
    if (reduced[i]) axes.push_back(static_cast<int64_t>(dims.size()));
    dims.push_back(x->shape[i]);
  }
  Shape shape(std::move(dims));
  if (shape.rank() > kLargestRank || shape.unknown_dims() > 1) return nullptr;
  return lowering.reshape(x, shape);
}

Status lower_reduce(Node& node, Lowering& lowering) {
  Value *x = node.operand(0), *axis = node.operand(1);
  const bool logical = node.is("Any") || node.is("All"), norm = node.is("EuclideanNorm");
  if (!logical) {
    PUMICE_CHECK(check_computable(node));
    if (norm && compute_dtype(x->dtype) != DType::kFloat32)
      return unsupported(node, "takes floats").found(std::string(dtype_name(x->dtype)));
  }
  auto axes = constant_integers(axis);
  const Shape result = node.result()->shape;
  if (axes && axes->empty()) {
    if (norm) x = lowering.unary("ABS", computed(node, 0, lowering));
    finish(node, lowering, x);
    return {};
  }
  bool restore = false;
  std::vector<int64_t> normalized;
  std::vector<bool> reduced;
  if (axes && x->shape.known_rank()) {
    PUMICE_TRY(reduced, reduced_axes(node, *axes, x->shape.rank()));
    for (size_t i = 0; i < reduced.size(); ++i)
      if (reduced[i]) normalized.push_back(static_cast<int64_t>(i));
    restore = x->shape.rank() > kLargestRank;
  }
  if (restore && result.unknown_dims() > 1)
    return unsupported(node, "no kernel reduces this rank").found(to_string(x->shape));
  if (!logical) x = computed(node, 0, lowering);
  if (restore) {
    x = merged(lowering, x, reduced, normalized);
    if (!x)
      return unsupported(node, "no kernel reduces this rank")
          .found(to_string(node.operand(0)->shape));
  }
  if (norm) x = lowering.unary("SQUARE", x);
  Value* axis_operand;
  Shape shape = result;
  if (reduced.empty() && !axes) {
    axis_operand = lowering.as_i32(axis);
  } else {
    axis_operand = lowering.constant_i32(reduced.empty() ? *axes : normalized);
  }
  if (restore) {
    std::vector<bool> again(x->shape.rank(), false);
    for (int64_t a : normalized) again[static_cast<size_t>(a)] = true;
    shape = reduced_shape(x->shape, again, false);
  }
  Value* y = lowering.emit(builtin_of(node), {x, axis_operand},
                           {{"keep_dims", keeps_dims(node) && !restore}}, x->dtype, shape);
  if (norm) y = lowering.unary("SQRT", y);
  if (restore) y = lowering.reshape(y, result);
  finish(node, lowering, y);
  return {};
}

constexpr OpDef kOps[] = {
    {"All", infer_reduce, evaluate_logical<true>, lower_reduce, "REDUCE_ALL", ""},
    {"Any", infer_reduce, evaluate_logical<false>, lower_reduce, "REDUCE_ANY", ""},
    {"EuclideanNorm", infer_reduce, evaluate_reduce<NormOf>, lower_reduce, "SQUARE + SUM + SQRT",
     "floats only"},
    {"Max", infer_reduce, evaluate_reduce<MaximumOf>, lower_reduce, "REDUCE_MAX",
     "of no floats at all it is the lowest finite one, not -infinity"},
    {"Mean", infer_reduce, evaluate_reduce<MeanOf>, lower_reduce, "MEAN", ""},
    {"Min", infer_reduce, evaluate_reduce<MinimumOf>, lower_reduce, "REDUCE_MIN",
     "of no floats at all it is the largest finite one, not infinity"},
    {"Prod", infer_reduce, evaluate_reduce<ProductOf>, lower_reduce, "REDUCE_PROD", ""},
    {"Sum", infer_reduce, evaluate_reduce<SumOf>, lower_reduce, "SUM", ""},
};

}  // namespace

std::span<const OpDef> reduction_ops() { return kOps; }

}  // namespace pumice
