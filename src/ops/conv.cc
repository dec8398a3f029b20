// Convolutions: Conv2D, DepthwiseConv2dNative, Conv3D.
#include "ops/conv.h"

#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "tflite/enums.h"

namespace pumice {
namespace {

Status infer_conv(Node& node, size_t spatial, bool depthwise) {
  PUMICE_CHECK(expect_operands(node, 2, SIZE_MAX));
  PUMICE_TRY(Windows windows, read_windows(node, spatial));
  const Shape &x = node.operand(0)->shape, &filter = node.operand(1)->shape;
  for (const Shape* shape : {&x, &filter})
    if (shape->known_rank() && shape->rank() != windows.rank())
      return malformed(node, "an operand of a convolution has the wrong rank")
          .expected(std::to_string(windows.rank()))
          .found(to_string(*shape));
  set_filter_sizes(filter, windows);
  Shape out = Shape::of_rank(windows.rank());
  Dim channels = x.known_rank() ? x[windows.channel_axis()] : Dim();
  if (filter.known_rank()) {
    Dim in = filter[spatial];
    bool fits = !channels.known() || !in.known() ||
                (depthwise ? channels == in : in.size() > 0 && channels.size() % in.size() == 0);
    if (!fits)
      return malformed(node, "the filter does not fit the input's channels")
          .expected(std::to_string(channels.size()))
          .found(to_string(filter));
    out[windows.channel_axis()] =
        depthwise ? (in.known() ? in : channels) * filter[spatial + 1] : filter[spatial + 1];
  }
  if (x.known_rank()) {
    out[0] = x[0];
    for (size_t i = 0; i < spatial; ++i) {
      PUMICE_TRY(Dim size, window_positions(node, x[windows.spatial_axis(i)], windows.axes[i],
                                            windows.padding));
      out[windows.spatial_axis(i)] = size;
    }
  }
  set_result(node, 0, node.operand(0)->dtype, std::move(out));
  return {};
}

Status infer_conv3d(Node& node) { return infer_conv(node, 3, false); }

Status evaluate(EvalContext& context, size_t spatial, bool depthwise) {
  if (context.inputs.size() < 2) return malformed(context.node, "a convolution takes two inputs");
  PUMICE_TRY(Windows windows, read_windows(context.node, spatial));
  if (context.in(0).rank() != windows.rank())
    return malformed(context.node, "the input has the wrong rank")
        .expected(std::to_string(windows.rank()))
        .found(to_string(context.in(0).dims()));
  Tensor x = to_channels_last(windows, context.in(0));
  set_filter_sizes(context.in(1).dims(), windows);
  PUMICE_TRY(ConvSizes sizes,
             conv_sizes(context.node, windows, x.dims(), context.in(1).dims(), depthwise));
  DType dtype = x.dtype();
  if (context.in(1).dtype() != dtype) return malformed(context.node, "operands of two dtypes");
  Dims dims{sizes.batch};
  for (size_t i = 3 - spatial; i < 3; ++i) dims.push_back(sizes.out[i]);
  dims.push_back(sizes.out_channels);
  PUMICE_CHECK(check_allocatable(context, dims));
  Tensor out = Tensor::zeros(dtype, dims);
  auto run = [&](auto type) {
    using T = decltype(type);
    Elements<T> in(x), filter(context.in(1));
    if (out.elements() == 0) return;
    (depthwise ? convolve_depthwise<T> : convolve<T>)(sizes, in.data(), filter.data(),
                                                      out.mutable_as<T>());
  };
  PUMICE_CHECK(with_element_type(context.node, dtype, run));
  context.outputs = {from_channels_last(windows, out)};
  return {};
}

template <size_t kSpatial, bool kDepthwise>
Status evaluate_any(EvalContext& context) {
  if (!context.inputs.empty() && is_half(context.in(0).dtype()))
    return evaluate_in_float32(context, context.in(0).dtype(),
                               [](EvalContext& c) { return evaluate(c, kSpatial, kDepthwise); });
  return evaluate(context, kSpatial, kDepthwise);
}

/// Zeros for a kernel that needs a bias; none where the number of channels is not known.
Value* zero_bias(Dim channels, Lowering& lowering) {
  if (!channels.known()) return nullptr;
  return lowering.constant(Constant(Tensor::scalar_f32(0)).then(Splat{{channels.size()}}));
}

Attributes options(const Windows& windows, int64_t padding) {
  size_t n = windows.axes.size();
  const WindowAxis &h = windows.axes[n - 2], &w = windows.axes[n - 1];
  return {{"padding", padding},
          {"stride_h", h.stride},
          {"stride_w", w.stride},
          {"dilation_h_factor", h.dilation},
          {"dilation_w_factor", w.dilation}};
}

/// The channels-last result's shape: the inferred one of the node.
Shape result_shape(const Node& node, const Windows& windows) {
  return to_channels_last(windows, node.result()->shape);
}

Status lower_conv2d(Node& node, Lowering& lowering) {
  PUMICE_TRY(Value * y, lower_to_conv2d(node, lowering));
  lowering.replace(node, 0, lowering.cast(y, node.result()->dtype));
  return {};
}

Status lower_depthwise(Node& node, Lowering& lowering) {
  PUMICE_TRY(Value * y, lower_to_depthwise_conv2d(node, lowering));
  lowering.replace(node, 0, lowering.cast(y, node.result()->dtype));
  return {};
}

Status lower_conv3d(Node& node, Lowering& lowering) {
  PUMICE_TRY(Windows windows, read_windows(node, 3));
  PUMICE_TRY(Value * x, as_float32(node, node.operand(0), lowering));
  PUMICE_TRY(Value * filter, as_float32(node, node.operand(1), lowering));
  const Shape& f = filter->shape;
  x = to_channels_last(windows, x, lowering);
  if (f.known_rank() && x->shape.known_rank() && f[3].known() && x->shape[4].known() &&
      !(f[3] == x->shape[4]))
    return unsupported(node, "the runtime has no grouped convolution of three spatial dimensions");
  int64_t padding = lower_padding(windows, x, lowering);
  Attributes attributes = options(windows, padding);
  attributes.set("stride_d", windows.axes[0].stride);
  attributes.set("dilation_d_factor", windows.axes[0].dilation);
  std::vector<Value*> operands{x, filter};
  if (Value* bias = zero_bias(f.known_rank() ? f[4] : Dim(), lowering)) operands.push_back(bias);
  Value* y = lowering.emit("CONV_3D", operands, std::move(attributes), DType::kFloat32,
                           result_shape(node, windows));
  lowering.replace(node, 0,
                   lowering.cast(from_channels_last(windows, y, lowering), node.result()->dtype));
  return {};
}

constexpr OpDef kOps[] = {
    {"Conv2D", infer_conv2d, evaluate_conv2d, lower_conv2d, "CONV_2D", "float32 and float16"},
    {"Conv3D", infer_conv3d, evaluate_any<3, false>, lower_conv3d, "CONV_3D",
     "float32 and float16; no groups"},
    {"DepthwiseConv2dNative", infer_depthwise_conv2d, evaluate_depthwise_conv2d, lower_depthwise,
     "DEPTHWISE_CONV_2D", "float32 and float16"},
};

}  // namespace

Status infer_conv2d(Node& node) { return infer_conv(node, 2, false); }
Status infer_depthwise_conv2d(Node& node) { return infer_conv(node, 2, true); }
Status evaluate_conv2d(EvalContext& context) { return evaluate_any<2, false>(context); }
Status evaluate_depthwise_conv2d(EvalContext& context) { return evaluate_any<2, true>(context); }

Result<ConvSizes> conv_sizes(const Node& node, const Windows& windows, const Dims& x,
                             const Dims& filter, bool depthwise) {
  size_t spatial = windows.axes.size();
  if (x.size() != spatial + 2 || filter.size() != spatial + 2)
    return malformed(node, "an operand of a convolution has the wrong rank")
        .expected(std::to_string(spatial + 2))
        .found(to_string(x) + " and " + to_string(filter));
  ConvSizes sizes;
  sizes.batch = x[0];
  sizes.in_channels = x.back();
  int64_t filter_in = filter[spatial], filter_out = filter[spatial + 1];
  bool fits = depthwise ? filter_in == x.back()
                        : (filter_in > 0 ? x.back() % filter_in == 0 : x.back() == 0);
  if (fits && !depthwise) {
    sizes.groups = filter_in > 0 ? x.back() / filter_in : 1;
    fits = sizes.groups > 0 && filter_out % sizes.groups == 0;
  }
  if (!fits)
    return malformed(node, "the filter does not fit the input's channels")
        .expected(std::to_string(x.back()))
        .found(to_string(filter));
  sizes.out_channels = depthwise ? filter_in * filter_out : filter_out;
  for (size_t i = 0; i < spatial; ++i) {
    const WindowAxis& axis = windows.axes[i];
    size_t at = 3 - spatial + i;
    if (axis.size < 1) return malformed(node, "the filter is empty").found(to_string(filter));
    PUMICE_TRY(Dim out, window_positions(node, x[i + 1], axis, windows.padding));
    sizes.in[at] = x[i + 1];
    sizes.out[at] = out.size();
    sizes.filter[at] = axis.size;
    sizes.stride[at] = axis.stride;
    sizes.dilation[at] = axis.dilation;
    sizes.before[at] = padding_before(x[i + 1], out.size(), axis, windows.padding);
  }
  return sizes;
}

Result<Value*> lower_to_conv2d(const Node& node, Lowering& lowering) {
  PUMICE_TRY(Windows windows, read_windows(node, 2));
  PUMICE_TRY(Value * x, as_float32(node, node.operand(0), lowering));
  PUMICE_TRY(Value * filter, as_float32(node, node.operand(1), lowering));
  Dim channels = filter->shape.known_rank() ? filter->shape[3] : Dim();
  x = to_channels_last(windows, x, lowering);
  int64_t padding = lower_padding(windows, x, lowering);
  Value* y = lowering.emit(
      "CONV_2D", {x, lowering.transpose(filter, {3, 0, 1, 2}), zero_bias(channels, lowering)},
      options(windows, padding), DType::kFloat32, result_shape(node, windows));
  return from_channels_last(windows, y, lowering);
}

Result<Value*> lower_to_depthwise_conv2d(const Node& node, Lowering& lowering) {
  PUMICE_TRY(Windows windows, read_windows(node, 2));
  PUMICE_TRY(Value * x, as_float32(node, node.operand(0), lowering));
  PUMICE_TRY(Value * filter, as_float32(node, node.operand(1), lowering));
  const Shape& f = filter->shape;
  if (!f.known_rank() || !f[3].known())
    return unsupported(node, "the filter's channel multiplier is not known before run time")
        .found(to_string(f));
  Shape flat{1, f[0], f[1], f[2] * f[3]};
  if (flat.unknown_dims() > 1)
    return unsupported(node, "the filter's sizes are not known before run time")
        .found(to_string(f));
  x = to_channels_last(windows, x, lowering);
  int64_t padding = lower_padding(windows, x, lowering);
  Attributes attributes = options(windows, padding);
  attributes.set("depth_multiplier", f[3].size());
  Value* bias = zero_bias(flat[3], lowering);
  Value* y = lowering.emit("DEPTHWISE_CONV_2D", {x, lowering.reshape(filter, flat), bias},
                           std::move(attributes), DType::kFloat32, result_shape(node, windows));
  return from_channels_last(windows, y, lowering);
}

std::span<const OpDef> conv_ops() { return kOps; }

}  // namespace pumice
