// Ops that keep elements and their order, and change the shape alone.
#include <algorithm>

#include "ops/carrier.h"
#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"

namespace pumice {
namespace {

/// A product of sizes: a known factor and symbols.
struct Product {
  int64_t known = 1;
  std::vector<Dim> symbols;
  bool sure = true;  // false: an anonymous factor, or overflow

  void multiply(Dim d) {
    if (d.known()) {
      if (__builtin_mul_overflow(known, d.size(), &known)) sure = false;
    } else if (d.is_symbol()) {
      symbols.push_back(d);
    } else {
      sure = false;
    }
  }
};

/// The size that makes `target` (whose `hole` is open) hold as many elements as `from`; unknown
/// when it is not surely known. Symbols on both sides cancel: a batch of 0 beside -1 is
/// TensorFlow's error.
Dim solve(const Shape& from, const std::vector<Dim>& target, size_t hole) {
  Product all, rest;
  for (Dim d : from.dims()) all.multiply(d);
  for (size_t i = 0; i < target.size(); ++i)
    if (i != hole) rest.multiply(target[i]);
  if (!all.sure || !rest.sure || rest.known == 0) return Dim::unknown();
  for (Dim symbol : rest.symbols) {
    auto at = std::find(all.symbols.begin(), all.symbols.end(), symbol);
    if (at == all.symbols.end()) return Dim::unknown();
    all.symbols.erase(at);
  }
  if (all.known % rest.known != 0) return Dim::unknown();
  int64_t quotient = all.known / rest.known;
  if (all.symbols.empty() || quotient == 0) return quotient;
  if (all.symbols.size() == 1 && quotient == 1) return all.symbols[0];
  return Dim::unknown();
}

/// The elements of a shape operand: -1 and what is not known are both unknown Dims.
std::optional<std::vector<Dim>> target_of(const Value* operand) {
  if (auto constant = constant_integers(operand, 1024))
    return std::vector<Dim>(constant->begin(), constant->end());
  return known_elements(operand);
}

Status infer_reshape(Node& node) {
  PUMICE_CHECK(expect_operands(node, 2, 2));
  const Value *x = node.operand(0), *operand = node.operand(1);
  Value* y = node.result();
  y->dtype = x->dtype;
  y->partial = known_elements(x).value_or(std::vector<Dim>{});
  auto target = target_of(operand);
  if (!target) {
    const Shape& s = operand->shape;
    y->shape = s.is_rank(1) && s[0].known() && s[0].size() <= 64
                   ? Shape::of_rank(static_cast<size_t>(s[0].size()))
                   : Shape();
    return {};
  }
  if (x->shape.known_rank() && std::count_if(target->begin(), target->end(), [](Dim d) {
                                 return !d.known() && !d.is_symbol();
                               }) == 1) {
    size_t hole = 0;
    while ((*target)[hole].known() || (*target)[hole].is_symbol()) ++hole;
    (*target)[hole] = solve(x->shape, *target, hole);
  }
  Shape shape(*target);
  auto before = x->shape.elements(), after = shape.elements();
  if (before && after && *before != *after)
    return malformed(node, "the new shape does not hold the input's elements")
        .expected(std::to_string(*before) + " elements")
        .found(to_string(shape));
  y->shape = std::move(shape);
  return {};
}

Status evaluate_reshape(EvalContext& context) {
  if (!is_integer(context.in(1).dtype()))
    return malformed(context.node, "the shape operand holds no integers");
  Dims dims = context.in(1).integers();
  int64_t rest = 1, hole = -1;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == -1 && hole < 0) {
      hole = static_cast<int64_t>(i);
    } else if (dims[i] < 0 || __builtin_mul_overflow(rest, dims[i], &rest)) {
      return malformed(context.node, "the new shape has a size below 0").found(to_string(dims));
    }
  }
  int64_t n = context.in(0).elements();
  if (hole >= 0 && rest > 0) dims[static_cast<size_t>(hole)] = n / rest;
  if (hole >= 0 && rest == 0)
    return malformed(context.node, "-1 beside a size of 0 has no value").found(to_string(dims));
  if (element_count(dims) != n)
    return malformed(context.node, "the new shape does not hold the input's elements")
        .expected(std::to_string(n) + " elements")
        .found(to_string(dims));
  context.outputs = {context.in(0).reshaped(std::move(dims))};
  return {};
}

Status lower_reshape(Node& node, Lowering& lowering) {
  Value* x = node.operand(0);
  const Shape& to = node.result()->shape;
  if (surely_same(to, x->shape)) {
    lowering.replace(node, 0, x);
    return {};
  }
  // A constant target leaves at most one size open; zeros beside it take the run-time way.
  if (one_minus_one(to) || constant_of(node.operand(1))) {
    PUMICE_TRY(Value * y, reshape_to(node, lowering, x, to));
    lowering.replace(node, 0, y);
    return {};
  }
  lowering.replace(node, 0, lowering.reshape(x, lowering.as_i32(node.operand(1)), to));
  return {};
}

/// The axes that Squeeze names, normalized; empty: every axis of size 1.
Result<std::vector<bool>> squeezed_axes(const Node& node, const Shape& x) {
  std::vector<bool> squeezed(x.rank(), false);
  std::vector<int64_t> named = node.attributes.integers("squeeze_dims");
  if (named.empty()) named = node.attributes.integers("axis");
  for (int64_t axis : named) {
    auto i = normalize_axis(axis, x.rank());
    if (!i)
      return malformed(node, "squeeze_dims names an axis that is not there")
          .expected("an axis of " + to_string(x))
          .found(std::to_string(axis));
    if (x[*i].known() && x[*i].size() != 1)
      return malformed(node, "squeeze_dims names an axis that is not of size 1")
          .found(to_string(x) + ", axis " + std::to_string(axis));
    squeezed[*i] = true;
  }
  if (named.empty())
    for (size_t i = 0; i < x.rank(); ++i) squeezed[i] = x[i] == Dim(1);
  return squeezed;
}

Status infer_squeeze(Node& node) {
  PUMICE_CHECK(expect_operands(node, 1, 1));
  const Value* x = node.operand(0);
  set_result(node, 0, x->dtype, Shape());
  node.result()->partial = known_elements(x).value_or(std::vector<Dim>{});
  if (!x->shape.known_rank()) return {};
  bool all = node.attributes.integers("squeeze_dims").empty();
  if (all && !x->shape.fully_known()) return {};  // an unknown size may be 1
  PUMICE_TRY(auto squeezed, squeezed_axes(node, x->shape));
  std::vector<Dim> dims;
  for (size_t i = 0; i < squeezed.size(); ++i)
    if (!squeezed[i]) dims.push_back(x->shape[i]);
  node.result()->shape = Shape(std::move(dims));
  return {};
}

Status evaluate_squeeze(EvalContext& context) {
  PUMICE_TRY(auto squeezed, squeezed_axes(context.node, Shape(context.in(0).dims())));
  Dims dims;
  for (size_t i = 0; i < squeezed.size(); ++i)
    if (!squeezed[i]) dims.push_back(context.in(0).dims()[i]);
  context.outputs = {context.in(0).reshaped(std::move(dims))};
  return {};
}

Status lower_squeeze(Node& node, Lowering& lowering) {
  Value* x = node.operand(0);
  const Shape& to = node.result()->shape;
  if (one_minus_one(to)) {
    lowering.replace(node, 0, lowering.reshape(x, to));
    return {};
  }
  lowering.replace(
      node, 0,
      lowering.emit("SQUEEZE", {x}, {{"squeeze_dims", node.attributes.integers("squeeze_dims")}},
                    x->dtype, to));
  return {};
}

Status infer_expand_dims(Node& node) {
  PUMICE_CHECK(expect_operands(node, 2, 2));
  const Value* x = node.operand(0);
  set_result(node, 0, x->dtype, Shape());
  node.result()->partial = known_elements(x).value_or(std::vector<Dim>{});
  if (!x->shape.known_rank()) return {};
  auto axis = constant_integer(node.operand(1));
  if (!axis) {
    node.result()->shape = Shape::of_rank(x->shape.rank() + 1);
    return {};
  }
  auto i = normalize_axis(*axis, x->shape.rank() + 1);
  if (!i)
    return malformed(node, "the axis is out of range")
        .expected("an axis of a tensor of rank " + std::to_string(x->shape.rank() + 1))
        .found(std::to_string(*axis));
  std::vector<Dim> dims = x->shape.dims();
  dims.insert(dims.begin() + static_cast<std::ptrdiff_t>(*i), Dim(1));
  node.result()->shape = Shape(std::move(dims));
  return {};
}

Status evaluate_expand_dims(EvalContext& context) {
  if (context.in(1).elements() != 1 || !is_integer(context.in(1).dtype()))
    return malformed(context.node, "the axis is no single integer");
  Dims dims = context.in(0).dims();
  auto i = normalize_axis(context.in(1).integer_at(0), dims.size() + 1);
  if (!i) return malformed(context.node, "the axis is out of range");
  dims.insert(dims.begin() + static_cast<std::ptrdiff_t>(*i), 1);
  context.outputs = {context.in(0).reshaped(std::move(dims))};
  return {};
}

Status lower_expand_dims(Node& node, Lowering& lowering) {
  Value* x = node.operand(0);
  const Shape& to = node.result()->shape;
  if (constant_of(node.operand(1)) && one_minus_one(to)) {
    lowering.replace(node, 0, lowering.reshape(x, to));
    return {};
  }
  Value* axis = lowering.reshape(lowering.as_i32(node.operand(1)), Shape::scalar());
  lowering.replace(node, 0, lowering.emit("EXPAND_DIMS", {x, axis}, {}, x->dtype, to));
  return {};
}

constexpr OpDef kOps[] = {
    {"ExpandDims", infer_expand_dims, evaluate_expand_dims, lower_expand_dims,
     "RESHAPE (EXPAND_DIMS)", ""},
    {"Reshape", infer_reshape, evaluate_reshape, lower_reshape, "RESHAPE", ""},
    {"Squeeze", infer_squeeze, evaluate_squeeze, lower_squeeze, "RESHAPE (SQUEEZE)", ""},
};

}  // namespace

std::span<const OpDef> reshape_ops() { return kOps; }

}  // namespace pumice
