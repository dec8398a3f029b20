// Comparisons and logic of two tensors that broadcast: results are bool.
#include <cmath>

#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/lower_math.h"

namespace pumice {
namespace {

Status check_same_dtype(const Node& node, DType a, DType b) {
  if (a == b || a == DType::kInvalid || b == DType::kInvalid) return {};
  return malformed(node, "the operands' dtypes differ")
      .found(std::string(dtype_name(a)) + " and " + std::string(dtype_name(b)));
}

Status infer_compare(Node& node) {
  PUMICE_CHECK(expect_operands(node, 2, 2));
  PUMICE_CHECK(check_same_dtype(node, node.operand(0)->dtype, node.operand(1)->dtype));
  return infer_broadcast_compare(node);
}

/// Equal and NotEqual may be asked to take shapes that do not broadcast for unequal: a scalar.
bool unequal_shapes(const Node& node) {
  return !node.attributes.boolean("incompatible_shape_error", true) &&
         !broadcast(node.operand(0)->shape, node.operand(1)->shape);
}

// `x == y` in Python sets incompatible_shape_error to false. Shapes that may be broadcast are taken
// to be: otherwise the rank of every comparison with an unknown dimension would be lost.
Status infer_equal(Node& node) {
  PUMICE_CHECK(expect_operands(node, 2, 2));
  PUMICE_CHECK(check_same_dtype(node, node.operand(0)->dtype, node.operand(1)->dtype));
  if (!unequal_shapes(node)) return infer_broadcast_compare(node);
  set_result(node, 0, DType::kBool, Shape::scalar());
  return {};
}

Status infer_approximate(Node& node) {
  PUMICE_CHECK(expect_operands(node, 2, 2));
  PUMICE_CHECK(check_same_dtype(node, node.operand(0)->dtype, node.operand(1)->dtype));
  auto shape = merge(node.operand(0)->shape, node.operand(1)->shape);
  if (!shape) return malformed(node, "the operands' shapes differ");
  set_result(node, 0, DType::kBool, *shape);
  return {};
}

/// Bools as the numbers 0 and 1: in a file their bytes may be anything.
Tensor bools_as_numbers(const Tensor& x) {
  Tensor y = Tensor::zeros(DType::kUInt8, x.dims());
  for (int64_t i = 0; i < x.elements(); ++i)
    y.mutable_as<uint8_t>()[i] = x.at<uint8_t>(i) != 0 ? 1 : 0;
  return y;
}

template <auto f>
Status evaluate_compare(EvalContext& context) {
  Tensor a = context.in(0), b = context.in(1);
  PUMICE_CHECK(check_same_dtype(context.node, a.dtype(), b.dtype()));
  if (a.dtype() == DType::kBool) {
    a = bools_as_numbers(a);
    b = bools_as_numbers(b);
  }
  if (is_half(a.dtype())) {
    a = cast_tensor(a, DType::kFloat32);
    b = cast_tensor(b, DType::kFloat32);
  }
  PUMICE_TRY(Dims dims, broadcast_dims(context, a.dims(), b.dims()));
  Tensor y = Tensor::zeros(DType::kBool, dims);
  bool* out = y.mutable_as<bool>();
  auto compare = [&](const auto& left, const auto& right) {
    for_each_broadcast(dims, a.dims(), b.dims(),
                       [&](int64_t i, int64_t ia, int64_t ib) { out[i] = f(left[ia], right[ib]); });
  };
  bool known = a.dtype() == DType::kString;
  if (known) {
    using Index = std::vector<std::string>::size_type;
    auto at = [](const Tensor& t, int64_t i) -> const std::string& {
      return t.strings()[static_cast<Index>(i)];
    };
    for_each_broadcast(dims, a.dims(), b.dims(), [&](int64_t i, int64_t ia, int64_t ib) {
      out[i] = f(at(a, ia), at(b, ib));
    });
  } else {
    known = visit_number(a.dtype(), [&](auto zero) {
      using T = decltype(zero);
      compare(Elements<T>(a), Elements<T>(b));
    });
  }
  if (!known)
    return unsupported(context.node, "is not evaluated for this dtype")
        .found(std::string(dtype_name(a.dtype())));
  context.outputs = {std::move(y)};
  return {};
}

template <auto f>
Status evaluate_equal(EvalContext& context) {
  if (!context.node.attributes.boolean("incompatible_shape_error", true) &&
      !broadcast(Shape(context.in(0).dims()), Shape(context.in(1).dims()))) {
    Tensor y = Tensor::zeros(DType::kBool, {});
    *y.mutable_as<bool>() = context.node.is("NotEqual");
    context.outputs = {std::move(y)};
    return {};
  }
  return evaluate_compare<f>(context);
}

template <bool (*f)(bool, bool)>
Status evaluate_logical(EvalContext& context) {
  const Tensor &a = context.in(0), &b = context.in(1);
  if (a.dtype() != DType::kBool || b.dtype() != DType::kBool)
    return malformed(context.node, "logic takes bool tensors");
  PUMICE_TRY(Dims dims, broadcast_dims(context, a.dims(), b.dims()));
  Tensor y = Tensor::zeros(DType::kBool, dims);
  bool* out = y.mutable_as<bool>();
  for_each_broadcast(dims, a.dims(), b.dims(), [&](int64_t i, int64_t ia, int64_t ib) {
    out[i] = f(a.at<uint8_t>(ia) != 0, b.at<uint8_t>(ib) != 0);
  });
  context.outputs = {std::move(y)};
  return {};
}

Status evaluate_approximate(EvalContext& context) {
  const float tolerance = context.node.attributes.real("tolerance", 1e-5f);
  Tensor a = context.in(0), b = context.in(1);
  if (a.dtype() != b.dtype() || a.dims() != b.dims())
    return malformed(context.node, "the operands' types differ");
  if (is_half(a.dtype())) {
    a = cast_tensor(a, DType::kFloat32);
    b = cast_tensor(b, DType::kFloat32);
  }
  Tensor y = Tensor::zeros(DType::kBool, a.dims());
  bool* out = y.mutable_as<bool>();
  visit_number(a.dtype(), [&](auto zero) {
    using T = decltype(zero);
    if constexpr (!std::is_same_v<T, bool>) {
      Elements<T> left(a), right(b);
      for (int64_t i = 0; i < a.elements(); ++i) {
        T difference = left[i] > right[i] ? static_cast<T>(left[i] - right[i])
                                          : static_cast<T>(right[i] - left[i]);
        out[i] = difference < static_cast<T>(tolerance);
      }
    }
  });
  context.outputs = {std::move(y)};
  return {};
}

/// The dtype to compare in: kernels take bool (for equality), int32, int64 and float32.
Status lower_compare(Node& node, Lowering& lowering) {
  static constexpr std::pair<std::string_view, const char*> kNames[] = {
      {"Equal", "EQUAL"},     {"NotEqual", "NOT_EQUAL"},   {"Less", "LESS"},
      {"Greater", "GREATER"}, {"LessEqual", "LESS_EQUAL"}, {"GreaterEqual", "GREATER_EQUAL"},
  };
  const bool equality = node.is("Equal") || node.is("NotEqual");
  if (equality && unequal_shapes(node)) {
    lowering.replace(node, 0, lowering.scalar(DType::kBool, node.is("NotEqual")));
    return {};
  }
  Value *a = node.operand(0), *b = node.operand(1);
  if (!equality || (a->dtype != DType::kBool && a->dtype != DType::kString)) {
    PUMICE_CHECK(check_computable(node));
    a = computed(node, 0, lowering);
    b = computed(node, 1, lowering);
  }
  for (const auto& [name, builtin] : kNames)
    if (node.is(name)) lowering.replace(node, 0, lowering.compare(builtin, a, b));
  return {};
}

Status lower_logical(Node& node, Lowering& lowering) {
  const char* builtin = node.is("LogicalAnd") ? "LOGICAL_AND" : "LOGICAL_OR";
  lowering.replace(node, 0, lowering.compare(builtin, node.operand(0), node.operand(1)));
  return {};
}

Status lower_approximate(Node& node, Lowering& lowering) {
  PUMICE_CHECK(check_computable(node));
  Value* a = computed(node, 0, lowering);
  Value* difference = lowering.binary("SUB", a, computed(node, 1, lowering));
  double tolerance = node.attributes.real("tolerance", 1e-5f);
  if (a->dtype != DType::kFloat32) tolerance = std::trunc(tolerance);
  lowering.replace(node, 0,
                   lowering.compare("LESS", absolute(lowering, difference),
                                    lowering.scalar(a->dtype, tolerance)));
  return {};
}

constexpr auto kEqual = [](const auto& a, const auto& b) { return a == b; };
constexpr auto kNotEqual = [](const auto& a, const auto& b) { return a != b; };
constexpr auto kLess = [](const auto& a, const auto& b) { return a < b; };
constexpr auto kLessEqual = [](const auto& a, const auto& b) { return a <= b; };
constexpr auto kGreater = [](const auto& a, const auto& b) { return a > b; };
constexpr auto kGreaterEqual = [](const auto& a, const auto& b) { return a >= b; };

constexpr OpDef kOps[] = {
    {"ApproximateEqual", infer_approximate, evaluate_approximate, lower_approximate,
     "SUB + ABS + LESS", ""},
    {"Equal", infer_equal, evaluate_equal<kEqual>, lower_compare, "EQUAL", ""},
    {"Greater", infer_compare, evaluate_compare<kGreater>, lower_compare, "GREATER", ""},
    {"GreaterEqual", infer_compare, evaluate_compare<kGreaterEqual>, lower_compare, "GREATER_EQUAL",
     ""},
    {"Less", infer_compare, evaluate_compare<kLess>, lower_compare, "LESS", ""},
    {"LessEqual", infer_compare, evaluate_compare<kLessEqual>, lower_compare, "LESS_EQUAL", ""},
    {"LogicalAnd", infer_compare, evaluate_logical<[](bool a, bool b) { return a && b; }>,
     lower_logical, "LOGICAL_AND", ""},
    {"LogicalOr", infer_compare, evaluate_logical<[](bool a, bool b) { return a || b; }>,
     lower_logical, "LOGICAL_OR", ""},
    {"NotEqual", infer_equal, evaluate_equal<kNotEqual>, lower_compare, "NOT_EQUAL", ""},
};

}  // namespace

std::span<const OpDef> comparison_ops() { return kOps; }

}  // namespace pumice
