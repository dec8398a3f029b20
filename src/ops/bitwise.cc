// The bits of integers.
#include <algorithm>

#include "ops/binary_evaluation.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/lower_math.h"

namespace pumice {
namespace {

Status infer_invert(Node& node) {
  PUMICE_CHECK(expect_operands(node, 1, 1));
  return infer_same_as_first(node);
}

Status evaluate_invert(EvalContext& context) {
  const Tensor& x = context.in(0);
  if (!is_integer(x.dtype()) || element_size(x.dtype()) == 0) return wrong_dtype(context);
  Tensor y = Tensor::zeros(x.dtype(), x.dims());
  for (size_t i = 0; i < x.bytes().size(); ++i) y.mutable_data()[i] = ~x.data()[i];
  context.outputs = {std::move(y)};
  return {};
}

template <typename T>
int shift_amount(T b) {
  if (b < T{}) return 0;
  return static_cast<int>(std::min<uint64_t>(static_cast<uint64_t>(b), sizeof(T) * 8 - 1));
}
constexpr auto kLeftShift = [](auto a, auto b) {
  return static_cast<decltype(a)>(static_cast<uint64_t>(a) << shift_amount(b));
};
constexpr auto kRightShift = [](auto a, auto b) {
  return static_cast<decltype(a)>(a >> shift_amount(b));
};

// Lowering.

Status lower_invert(Node& node, Lowering& lowering) {
  PUMICE_CHECK(check_computable(node));
  Value* x = computed(node, 0, lowering);
  finish(node, lowering, lowering.binary("SUB", lowering.scalar(x->dtype, -1), x));
  return {};
}

int bits_of(DType dtype) { return static_cast<int>(element_size(dtype)) * 8; }

/// Shifts beyond the width are TensorFlow's: the amount is clamped to 0..width-1.
Value* clamped_amount(Node& node, Lowering& lowering, int most) {
  Value* amount = computed(node, 1, lowering);
  amount = lowering.binary("MAXIMUM", amount, lowering.scalar(amount->dtype, 0));
  return lowering.binary("MINIMUM", amount, lowering.scalar(amount->dtype, most));
}

/// 2 to the power of `amount` (in range) in its dtype, from a table.
Value* power_of_two(Lowering& lowering, Value* amount) {
  const DType dtype = amount->dtype;
  const int bits = bits_of(dtype);
  std::vector<int64_t> powers;
  for (int i = 0; i < bits; ++i) powers.push_back(static_cast<int64_t>(uint64_t{1} << i));
  Tensor table = cast_tensor(Tensor::of<int64_t>(DType::kInt64, {bits}, powers), dtype);
  return lowering.emit("GATHER", {lowering.constant(table), lowering.as_i32(amount)}, {}, dtype,
                       amount->shape);
}

Status lower_left_shift(Node& node, Lowering& lowering) {
  PUMICE_CHECK(check_computable(node));
  Value* amount = clamped_amount(node, lowering, bits_of(node.operand(0)->dtype) - 1);
  finish(node, lowering,
         lowering.binary("MUL", computed(node, 0, lowering), power_of_two(lowering, amount)));
  return {};
}

Status lower_right_shift(Node& node, Lowering& lowering) {
  PUMICE_CHECK(check_computable(node));
  Value* x = computed(node, 0, lowering);
  const int most = bits_of(node.operand(0)->dtype) - 1;
  Value* amount = clamped_amount(node, lowering, most);
  if (x->dtype == DType::kInt32) {
    finish(node, lowering, lowering.binary("RIGHT_SHIFT", x, amount));
    return {};
  }
  // 2^63 is not an int64: shifting by 62 and then by 1 is shifting by 63.
  Value* first = lowering.binary("MINIMUM", amount, lowering.scalar(DType::kInt64, 62));
  Value* second = lowering.binary("SUB", amount, first);
  Value* shifted = floor_quotient(lowering, x, power_of_two(lowering, first));
  if (most == 63) shifted = floor_quotient(lowering, shifted, power_of_two(lowering, second));
  finish(node, lowering, shifted);
  return {};
}

/// The bits that both int32 operands have. There is no such kernel: the `bits` lowest bits go apart
/// along a new last dimension, are multiplied, and weighed together again.
Value* bits_of_both(Lowering& lowering, Value* a, Value* b, int bits) {
  std::vector<int32_t> shifts, weights;
  for (int i = 0; i < bits; ++i) {
    shifts.push_back(i);
    weights.push_back(static_cast<int32_t>(uint32_t{1} << i));
  }
  Value* shift = lowering.constant(Tensor::vector_i32(shifts));
  Value* two = lowering.scalar(DType::kInt32, 2);
  auto apart = [&](Value* x) {
    Shape shape = x->shape;
    if (shape.known_rank()) shape.dims().push_back(1);
    Value* column = lowering.emit("EXPAND_DIMS", {x, lowering.scalar(DType::kInt32, -1)}, {},
                                  DType::kInt32, shape);
    return lowering.binary("FLOOR_MOD", lowering.binary("RIGHT_SHIFT", column, shift), two);
  };
  Value* both = lowering.binary("MUL", apart(a), apart(b));
  Value* weighed = lowering.binary("MUL", both, lowering.constant(Tensor::vector_i32(weights)));
  Shape shape = weighed->shape;
  if (shape.known_rank()) shape.dims().pop_back();
  return lowering.emit("SUM", {weighed, lowering.constant_i32({-1})}, {{"keep_dims", false}},
                       DType::kInt32, shape);
}

/// x, an integer of any width, as int32: 64 bits become a last dimension of 2.
Value* bits_as_i32(Lowering& lowering, Value* x) {
  if (element_size(x->dtype) < 4 || x->dtype == DType::kInt32) return lowering.as_i32(x);
  Shape shape = x->shape;
  if (element_size(x->dtype) == 8 && shape.known_rank()) shape.dims().push_back(2);
  return lowering.emit("BITCAST", {x}, {}, DType::kInt32, shape);
}

Status lower_bitwise(Node& node, Lowering& lowering) {
  const DType dtype = node.operand(0)->dtype;
  if (!is_integer(dtype) || dtype == DType::kInt4)
    return unsupported(node, "is no integer type").found(std::string(dtype_name(dtype)));
  // x & (2^k - 1) is a remainder.
  auto mask = constant_integer(node.operand(1));
  if (node.is("BitwiseAnd") && mask && *mask >= 0 && (*mask & (*mask + 1)) == 0 &&
      *mask < INT32_MAX && compute_dtype(dtype) != DType::kInvalid &&
      node.operand(1)->shape.is_rank(0)) {
    Value* x = computed(node, 0, lowering);
    Value* modulus = lowering.scalar(x->dtype, static_cast<double>(*mask + 1));
    finish(node, lowering, lowering.binary("FLOOR_MOD", x, modulus));
    return {};
  }
  Value *a = bits_as_i32(lowering, node.operand(0)), *b = bits_as_i32(lowering, node.operand(1));
  Value* result;
  if (node.is("BitwiseXor")) {
    result = lowering.binary("BITWISE_XOR", a, b);
  } else {
    result = bits_of_both(lowering, a, b, std::min(32, bits_of(dtype)));
    if (node.is("BitwiseOr")) result = lowering.binary("SUB", lowering.binary("ADD", a, b), result);
  }
  if (element_size(dtype) < 4 || dtype == DType::kInt32) {
    finish(node, lowering, result);
  } else {
    lowering.replace(node, 0, lowering.emit("BITCAST", {result}, {}, dtype, node.result()->shape));
  }
  return {};
}

constexpr auto kIntegers = Domain::kIntegers;

constexpr OpDef kOps[] = {
    {"BitwiseAnd", infer_broadcast,
     evaluate_binary<[](auto a, auto b) { return static_cast<decltype(a)>(a & b); }, kIntegers>,
     lower_bitwise, "RIGHT_SHIFT + FLOOR_MOD + MUL + SUM", ""},
    {"BitwiseOr", infer_broadcast,
     evaluate_binary<[](auto a, auto b) { return static_cast<decltype(a)>(a | b); }, kIntegers>,
     lower_bitwise, "RIGHT_SHIFT + FLOOR_MOD + MUL + SUM", ""},
    {"BitwiseXor", infer_broadcast,
     evaluate_binary<[](auto a, auto b) { return static_cast<decltype(a)>(a ^ b); }, kIntegers>,
     lower_bitwise, "BITWISE_XOR", ""},
    {"Invert", infer_invert, evaluate_invert, lower_invert, "SUB", ""},
    {"LeftShift", infer_broadcast, evaluate_binary<kLeftShift, kIntegers>, lower_left_shift,
     "GATHER + MUL", ""},
    {"RightShift", infer_broadcast, evaluate_binary<kRightShift, kIntegers>, lower_right_shift,
     "RIGHT_SHIFT", ""},
};

}  // namespace

std::span<const OpDef> bitwise_ops() { return kOps; }

}  // namespace pumice
