// Adding a vector along the channels.
#include "ops/bias.h"

#include "ops/carrier.h"
#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"

namespace pumice {
namespace {

Status infer_bias_add(Node& node) {
  PUMICE_CHECK(expect_operands(node, 2, 2));
  const Shape &x = node.operand(0)->shape, &bias = node.operand(1)->shape;
  PUMICE_TRY(bool first, channels_come_first(node));
  Shape out = x;
  if (bias.known_rank() && bias.rank() != 1)
    return malformed(node, "the bias is no vector").found(to_string(bias));
  if (x.known_rank()) {
    if (x.rank() < 2)
      return malformed(node, "the input has too few dimensions").expected("2").found(to_string(x));
    size_t axis = first ? 1 : x.rank() - 1;
    if (bias.known_rank()) {
      auto channels = merge(x[axis], bias[0]);
      if (!channels)
        return malformed(node, "the bias does not fit the input's channels")
            .expected(std::to_string(x[axis].size()))
            .found(std::to_string(bias[0].size()));
      out[axis] = *channels;
    }
  }
  set_result(node, 0, node.operand(0)->dtype, std::move(out));
  return {};
}

Status evaluate(EvalContext& context) {
  const Tensor &x = context.in(0), &bias = context.in(1);
  PUMICE_TRY(bool first, channels_come_first(context.node));
  size_t axis = first ? 1 : x.rank() - 1;
  if (x.rank() < 2 || bias.rank() != 1 || bias.dims()[0] != x.dims()[axis] ||
      bias.dtype() != x.dtype())
    return malformed(context.node, "the bias does not fit the input")
        .found(to_string(x.dims()) + " and " + to_string(bias.dims()));
  int64_t inner = 1;
  for (size_t i = axis + 1; i < x.rank(); ++i) inner *= x.dims()[i];
  Tensor out = Tensor::zeros(x.dtype(), x.dims());
  bool done = visit_number(x.dtype(), [&](auto type) {
    using T = decltype(type);
    using Sum = std::conditional_t<std::is_integral_v<T>, uint64_t, T>;
    Elements<T> a(x), b(bias);
    T* to = out.mutable_as<T>();
    int64_t channels = bias.elements();
    for (int64_t i = 0; i < out.elements();)
      for (int64_t c = 0; c < channels; ++c)
        for (int64_t j = 0; j < inner; ++j, ++i)
          to[i] = static_cast<T>(static_cast<Sum>(a[i]) + static_cast<Sum>(b[c]));
  });
  if (!done)
    return unsupported(context.node, "an addition of " + std::string(dtype_name(x.dtype())));
  context.outputs = {std::move(out)};
  return {};
}

Status lower_bias_add(Node& node, Lowering& lowering) {
  PUMICE_TRY(bool first, channels_come_first(node));
  PUMICE_TRY(DType in, carrier_of(node, node.operand(0)->dtype, kProductTypes, Carriage::kWraps));
  PUMICE_TRY(Value * y, lower_to_bias_add(node, lowering.cast(node.operand(0), in),
                                          lowering.cast(node.operand(1), in), first, lowering));
  lowering.replace(node, 0, lowering.cast(y, node.result()->dtype));
  return {};
}

constexpr OpDef kOps[] = {
    {"BiasAdd", infer_bias_add, evaluate_bias_add, lower_bias_add, "ADD", "no float64, uint64"},
    {"BiasAddV1", infer_bias_add, evaluate_bias_add, lower_bias_add, "ADD", "no float64, uint64"},
};

}  // namespace

Result<bool> channels_come_first(const Node& node) {
  std::string format = node.attributes.string("data_format", "NHWC");
  if (format == "NHWC" || format == "NDHWC" || format == "NWC") return false;
  if (format == "NCHW" || format == "NCDHW" || format == "NCW") return true;
  return unsupported(node, "the layout " + format + " is not supported");
}

Status evaluate_bias_add(EvalContext& context) {
  if (context.inputs.size() != 2) return malformed(context.node, "BiasAdd takes two inputs");
  if (is_half(context.in(0).dtype()))
    return evaluate_in_float32(context, context.in(0).dtype(), evaluate);
  return evaluate(context);
}

Result<Value*> lower_to_bias_add(const Node& node, Value* x, Value* bias, bool channels_first,
                                 Lowering& lowering) {
  if (!channels_first) return lowering.binary("ADD", x, bias);
  if (!x->shape.known_rank())
    return unsupported(node, "channels come first, and the rank is not known before run time");
  // Between transposes, so that they cancel with those of a convolution before it.
  std::vector<int> to_last{0}, to_first{0, static_cast<int>(x->shape.rank()) - 1};
  for (int i = 2; i < static_cast<int>(x->shape.rank()); ++i) to_last.push_back(i);
  to_last.push_back(1);
  for (int i = 1; i + 1 < static_cast<int>(x->shape.rank()); ++i) to_first.push_back(i);
  return lowering.transpose(lowering.binary("ADD", lowering.transpose(x, to_last), bias), to_first);
}

std::span<const OpDef> bias_ops() { return kOps; }

}  // namespace pumice
