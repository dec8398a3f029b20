// Transposed convolutions: the gradients of convolutions with respect to their input.
#include <algorithm>

#include "ops/conv.h"
#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "tflite/enums.h"

namespace pumice {
namespace {

// Operands: sizes of the result (all, or in two dimensions the spatial ones alone), filter
// [k…, out, in], gradient.
template <size_t kSpatial>
Status infer_backprop(Node& node) {
  PUMICE_CHECK(expect_operands(node, 3, 3));
  PUMICE_TRY(Windows windows, read_windows(node, kSpatial));
  const Shape &filter = node.operand(1)->shape, &y = node.operand(2)->shape;
  for (const Shape* shape : {&filter, &y})
    if (shape->known_rank() && shape->rank() != kSpatial + 2)
      return malformed(node, "an operand has the wrong rank")
          .expected(std::to_string(kSpatial + 2))
          .found(to_string(*shape));
  Shape out = Shape::of_rank(kSpatial + 2);
  if (auto sizes = known_elements(node.operand(0))) {
    if (sizes->size() == kSpatial + 2) {
      out = Shape(*sizes);
    } else if (sizes->size() == kSpatial) {
      for (size_t i = 0; i < kSpatial; ++i) out[windows.spatial_axis(i)] = (*sizes)[i];
    } else {
      return malformed(node, "the result's sizes have the wrong length")
          .expected(std::to_string(kSpatial + 2))
          .found(std::to_string(sizes->size()));
    }
  }
  if (y.known_rank()) {
    auto batch = merge(out[0], y[0]);
    if (!batch) return malformed(node, "the result's batch is not the gradient's");
    out[0] = *batch;
  }
  size_t channels = windows.channel_axis();
  if (filter.known_rank() && !out[channels].known()) out[channels] = filter[kSpatial];
  set_result(node, 0, node.operand(2)->dtype, std::move(out));
  return {};
}

template <size_t kSpatial>
Status evaluate_plain(EvalContext& context) {
  const Node& node = context.node;
  if (context.inputs.size() != 3) return malformed(node, "wrong number of inputs");
  PUMICE_TRY(Windows windows, read_windows(node, kSpatial));
  const Tensor& filter = context.in(1);
  Tensor y = to_channels_last(windows, context.in(2));
  if (filter.rank() != kSpatial + 2 || y.rank() != kSpatial + 2 || y.dtype() != filter.dtype())
    return malformed(node, "an operand has the wrong rank");
  set_filter_sizes(filter.dims(), windows);
  Dims dims = context.in(0).integers();
  if (dims.size() == kSpatial) {
    dims.insert(dims.begin(), y.dims()[0]);
    dims.push_back(filter.dims()[kSpatial]);
  } else if (dims.size() == kSpatial + 2) {
    dims = to_channels_last(windows, Shape(dims)).sizes_or_minus_one();
  }
  for (int64_t d : dims)
    if (d < 0) return malformed(node, "a size of the result is negative").found(to_string(dims));
  PUMICE_CHECK(check_allocatable(context, dims));
  PUMICE_TRY(ConvSizes sizes, conv_sizes(node, windows, dims, filter.dims(), false));
  Dims expected{dims[0]};
  for (size_t i = 3 - kSpatial; i < 3; ++i) expected.push_back(sizes.out[i]);
  expected.push_back(sizes.out_channels);
  if (expected != y.dims())
    return malformed(node, "the gradient does not have the convolution's sizes")
        .expected(to_string(expected))
        .found(to_string(y.dims()));
  if (sizes.groups != 1) return unsupported(node, "a transposed convolution in groups");
  Tensor x = Tensor::zeros(y.dtype(), dims);
  auto run = [&](auto type) {
    using T = decltype(type);
    Elements<T> gradient(y), weights(filter);
    if (x.elements() == 0 || y.elements() == 0) return;
    convolve_transposed<T>(sizes, gradient.data(), weights.data(), x.mutable_as<T>());
  };
  PUMICE_CHECK(with_element_type(node, y.dtype(), run));
  context.outputs = {from_channels_last(windows, x)};
  return {};
}

template <size_t kSpatial>
Status evaluate_backprop(EvalContext& context) {
  if (context.inputs.size() == 3 && is_half(context.in(2).dtype()))
    return evaluate_in_float32(context, context.in(2).dtype(), evaluate_plain<kSpatial>);
  return evaluate_plain<kSpatial>(context);
}

/// The filter with zeros between its elements, so that it needs no dilation.
Result<Value*> dilated(const Node& node, Value* filter, Windows& windows, Lowering& lowering) {
  bool none = true;
  for (const WindowAxis& axis : windows.axes) none &= axis.dilation == 1;
  if (none) return filter;
  const Constant* constant = constant_of(filter);
  if (!constant) return unsupported(node, "a dilated filter that is computed at run time");
  Tensor small = constant->materialize();
  Dims dims = small.dims();
  for (size_t i = 0; i < windows.axes.size(); ++i) dims[i] = windows.axes[i].extent();
  if (element_count(dims).value_or(INT64_MAX) > (int64_t{1} << 28))
    return unsupported(node, "a dilated filter of this size").found(to_string(dims));
  Tensor large = Tensor::zeros(small.dtype(), dims);
  auto from = strides_of(small.dims()), to = strides_of(dims);
  for (int64_t i = 0; i < small.elements(); ++i) {
    int64_t at = 0;
    for (size_t d = 0; d < dims.size(); ++d) {
      int64_t index = i / from[d] % small.dims()[d];
      at += index * to[d] * (d < windows.axes.size() ? windows.axes[d].dilation : 1);
    }
    large.mutable_as<float>()[at] = small.at<float>(i);
  }
  for (WindowAxis& axis : windows.axes) {
    axis.size = axis.extent();
    axis.dilation = 1;
  }
  return lowering.constant(large);
}

/// The result's sizes, channels last, as an int32 vector; `more` is added to each.
Value* result_sizes(const Node& node, const Windows& windows, const Shape& out, Value* filter,
                    Value* y, const std::vector<int64_t>& more, Lowering& lowering) {
  size_t spatial = windows.axes.size();
  Value* given = lowering.as_i32(node.operand(0));
  bool only_spatial =
      given->shape.is_rank(1) && given->shape[0] == Dim(static_cast<int64_t>(spatial));
  std::vector<Value*> parts;
  bool constant = true;
  std::vector<int64_t> all;
  for (size_t i = 0; i < spatial + 2; ++i) {
    if (out[i].known()) {
      all.push_back(out[i].size() + more[i]);
      parts.push_back(lowering.constant_i32({all.back()}));
      continue;
    }
    constant = false;
    Value* size;
    if (i == 0) {
      size = lowering.size_of(y, 0);
    } else if (i == spatial + 1) {
      size = lowering.size_of(filter, spatial);
    } else {
      size_t at = only_spatial ? i - 1 : windows.spatial_axis(i - 1);
      auto from = static_cast<int64_t>(at);
      size = lowering.emit("STRIDED_SLICE",
                           {given, lowering.constant_i32({from}), lowering.constant_i32({from + 1}),
                            lowering.constant_i32({1})},
                           {}, DType::kInt32, Shape{1});
    }
    parts.push_back(more[i] ? lowering.binary("ADD", size, lowering.constant_i32({more[i]}))
                            : size);
  }
  return constant ? lowering.constant_i32(all) : lowering.concat(parts, 0);
}

/// Whether as_convolution() can build the result: everything is known but the batch.
bool can_be_convolution(const Windows& windows, Value* filter, const Shape& y, const Shape& out) {
  if (windows.axes.size() != 2 || !constant_of(filter)) return false;
  for (size_t i : {1, 2})
    if (!y[i].known() || !out[i].known()) return false;
  return windows.axes[0].stride == windows.axes[1].stride && !out[0].known();
}

/// TRANSPOSE_CONV reads its sizes when it runs, and what follows cannot be planned; so a batch that
/// is not known takes a convolution without strides. Result position q = o + before is reached from
/// gradient positions q / s - m with filter element q % s + s · m: each of the s · s remainders is
/// a group of output channels, and DEPTH_TO_SPACE puts them in their places.
Value* as_convolution(Value* y, Value* filter, const Windows& windows, const Shape& out,
                      Lowering& lowering) {
  Tensor f = constant_of(filter)->materialize();
  int64_t s = windows.axes[0].stride, taps[2], before[2], rows = f.dims()[2], in = f.dims()[3];
  std::vector<std::pair<int64_t, int64_t>> pads(4);
  Shape padded = y->shape;
  for (size_t i = 0; i < 2; ++i) {
    const WindowAxis& axis = windows.axes[i];
    int64_t size = out[i + 1].size(), positions = y->shape[i + 1].size();
    taps[i] = (axis.size + s - 1) / s;
    before[i] = padding_before(size, positions, axis, windows.padding);
    int64_t last = (size - 1 + before[i]) / s;
    pads[i + 1] = {taps[i] - 1, std::max<int64_t>(last - (positions - 1), 0)};
    padded[i + 1] = Dim(positions + pads[i + 1].second);
  }
  Tensor weights = Tensor::zeros(DType::kFloat32, {s * s * rows, taps[0], taps[1], in});
  float* to = weights.mutable_as<float>();
  for (int64_t rh = 0; rh < s; ++rh)
    for (int64_t rw = 0; rw < s; ++rw)
      for (int64_t o = 0; o < rows; ++o)
        for (int64_t h = taps[0]; h-- > 0;)
          for (int64_t w = taps[1]; w-- > 0; to += in) {
            int64_t fh = rh + s * h, fw = rw + s * w;
            if (fh >= windows.axes[0].size || fw >= windows.axes[1].size) continue;
            for (int64_t i = 0; i < in; ++i)
              to[i] = f.at<float>(((fh * windows.axes[1].size + fw) * rows + o) * in + i);
          }
  Value* bias = lowering.constant(Constant(Tensor::scalar_f32(0)).then(Splat{{s * s * rows}}));
  padded[3] = Dim(s * s * rows);
  Value* z = lowering.emit(
      "CONV_2D", {lowering.pad(y, pads), lowering.constant(std::move(weights)), bias},
      {{"padding", kPaddingValid}, {"stride_h", int64_t{1}}, {"stride_w", int64_t{1}}},
      DType::kFloat32, padded);
  if (s > 1)
    z = lowering.emit("DEPTH_TO_SPACE", {z}, {{"block_size", s}}, DType::kFloat32,
                      {padded[0], padded[1] * Dim(s), padded[2] * Dim(s), Dim(rows)});
  if (before[0] == 0 && before[1] == 0 && z->shape == out) return z;
  // STRIDED_SLICE: the compiled-model API crashes in a SLICE that leaves the batch as it is.
  constexpr int64_t kBatchAndChannels = 0b1001;
  return lowering.emit(
      "STRIDED_SLICE",
      {z, lowering.constant_i32({0, before[0], before[1], 0}),
       lowering.constant_i32({0, before[0] + out[1].size(), before[1] + out[2].size(), 0}),
       lowering.constant_i32({1, 1, 1, 1})},
      {{"begin_mask", kBatchAndChannels}, {"end_mask", kBatchAndChannels}}, DType::kFloat32, out);
}

template <size_t kSpatial>
Status lower_backprop(Node& node, Lowering& lowering) {
  PUMICE_TRY(Windows windows, read_windows(node, kSpatial));
  PUMICE_TRY(Value * filter, as_float32(node, node.operand(1), lowering));
  PUMICE_TRY(Value * y, as_float32(node, node.operand(2), lowering));
  y = to_channels_last(windows, y, lowering);
  if (!y->shape.known_rank()) y->shape = Shape::of_rank(kSpatial + 2);
  Shape out = to_channels_last(windows, node.result()->shape);
  const Shape f = filter->shape;
  auto differ = [](Dim a, Dim b) { return a.known() && b.known() && !(a == b); };
  if (f.known_rank() &&
      (differ(f[kSpatial], out[kSpatial + 1]) || differ(f[kSpatial + 1], y->shape[kSpatial + 1])))
    return unsupported(node, "the runtime has no transposed convolution in groups");
  set_filter_sizes(f, windows);
  PUMICE_TRY(filter, dilated(node, filter, windows, lowering));
  if (can_be_convolution(windows, filter, y->shape, out)) {
    Value* x = as_convolution(y, filter, windows, out, lowering);
    x = from_channels_last(windows, x, lowering);
    lowering.replace(node, 0, lowering.cast(x, node.result()->dtype));
    return {};
  }
  // Explicit paddings are cut off a larger result.
  bool explicit_padding = windows.padding == WindowPadding::kExplicit;
  std::vector<int64_t> more(kSpatial + 2, 0), begin(kSpatial + 2, 0);
  Shape larger = out;
  for (size_t i = 0; explicit_padding && i < kSpatial; ++i) {
    begin[i + 1] = windows.axes[i].before;
    more[i + 1] = windows.axes[i].before + windows.axes[i].after;
    larger[i + 1] = out[i + 1] + Dim(more[i + 1]);
  }
  Value* sizes = result_sizes(node, windows, out, filter, y, more, lowering);
  Attributes attributes{
      {"padding", windows.padding == WindowPadding::kSame ? kPaddingSame : kPaddingValid},
      {"stride_h", windows.axes[kSpatial - 2].stride},
      {"stride_w", windows.axes[kSpatial - 1].stride}};
  Value* x;
  if (kSpatial == 3) {
    attributes.set("stride_d", windows.axes[0].stride);
    x = lowering.emit("CONV_3D_TRANSPOSE", {sizes, filter, y}, attributes, DType::kFloat32, larger);
  } else {
    x = lowering.emit("TRANSPOSE_CONV", {sizes, lowering.transpose(filter, {2, 0, 1, 3}), y},
                      attributes, DType::kFloat32, larger);
  }
  if (explicit_padding) {
    Value* kept = result_sizes(node, windows, out, filter, y, std::vector<int64_t>(kSpatial + 2, 0),
                               lowering);
    x = lowering.emit("SLICE", {x, lowering.constant_i32(begin), kept}, {}, DType::kFloat32, out);
  }
  lowering.replace(node, 0,
                   lowering.cast(from_channels_last(windows, x, lowering), node.result()->dtype));
  return {};
}

constexpr std::string_view kLimits = "float32 and float16; no groups; dilated filters as constants";

constexpr OpDef kOps[] = {
    {"Conv2DBackpropInput", infer_backprop<2>, evaluate_backprop<2>, lower_backprop<2>,
     "TRANSPOSE_CONV, or CONV_2D + DEPTH_TO_SPACE", kLimits},
    {"Conv3DBackpropInputV2", infer_backprop<3>, evaluate_backprop<3>, lower_backprop<3>,
     "CONV_3D_TRANSPOSE", kLimits},
};

}  // namespace

std::span<const OpDef> transpose_conv_ops() { return kOps; }

}  // namespace pumice
