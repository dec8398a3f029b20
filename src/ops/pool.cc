// Pools over windows: MaxPool, AvgPool and their three-dimensional forms.
#include <algorithm>
#include <limits>

#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/window.h"
#include "tflite/enums.h"

namespace pumice {
namespace {

enum class Pool { kMax, kAverage };

/// The windows of a pool; those of MaxPoolV2 come from operands: nullopt while they are not known.
Result<std::optional<Windows>> pool_windows(const Node& node, size_t spatial) {
  PUMICE_TRY(Windows windows, read_windows(node, spatial));
  if (node.is("MaxPoolV2")) {
    if (node.operand_count() != 3) return std::optional<Windows>();
    auto sizes = constant_integers(node.operand(1)), strides = constant_integers(node.operand(2));
    if (!sizes || !strides) return std::optional<Windows>();
    PUMICE_CHECK(set_sizes(node, *sizes, windows));
    PUMICE_CHECK(set_strides(node, *strides, windows));
  }
  return std::optional<Windows>(std::move(windows));
}

/// TensorFlow pools either over pixels or over groups of channels; never over the batch.
Status check_windows(const Node& node, const Windows& windows) {
  if (windows.batch.size != 1 || windows.batch.stride != 1)
    return unsupported(node, "pooling over the batch is not supported");
  if (windows.channels.size == 1 && windows.channels.stride == 1) return {};
  if (windows.channels.size != windows.channels.stride)
    return unsupported(node, "pooling over channels with overlap is not supported");
  for (const WindowAxis& axis : windows.axes)
    if (axis.size != 1 || axis.stride != 1)
      return unsupported(node, "pooling over pixels and channels at once is not supported");
  return {};
}

template <size_t kSpatial>
Status infer_pool(Node& node) {
  PUMICE_CHECK(expect_operands(node, 1, 3));
  PUMICE_TRY(auto windows, pool_windows(node, kSpatial));
  const Shape& x = node.operand(0)->shape;
  if (x.known_rank() && x.rank() != kSpatial + 2)
    return malformed(node, "the input has the wrong rank")
        .expected(std::to_string(kSpatial + 2))
        .found(to_string(x));
  Shape out = Shape::of_rank(kSpatial + 2);
  if (x.known_rank()) {
    out[0] = x[0];
    if (windows) {
      for (size_t i = 0; i < kSpatial; ++i) {
        size_t axis = windows->spatial_axis(i);
        PUMICE_TRY(Dim size, window_positions(node, x[axis], windows->axes[i], windows->padding));
        out[axis] = size;
      }
      Dim channels = x[windows->channel_axis()];
      if (windows->channels.size > 1)
        channels = channels.known() ? Dim(channels.size() / windows->channels.size) : Dim();
      out[windows->channel_axis()] = channels;
    }
  }
  set_result(node, 0, node.operand(0)->dtype, std::move(out));
  return {};
}

/// Sizes of a pool, always with three spatial axes.
struct PoolSizes {
  int64_t in[3] = {1, 1, 1}, out[3] = {1, 1, 1}, size[3] = {1, 1, 1}, stride[3] = {1, 1, 1};
  int64_t before[3] = {0, 0, 0}, channels = 0;
};

template <typename T>
void pool_pixel(const PoolSizes& s, Pool kind, const T* image, const int64_t at[3], T* y) {
  int64_t from[3], to[3];
  for (int i = 0; i < 3; ++i) {
    int64_t start = at[i] * s.stride[i] - s.before[i];
    from[i] = std::max<int64_t>(start, 0);
    to[i] = std::min(start + s.size[i], s.in[i]);
  }
  for (int64_t c = 0; c < s.channels; ++c)
    y[c] = kind == Pool::kMax ? std::numeric_limits<T>::lowest() : T(0);
  int64_t count = 0;
  for (int64_t d = from[0]; d < to[0]; ++d)
    for (int64_t h = from[1]; h < to[1]; ++h)
      for (int64_t w = from[2]; w < to[2]; ++w, ++count) {
        const T* x = image + ((d * s.in[1] + h) * s.in[2] + w) * s.channels;
        if (kind == Pool::kMax) {
          for (int64_t c = 0; c < s.channels; ++c) y[c] = std::max(y[c], x[c]);
        } else {
          for (int64_t c = 0; c < s.channels; ++c) y[c] = static_cast<T>(y[c] + x[c]);
        }
      }
  if (kind == Pool::kAverage)
    for (int64_t c = 0; c < s.channels; ++c) y[c] = static_cast<T>(y[c] / static_cast<T>(count));
}

Tensor max_of_channels(const Tensor& x, int64_t group) {
  Dims dims = x.dims();
  dims.back() /= group;
  Tensor out = Tensor::zeros(x.dtype(), dims);
  visit_number(x.dtype(), [&](auto type) {
    using T = decltype(type);
    Elements<T> in(x);
    for (int64_t i = 0; i < out.elements(); ++i)
      out.mutable_as<T>()[i] =
          *std::max_element(in.data() + i * group, in.data() + (i + 1) * group);
  });
  return out;
}

Status evaluate_plain(EvalContext& context, size_t spatial, Pool kind) {
  const Node& node = context.node;
  PUMICE_TRY(Windows windows, read_windows(node, spatial));
  if (context.inputs.size() == 3) {
    PUMICE_CHECK(set_sizes(node, context.in(1).integers(), windows));
    PUMICE_CHECK(set_strides(node, context.in(2).integers(), windows));
  }
  PUMICE_CHECK(check_windows(node, windows));
  if (context.in(0).rank() != spatial + 2)
    return malformed(node, "the input has the wrong rank").found(to_string(context.in(0).dims()));
  Tensor x = to_channels_last(windows, context.in(0));
  int64_t group = windows.channels.size;
  if (x.dims().back() % group != 0) return malformed(node, "the window does not divide channels");
  if (group > 1) {
    context.outputs = {from_channels_last(windows, max_of_channels(x, group))};
    return {};
  }
  PoolSizes s;
  s.channels = x.dims().back();
  Dims dims = x.dims();
  for (size_t i = 0; i < spatial; ++i) {
    size_t at = 3 - spatial + i;
    PUMICE_TRY(Dim out, window_positions(node, x.dims()[i + 1], windows.axes[i], windows.padding));
    s.in[at] = x.dims()[i + 1];
    s.out[at] = dims[i + 1] = out.size();
    s.size[at] = windows.axes[i].size;
    s.stride[at] = windows.axes[i].stride;
    s.before[at] = padding_before(s.in[at], out.size(), windows.axes[i], windows.padding);
  }
  PUMICE_CHECK(check_allocatable(context, dims));
  Tensor out = Tensor::zeros(x.dtype(), dims);
  bool done = visit_number(x.dtype(), [&](auto type) {
    using T = decltype(type);
    Elements<T> in(x);
    const T* image = in.data();
    T* y = out.mutable_as<T>();
    int64_t step = s.in[0] * s.in[1] * s.in[2] * s.channels;
    int64_t at[3];
    if (out.elements() == 0) return;
    for (int64_t n = 0; n < dims[0]; ++n, image += step)
      for (at[0] = 0; at[0] < s.out[0]; ++at[0])
        for (at[1] = 0; at[1] < s.out[1]; ++at[1])
          for (at[2] = 0; at[2] < s.out[2]; ++at[2], y += s.channels)
            pool_pixel(s, kind, image, at, y);
  });
  if (!done) return unsupported(node, "a pool of " + std::string(dtype_name(x.dtype())));
  context.outputs = {from_channels_last(windows, out)};
  return {};
}

template <size_t kSpatial, Pool kKind>
Status evaluate_pool(EvalContext& context) {
  if (context.inputs.size() != (context.node.is("MaxPoolV2") ? 3u : 1u))
    return malformed(context.node, "wrong number of inputs");
  if (is_half(context.in(0).dtype()))
    return evaluate_in_float32(context, context.in(0).dtype(),
                               [](EvalContext& c) { return evaluate_plain(c, kSpatial, kKind); });
  return evaluate_plain(context, kSpatial, kKind);
}

/// One pool over axes 1 and 2 of a float32 [N, H, W, C].
Value* pool_2d(Value* x, Pool kind, const WindowAxis& h, const WindowAxis& w, int64_t padding,
               const Shape& result, Lowering& lowering) {
  return lowering.emit(kind == Pool::kMax ? "MAX_POOL_2D" : "AVERAGE_POOL_2D", {x},
                       {{"padding", padding},
                        {"stride_h", h.stride},
                        {"stride_w", w.stride},
                        {"filter_height", h.size},
                        {"filter_width", w.size}},
                       DType::kFloat32, result);
}

/// [N, D, H, W, C]: over H and W of N·D pictures, then over D of H'·W' columns.
Value* pool_3d(Value* x, Pool kind, const Windows& windows, int64_t padding, const Shape& result,
               Lowering& lowering) {
  const Shape in = x->shape;
  auto size = [&](Value* of, size_t axis) { return lowering.size_of(of, axis); };
  Value* flat = reshape_to(x, {in[0] * in[1], in[2], in[3], in[4]},
                           {nullptr, size(x, 2), size(x, 3), size(x, 4)}, lowering);
  Value* y = pool_2d(flat, kind, windows.axes[1], windows.axes[2], padding,
                     {in[0] * in[1], result[2], result[3], in[4]}, lowering);
  Value* columns = reshape_to(y, {in[0], in[1], result[2] * result[3], in[4]},
                              {size(x, 0), size(x, 1), nullptr, size(x, 4)}, lowering);
  Value* z = pool_2d(columns, kind, windows.axes[0], WindowAxis(), padding,
                     {in[0], result[1], result[2] * result[3], in[4]}, lowering);
  return reshape_to(z, result, {nullptr, size(z, 1), size(y, 1), size(y, 2), size(x, 4)}, lowering);
}

Value* lowest(DType dtype, Lowering& lowering) {
  if (dtype == DType::kInt32) return lowering.constant(Tensor::scalar_i32(INT32_MIN));
  if (dtype == DType::kInt64) return lowering.constant(Tensor::scalar_i64(INT64_MIN));
  return lowering.constant(Tensor::scalar_f32(std::numeric_limits<float>::lowest()));
}

/// The maximum of the window's taps, each a strided slice of all positions: for dtypes that the
/// runtime does not pool. Channels last.
Result<Value*> max_of_slices(const Node& node, Value* x, Windows windows, const Shape& result,
                             Lowering& lowering) {
  if (windows.padding == WindowPadding::kSame) {
    for (size_t i = 0; i < windows.axes.size(); ++i) {
      WindowAxis& axis = windows.axes[i];
      Dim in = x->shape.known_rank() ? x->shape[i + 1] : Dim();
      int64_t total = axis.size - 1;
      if (axis.stride != 1) {
        if (!in.known())
          return unsupported(node, "integers with padding SAME, strides and an unknown size");
        total =
            std::max<int64_t>((result[i + 1].size() - 1) * axis.stride + axis.size - in.size(), 0);
      }
      axis.before = total / 2;
      axis.after = total - axis.before;
    }
    windows.padding = WindowPadding::kExplicit;
  }
  lower_padding(windows, x, lowering, lowest(x->dtype, lowering));
  size_t rank = windows.rank(), taps = 1;
  for (const WindowAxis& axis : windows.axes) taps *= static_cast<size_t>(axis.size);
  if (taps > 256) return unsupported(node, "an integer pool of more than 256 taps");
  Value* best = nullptr;
  for (size_t tap = 0; tap < taps; ++tap) {
    std::vector<int64_t> begin(rank, 0), end(rank, 0), stride(rank, 1);
    int64_t end_mask = 0;
    size_t rest = tap;
    for (size_t i = windows.axes.size(); i-- > 0;) {
      const WindowAxis& axis = windows.axes[i];
      begin[i + 1] = static_cast<int64_t>(rest % static_cast<size_t>(axis.size));
      rest /= static_cast<size_t>(axis.size);
      end[i + 1] = begin[i + 1] + 1 - axis.size;  // counted from the end
      stride[i + 1] = axis.stride;
    }
    for (size_t i = 0; i < rank; ++i)
      if (end[i] == 0) end_mask |= int64_t{1} << i;
    Value* slice = lowering.emit("STRIDED_SLICE",
                                 {x, lowering.constant_i32(begin), lowering.constant_i32(end),
                                  lowering.constant_i32(stride)},
                                 {{"end_mask", end_mask}}, x->dtype, result);
    best = best ? lowering.binary("MAXIMUM", best, slice) : slice;
  }
  return best;
}

template <size_t kSpatial, Pool kKind>
Status lower_pool(Node& node, Lowering& lowering) {
  PUMICE_TRY(auto read, pool_windows(node, kSpatial));
  if (!read) return unsupported(node, "the window's sizes are not known before run time");
  const Windows& windows = *read;
  PUMICE_CHECK(check_windows(node, windows));
  DType dtype = node.operand(0)->dtype;
  // float32 holds every value of these.
  bool narrow = is_integer(dtype) && element_size(dtype) <= 2 && dtype != DType::kInt4;
  bool wide = dtype == DType::kInt32 || dtype == DType::kInt64;
  Value* x = node.operand(0);
  if (!wide) {
    if (narrow) {
      x = lowering.cast(x, DType::kFloat32);
    } else {
      PUMICE_TRY(x, as_float32(node, x, lowering));
    }
  }
  x = to_channels_last(windows, x, lowering);
  if (!x->shape.known_rank()) x->shape = Shape::of_rank(kSpatial + 2);
  Shape result = to_channels_last(windows, node.result()->shape);
  Value* y = nullptr;
  if (windows.channels.size > 1) {
    if (kKind != Pool::kMax) return unsupported(node, "an average over channels");
    Shape split = x->shape;
    split[split.rank() - 1] = result[result.rank() - 1];
    split.dims().push_back(windows.channels.size);
    std::vector<Value*> sizes(split.rank(), nullptr);
    for (size_t i = 0; i + 2 < split.rank(); ++i) sizes[i] = lowering.size_of(x, i);
    x = reshape_to(x, split, sizes, lowering);
    y = lowering.emit("REDUCE_MAX",
                      {x, lowering.constant_i32({static_cast<int64_t>(split.rank()) - 1})},
                      {{"keep_dims", false}}, x->dtype, result);
  } else if (wide) {
    PUMICE_TRY(y, max_of_slices(node, x, windows, result, lowering));
  } else {
    int64_t padding = lower_padding(windows, x, lowering, lowest(DType::kFloat32, lowering));
    if (kSpatial == 3) {
      y = pool_3d(x, kKind, windows, padding, result, lowering);
    } else {
      y = pool_2d(x, kKind, windows.axes[0], windows.axes[1], padding, result, lowering);
    }
  }
  y = from_channels_last(windows, y, lowering);
  lowering.replace(node, 0, lowering.cast(y, dtype));
  return {};
}

constexpr std::string_view kFloats = "float32 and float16";

constexpr OpDef kOps[] = {
    {"AvgPool", infer_pool<2>, evaluate_pool<2, Pool::kAverage>, lower_pool<2, Pool::kAverage>,
     "AVERAGE_POOL_2D", kFloats},
    {"AvgPool3D", infer_pool<3>, evaluate_pool<3, Pool::kAverage>, lower_pool<3, Pool::kAverage>,
     "AVERAGE_POOL_2D + RESHAPE", kFloats},
    {"MaxPool", infer_pool<2>, evaluate_pool<2, Pool::kMax>, lower_pool<2, Pool::kMax>,
     "MAX_POOL_2D", "no float64, bfloat16"},
    {"MaxPool3D", infer_pool<3>, evaluate_pool<3, Pool::kMax>, lower_pool<3, Pool::kMax>,
     "MAX_POOL_2D + RESHAPE", kFloats},
    {"MaxPoolV2", infer_pool<2>, evaluate_pool<2, Pool::kMax>, lower_pool<2, Pool::kMax>,
     "MAX_POOL_2D", "no float64, bfloat16; sizes and strides must be constants"},
};

}  // namespace

std::span<const OpDef> pool_ops() { return kOps; }

}  // namespace pumice
