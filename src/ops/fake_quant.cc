// Quantization that training simulates: round to the steps of a range, and stay float.
#include <cfloat>
#include <cmath>

#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/lower_math.h"

namespace pumice {
namespace {

// FakeQuant: the range is nudged so that zero is one of its steps.

struct Steps {
  float low, high;  // the nudged range
  float scale, inverse;
  float zero;  // the step of zero, counted from `low`
};

Steps nudge(float low, float high, int64_t bits, bool narrow) {
  if (low == 0 && high == 0) return {0, 0, 0, 0, 0};  // everything becomes zero
  const float first = narrow ? 1.0f : 0.0f, last = static_cast<float>((int64_t{1} << bits) - 1);
  const float scale = (high - low) / (last - first);
  const float exact = first - low / scale;
  const float zero = exact < first ? first : exact > last ? last : std::round(exact);
  Steps steps{(first - zero) * scale, (last - zero) * scale, scale, 1.0f / scale, 0};
  steps.zero = std::floor(-steps.low * steps.inverse + 0.5f);
  return steps;
}

float fake_quantized(float x, const Steps& s) {
  const float clamped = std::max(std::min(x, s.high), s.low);
  return std::floor((clamped - s.low) * s.inverse - s.zero + 0.5f) * s.scale;
}

Result<int64_t> number_of_bits(const Node& node, int64_t bits) {
  if (bits >= 1 && bits <= 31) return bits;
  return malformed(node, "num_bits is out of range").found(std::to_string(bits));
}

template <size_t operands>
Status infer_first(Node& node) {
  PUMICE_CHECK(expect_operands(node, operands, operands));
  return infer_same_as_first(node);
}

Status evaluate_fake_quant(EvalContext& context) {
  const Node& node = context.node;
  const Tensor& x = context.in(0);
  PUMICE_TRY(int64_t bits, number_of_bits(node, node.attributes.integer("num_bits", 8)));
  const bool narrow = node.attributes.boolean("narrow_range");
  std::vector<Steps> steps;
  if (context.inputs.size() == 3) {
    const Tensor &low = context.in(1), &high = context.in(2);
    if (low.elements() != high.elements() || low.dtype() != DType::kFloat32 ||
        high.dtype() != DType::kFloat32)
      return malformed(node, "min and max are not two equal float32 tensors");
    for (int64_t i = 0; i < low.elements(); ++i)
      steps.push_back(nudge(low.at<float>(i), high.at<float>(i), bits, narrow));
  } else {
    steps.push_back(
        nudge(node.attributes.real("min", -6), node.attributes.real("max", 6), bits, narrow));
  }
  const auto channels = static_cast<int64_t>(steps.size());
  if (x.dtype() != DType::kFloat32 ||
      (channels != 1 && (x.rank() == 0 || x.dims().back() != channels)))
    return malformed(node, "the range does not fit the input").found(to_string(x.dims()));
  Tensor y = Tensor::zeros(DType::kFloat32, x.dims());
  for (int64_t i = 0; i < x.elements(); ++i)
    y.mutable_as<float>()[i] =
        fake_quantized(x.at<float>(i), steps[static_cast<size_t>(i % channels)]);
  context.outputs = {std::move(y)};
  return {};
}

Value* scalar(Lowering& lowering, double v) { return lowering.scalar(DType::kFloat32, v); }

Value* vector_of(Lowering& lowering, const std::vector<Steps>& steps, float Steps::*member) {
  if (steps.size() == 1) return scalar(lowering, steps[0].*member);
  std::vector<float> values;
  for (const Steps& s : steps) values.push_back(s.*member);
  return lowering.constant(
      Tensor::of<float>(DType::kFloat32, {static_cast<int64_t>(values.size())}, values));
}

struct StepValues {
  Value *low, *high, *scale, *inverse, *zero;
};

/// nudge() at run time, for a range that is no constant.
StepValues nudge_at_run_time(Lowering& lowering, Value* low, Value* high, int64_t bits,
                             bool narrow) {
  const double first_step = narrow ? 1 : 0;
  Value *first = scalar(lowering, first_step),
        *last = scalar(lowering, static_cast<double>((int64_t{1} << bits) - 1));
  // The empty range [0, 0] is taken as [0, tiny], whose only results are zero again.
  Value* width = lowering.binary("SUB", high, low);
  width = lowering.binary("MAXIMUM", width, scalar(lowering, 1e-30));
  Value* scale = lowering.binary("DIV", width, lowering.binary("SUB", last, first));
  Value* exact = lowering.binary("SUB", first, lowering.binary("DIV", low, scale));
  Value* half = scalar(lowering, 0.5);
  Value* zero = lowering.unary("FLOOR", lowering.binary("ADD", exact, half));
  zero = lowering.binary("MINIMUM", lowering.binary("MAXIMUM", zero, first), last);
  StepValues steps{};
  steps.low = lowering.binary("MUL", lowering.binary("SUB", first, zero), scale);
  steps.high = lowering.binary("MUL", lowering.binary("SUB", last, zero), scale);
  steps.scale = scale;
  steps.inverse = lowering.binary("DIV", scalar(lowering, 1), scale);
  Value* counted = lowering.binary("MUL", lowering.unary("NEG", steps.low), steps.inverse);
  steps.zero = lowering.unary("FLOOR", lowering.binary("ADD", counted, half));
  return steps;
}

Status lower_fake_quant(Node& node, Lowering& lowering) {
  PUMICE_CHECK(check_computable(node));
  PUMICE_TRY(int64_t bits, number_of_bits(node, node.attributes.integer("num_bits", 8)));
  const bool narrow = node.attributes.boolean("narrow_range");
  Value* x = node.operand(0);
  std::vector<Steps> steps;
  float low = node.attributes.real("min", -6), high = node.attributes.real("max", 6);
  StepValues values{};
  if (node.operand_count() == 3) {
    const Constant *c_low = constant_of(node.operand(1)), *c_high = constant_of(node.operand(2));
    if (c_low && c_high && c_low->elements() == c_high->elements() && c_low->elements() > 0) {
      const Tensor lows = c_low->materialize(), highs = c_high->materialize();
      for (int64_t i = 0; i < lows.elements(); ++i)
        steps.push_back(nudge(lows.at<float>(i), highs.at<float>(i), bits, narrow));
      low = lows.at<float>(0);
      high = highs.at<float>(0);
    } else {
      values = nudge_at_run_time(lowering, node.operand(1), node.operand(2), bits, narrow);
    }
  } else {
    steps.push_back(nudge(low, high, bits, narrow));
  }
  // The kernel knows no channels, and refuses narrow ranges.
  if (steps.size() == 1 && !narrow && low < high && bits >= 2 && bits <= 16) {
    Attributes attributes{{"min", low}, {"max", high}, {"num_bits", bits}, {"narrow_range", false}};
    lowering.replace(node, 0,
                     lowering.emit("FAKE_QUANT", {x}, std::move(attributes), x->dtype, x->shape));
    return {};
  }
  if (!steps.empty())
    values = {vector_of(lowering, steps, &Steps::low), vector_of(lowering, steps, &Steps::high),
              vector_of(lowering, steps, &Steps::scale),
              vector_of(lowering, steps, &Steps::inverse),
              vector_of(lowering, steps, &Steps::zero)};
  Value* y = lowering.binary("MINIMUM", x, values.high);
  y = lowering.binary("SUB", lowering.binary("MAXIMUM", y, values.low), values.low);
  y = lowering.binary("SUB", lowering.binary("MUL", y, values.inverse), values.zero);
  y = lowering.unary("FLOOR", lowering.binary("ADD", y, scalar(lowering, 0.5)));
  lowering.replace(node, 0, lowering.binary("MUL", y, values.scale));
  return {};
}

// QuantizeAndDequantize: the scale is the largest that keeps the range within the steps.

struct Scheme {
  float first, last;  // the steps
  bool range_given;
  bool half_up;
  int64_t axis;  // -1: one range for all
};

Result<Scheme> scheme_of(const Node& node, int64_t bits) {
  PUMICE_TRY(bits, number_of_bits(node, bits));
  const Attributes& a = node.attributes;
  const bool is_signed = a.boolean("signed_input", true);
  Scheme scheme{};
  scheme.first = is_signed ? -static_cast<float>(int64_t{1} << (bits - 1)) : 0.0f;
  if (is_signed && a.boolean("narrow_range")) scheme.first += 1;
  scheme.last = static_cast<float>((int64_t{1} << (is_signed ? bits - 1 : bits)) - 1);
  scheme.range_given = a.boolean("range_given", node.is("QuantizeAndDequantizeV3"));
  scheme.half_up = a.string("round_mode", "HALF_TO_EVEN") == "HALF_UP";
  scheme.axis = a.integer("axis", -1);
  return scheme;
}

struct Range {
  float scale, inverse, low, high;
};

Range scale_to(const Scheme& s, float low, float high) {
  const float by_low = s.first * low > 0 ? s.first / low : FLT_MAX;
  const float by_high = s.last * high > 0 ? s.last / high : FLT_MAX;
  if (by_low < by_high) {
    const float inverse = low / s.first;
    return {by_low, inverse, low, s.last * inverse};
  }
  const float inverse = high / s.last;
  return {by_high, inverse, s.first * inverse, high};
}

int64_t bits_attribute(const Node& node) { return node.attributes.integer("num_bits", 8); }

Status evaluate_quantize(EvalContext& context) {
  const Node& node = context.node;
  if (is_half(context.in(0).dtype()))
    return evaluate_in_float32(context, context.in(0).dtype(), evaluate_quantize);
  const Tensor& x = context.in(0);
  int64_t bits = bits_attribute(node);
  if (node.is("QuantizeAndDequantizeV3")) {
    if (context.inputs.size() != 4 || context.in(3).elements() != 1)
      return malformed(node, "num_bits is no scalar");
    bits = context.in(3).integer_at(0);
  }
  PUMICE_TRY(Scheme scheme, scheme_of(node, bits));
  if (x.dtype() != DType::kFloat32)
    return unsupported(node, "is not evaluated for this dtype")
        .found(std::string(dtype_name(x.dtype())));
  const auto rank = static_cast<int64_t>(x.rank());
  if (scheme.axis < -1 || scheme.axis >= rank) return malformed(node, "axis is out of range");
  int64_t channels = 1, inner = 1;
  if (scheme.axis >= 0) {
    channels = x.dims()[static_cast<size_t>(scheme.axis)];
    inner = strides_of(x.dims())[static_cast<size_t>(scheme.axis)];
  }
  auto channel = [&](int64_t i) {
    return channels ? static_cast<size_t>(i / inner % channels) : 0;
  };
  std::vector<float> low(static_cast<size_t>(channels), FLT_MAX);
  std::vector<float> high(static_cast<size_t>(channels), -FLT_MAX);
  if (!scheme.range_given) {
    for (int64_t i = 0; i < x.elements(); ++i) {
      low[channel(i)] = std::min(low[channel(i)], x.at<float>(i));
      high[channel(i)] = std::max(high[channel(i)], x.at<float>(i));
    }
  } else if (node.is("QuantizeAndDequantize")) {
    low = {node.attributes.real("input_min")};
    high = {node.attributes.real("input_max")};
  } else {
    const int64_t given = context.inputs.size() < 3 ? 0 : context.in(1).elements();
    if (given < 1 || context.in(2).elements() != given || (given != 1 && given != channels))
      return malformed(node, "the range does not fit the input");
    for (int64_t i = 0; i < channels; ++i) {
      low[static_cast<size_t>(i)] = static_cast<float>(context.in(1).number_at(i % given));
      high[static_cast<size_t>(i)] = static_cast<float>(context.in(2).number_at(i % given));
    }
  }
  std::vector<Range> ranges;
  for (size_t i = 0; i < low.size(); ++i) ranges.push_back(scale_to(scheme, low[i], high[i]));
  Tensor y = Tensor::zeros(DType::kFloat32, x.dims());
  for (int64_t i = 0; i < x.elements(); ++i) {
    const Range& r = ranges[channel(i)];
    float v = x.at<float>(i);
    if (scheme.range_given) v = std::max(std::min(v, r.high), r.low);
    v *= r.scale;
    v = scheme.half_up ? std::floor(v + 0.5f) : std::nearbyint(v);
    y.mutable_as<float>()[i] = v * r.inverse;
  }
  context.outputs = {std::move(y)};
  return {};
}

struct RangeValues {
  Value *scale, *inverse, *low, *high;
};

/// scale_to() at run time.
RangeValues scale_at_run_time(Lowering& lowering, const Scheme& s, Value* low, Value* high) {
  Value *zero = scalar(lowering, 0), *most = scalar(lowering, FLT_MAX);
  Value *first = scalar(lowering, s.first), *last = scalar(lowering, s.last);
  auto side = [&](Value* step, Value* bound) {
    Value* positive = lowering.compare("GREATER", lowering.binary("MUL", bound, step), zero);
    return select(lowering, positive, lowering.binary("DIV", step, bound), most);
  };
  Value *by_high = side(last, high), *inverse_high = lowering.binary("DIV", high, last);
  if (s.first == 0)
    return {by_high, inverse_high, lowering.binary("MUL", inverse_high, zero), high};
  Value *by_low = side(first, low), *inverse_low = lowering.binary("DIV", low, first);
  Value* use_low = lowering.compare("LESS", by_low, by_high);
  Value* inverse = select(lowering, use_low, inverse_low, inverse_high);
  return {select(lowering, use_low, by_low, by_high), inverse,
          select(lowering, use_low, low, lowering.binary("MUL", inverse, first)),
          select(lowering, use_low, lowering.binary("MUL", inverse, last), high)};
}

/// The smallest or largest element: of all, or of each index along the axis (other sizes become 1).
Value* extreme(Lowering& lowering, const char* op, Value* x, int64_t axis) {
  if (axis < 0) {
    Value* flat = lowering.reshape(x, Shape{Dim()});
    return lowering.emit(op, {flat, lowering.constant_i32({0})}, {{"keep_dims", false}}, x->dtype,
                         Shape::scalar());
  }
  std::vector<int64_t> axes;
  Shape shape = x->shape;
  for (size_t i = 0; i < shape.rank(); ++i) {
    if (static_cast<int64_t>(i) == axis) continue;
    axes.push_back(static_cast<int64_t>(i));
    shape[i] = 1;
  }
  return lowering.emit(op, {x, lowering.constant_i32(axes)}, {{"keep_dims", true}}, x->dtype,
                       shape);
}

/// A range operand as it is broadcast against x: [n] becomes [n, 1, 1…] for the dimensions after
/// axis.
Value* along_axis(Lowering& lowering, Value* bound, const Shape& x, int64_t axis) {
  bound = lowering.cast(bound, DType::kFloat32);
  if (axis < 0 || axis + 1 == static_cast<int64_t>(x.rank())) return bound;
  std::vector<Dim> dims(x.rank() - static_cast<size_t>(axis), Dim(1));
  dims[0] = bound->shape.is_rank(1) ? bound->shape[0] : Dim();
  return lowering.reshape(bound, Shape(dims));
}

Status lower_quantize(Node& node, Lowering& lowering) {
  int64_t bits = bits_attribute(node);
  if (node.is("QuantizeAndDequantizeV3")) {
    auto constant = node.operand_count() == 4 ? constant_integer(node.operand(3)) : std::nullopt;
    if (!constant) return unsupported(node, "num_bits is no constant");
    bits = *constant;
  }
  PUMICE_CHECK(check_computable(node));
  PUMICE_TRY(Scheme scheme, scheme_of(node, bits));
  const Shape& shape = node.operand(0)->shape;
  if (scheme.axis >= 0 &&
      (!shape.known_rank() || scheme.axis >= static_cast<int64_t>(shape.rank())))
    return unsupported(node, "the axis needs an input of known rank").found(to_string(shape));
  Value* x = computed(node, 0, lowering);
  Value *low, *high;
  if (!scheme.range_given) {
    low = extreme(lowering, "REDUCE_MIN", x, scheme.axis);
    high = extreme(lowering, "REDUCE_MAX", x, scheme.axis);
  } else if (node.is("QuantizeAndDequantize")) {
    low = scalar(lowering, node.attributes.real("input_min"));
    high = scalar(lowering, node.attributes.real("input_max"));
  } else {
    low = along_axis(lowering, node.operand(1), shape, scheme.axis);
    high = along_axis(lowering, node.operand(2), shape, scheme.axis);
  }
  RangeValues range{};
  const Constant *c_low = constant_of(low), *c_high = constant_of(high);
  if (c_low && c_high && c_low->dims() == c_high->dims()) {
    const Tensor lows = c_low->materialize(), highs = c_high->materialize();
    Tensor scale = Tensor::zeros(DType::kFloat32, lows.dims()), inverse = scale, least = scale,
           most = scale;
    for (Tensor* t : {&inverse, &least, &most}) *t = Tensor::zeros(DType::kFloat32, lows.dims());
    for (int64_t i = 0; i < lows.elements(); ++i) {
      Range r = scale_to(scheme, lows.at<float>(i), highs.at<float>(i));
      scale.mutable_as<float>()[i] = r.scale;
      inverse.mutable_as<float>()[i] = r.inverse;
      least.mutable_as<float>()[i] = r.low;
      most.mutable_as<float>()[i] = r.high;
    }
    range = {lowering.constant(scale), lowering.constant(inverse), lowering.constant(least),
             lowering.constant(most)};
  } else {
    range = scale_at_run_time(lowering, scheme, low, high);
  }
  Value* y = x;
  if (scheme.range_given)
    y = lowering.binary("MAXIMUM", lowering.binary("MINIMUM", y, range.high), range.low);
  y = lowering.binary("MUL", y, range.scale);
  y = scheme.half_up ? lowering.unary("FLOOR", lowering.binary("ADD", y, scalar(lowering, 0.5)))
                     : lowering.unary("ROUND", y);
  finish(node, lowering, lowering.binary("MUL", y, range.inverse));
  return {};
}

constexpr std::string_view kDecomposed = "MINIMUM + MAXIMUM + MUL + ROUND";

constexpr OpDef kOps[] = {
    {"FakeQuantWithMinMaxArgs", infer_first<1>, evaluate_fake_quant, lower_fake_quant, "FAKE_QUANT",
     ""},
    {"FakeQuantWithMinMaxVars", infer_first<3>, evaluate_fake_quant, lower_fake_quant, "FAKE_QUANT",
     ""},
    {"FakeQuantWithMinMaxVarsPerChannel", infer_first<3>, evaluate_fake_quant, lower_fake_quant,
     "MINIMUM + MAXIMUM + MUL + FLOOR", ""},
    {"QuantizeAndDequantize", infer_first<1>, evaluate_quantize, lower_quantize, kDecomposed, ""},
    {"QuantizeAndDequantizeV2", infer_first<3>, evaluate_quantize, lower_quantize, kDecomposed, ""},
    {"QuantizeAndDequantizeV3", infer_first<4>, evaluate_quantize, lower_quantize, kDecomposed,
     "constant num_bits only"},
    {"QuantizeAndDequantizeV4", infer_first<3>, evaluate_quantize, lower_quantize, kDecomposed, ""},
};

}  // namespace

std::span<const OpDef> fake_quant_ops() { return kOps; }

}  // namespace pumice
