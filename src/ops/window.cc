#include "ops/window.h"

#include <algorithm>

#include "ops/infer.h"
#include "tflite/enums.h"

namespace pumice {
namespace {

constexpr int64_t kLargest = int64_t{1} << 31;  // of every attribute, so that products fit

std::vector<WindowAxis*> by_tensor_axis(Windows& windows) {
  std::vector<WindowAxis*> axes(windows.rank());
  axes[0] = &windows.batch;
  axes[windows.channel_axis()] = &windows.channels;
  for (size_t i = 0; i < windows.axes.size(); ++i) axes[windows.spatial_axis(i)] = &windows.axes[i];
  return axes;
}

Status set_each(const Node& node, const char* what, const std::vector<int64_t>& values,
                Windows& windows, int64_t WindowAxis::*field) {
  if (values.size() != windows.rank())
    return malformed(node, std::string(what) + " of a wrong length")
        .expected(std::to_string(windows.rank()))
        .found(std::to_string(values.size()));
  auto axes = by_tensor_axis(windows);
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] < 1 || values[i] >= kLargest)
      return malformed(node, std::string(what) + " out of range").found(std::to_string(values[i]));
    axes[i]->*field = values[i];
  }
  return {};
}

Tensor permuted(const Tensor& tensor, const std::vector<int>& perm) {
  return perm.empty() ? tensor : Constant(tensor).then(Permute{perm}).materialize();
}

Shape permuted(const Shape& shape, const std::vector<int>& perm) {
  if (perm.empty() || !shape.is_rank(perm.size())) return shape;
  Shape out = Shape::of_rank(perm.size());
  for (size_t i = 0; i < perm.size(); ++i) out[i] = shape[static_cast<size_t>(perm[i])];
  return out;
}

}  // namespace

std::vector<int> Windows::to_channels_last() const {
  if (!channels_first) return {};
  std::vector<int> perm{0};
  for (size_t i = 0; i < axes.size(); ++i) perm.push_back(static_cast<int>(i + 2));
  perm.push_back(1);
  return perm;
}

std::vector<int> Windows::from_channels_last() const {
  if (!channels_first) return {};
  std::vector<int> perm{0, static_cast<int>(axes.size() + 1)};
  for (size_t i = 0; i < axes.size(); ++i) perm.push_back(static_cast<int>(i + 1));
  return perm;
}

Result<Windows> read_windows(const Node& node, size_t spatial_rank) {
  Windows windows;
  windows.axes.resize(spatial_rank);
  std::string format = node.attributes.string("data_format", spatial_rank == 3 ? "NDHWC" : "NHWC");
  if (format == "NCHW" || format == "NCDHW") {
    windows.channels_first = true;
  } else if (format != "NHWC" && format != "NDHWC") {
    return unsupported(node, "the layout " + format + " is not supported");
  }
  std::string padding = node.attributes.string("padding", "VALID");
  if (padding == "SAME") {
    windows.padding = WindowPadding::kSame;
  } else if (padding == "EXPLICIT") {
    windows.padding = WindowPadding::kExplicit;
  } else if (padding != "VALID") {
    return malformed(node, "unknown padding").expected("SAME, VALID or EXPLICIT").found(padding);
  }
  if (auto strides = node.attributes.integers("strides"); !strides.empty())
    PUMICE_CHECK(set_strides(node, strides, windows));
  if (auto sizes = node.attributes.integers("ksize"); !sizes.empty())
    PUMICE_CHECK(set_sizes(node, sizes, windows));
  if (auto dilations = node.attributes.integers("dilations"); !dilations.empty())
    PUMICE_CHECK(set_each(node, "dilations", dilations, windows, &WindowAxis::dilation));
  if (windows.padding == WindowPadding::kExplicit) {
    auto explicit_paddings = node.attributes.integers("explicit_paddings");
    if (explicit_paddings.size() != 2 * windows.rank())
      return malformed(node, "explicit_paddings of a wrong length")
          .expected(std::to_string(2 * windows.rank()))
          .found(std::to_string(explicit_paddings.size()));
    auto axes = by_tensor_axis(windows);
    for (size_t i = 0; i < axes.size(); ++i) {
      axes[i]->before = explicit_paddings[2 * i];
      axes[i]->after = explicit_paddings[2 * i + 1];
      if (axes[i]->before < 0 || axes[i]->after < 0 || axes[i]->before >= kLargest ||
          axes[i]->after >= kLargest)
        return malformed(node, "explicit_paddings out of range");
    }
    if (windows.batch.before + windows.batch.after + windows.channels.before +
            windows.channels.after !=
        0)
      return malformed(node, "explicit_paddings of the batch or the channels");
  }
  return windows;
}

Status set_strides(const Node& node, const std::vector<int64_t>& strides, Windows& windows) {
  return set_each(node, "strides", strides, windows, &WindowAxis::stride);
}

Status set_sizes(const Node& node, const std::vector<int64_t>& sizes, Windows& windows) {
  return set_each(node, "ksize", sizes, windows, &WindowAxis::size);
}

void set_filter_sizes(const Shape& filter, Windows& windows) {
  for (size_t i = 0; i < windows.axes.size(); ++i)
    windows.axes[i].size =
        filter.known_rank() && i < filter.rank() ? filter[i].size_or_minus_one() : -1;
}

Result<Dim> window_positions(const Node& node, Dim in, const WindowAxis& axis,
                             WindowPadding padding) {
  if (padding == WindowPadding::kSame) {
    if (axis.stride == 1) return in;
    if (!in.known()) return Dim();
    return Dim((in.size() + axis.stride - 1) / axis.stride);
  }
  if (axis.size < 0) return Dim();
  int64_t more =
      (padding == WindowPadding::kExplicit ? axis.before + axis.after : 0) - (axis.extent() - 1);
  if (axis.stride == 1 && more == 0) return in;
  if (!in.known()) return Dim();
  int64_t room = in.size() + more - 1 + axis.stride;
  if (room < 0)
    return malformed(node, "the window is larger than its input")
        .expected("at least " + std::to_string(1 - more))
        .found(std::to_string(in.size()));
  return Dim(room / axis.stride);
}

int64_t padding_before(int64_t in, int64_t out, const WindowAxis& axis, WindowPadding padding) {
  if (padding == WindowPadding::kExplicit) return axis.before;
  if (padding == WindowPadding::kValid) return 0;
  return std::max<int64_t>((out - 1) * axis.stride + axis.extent() - in, 0) / 2;
}

Shape to_channels_last(const Windows& windows, const Shape& shape) {
  return permuted(shape, windows.to_channels_last());
}
Shape from_channels_last(const Windows& windows, const Shape& shape) {
  return permuted(shape, windows.from_channels_last());
}
Tensor to_channels_last(const Windows& windows, const Tensor& tensor) {
  return permuted(tensor, windows.to_channels_last());
}
Tensor from_channels_last(const Windows& windows, const Tensor& tensor) {
  return permuted(tensor, windows.from_channels_last());
}

Value* to_channels_last(const Windows& windows, Value* value, Lowering& lowering) {
  return windows.channels_first ? lowering.transpose(value, windows.to_channels_last()) : value;
}

Value* from_channels_last(const Windows& windows, Value* value, Lowering& lowering) {
  return windows.channels_first ? lowering.transpose(value, windows.from_channels_last()) : value;
}

int64_t lower_padding(const Windows& windows, Value*& x, Lowering& lowering, Value* fill) {
  if (windows.padding == WindowPadding::kSame) return kPaddingSame;
  if (windows.padding == WindowPadding::kExplicit) {
    std::vector<std::pair<int64_t, int64_t>> paddings(windows.rank());
    for (size_t i = 0; i < windows.axes.size(); ++i)
      paddings[i + 1] = {windows.axes[i].before, windows.axes[i].after};
    x = lowering.pad(x, paddings, fill);
  }
  return kPaddingValid;
}

Result<Value*> as_float32(const Node& node, Value* x, Lowering& lowering) {
  if (x->dtype == DType::kFloat32 || x->dtype == DType::kFloat16)
    return lowering.cast(x, DType::kFloat32);
  return unsupported(node, "the runtime has no kernel for " + std::string(dtype_name(x->dtype)));
}

Value* reshape_to(Value* x, const Shape& to, const std::vector<Value*>& sizes, Lowering& lowering) {
  // A -1 cannot stand beside a zero: then the sizes are taken at run time.
  bool zero = std::any_of(to.dims().begin(), to.dims().end(), [](Dim d) { return d == Dim(0); });
  if (to.unknown_dims() <= 1 && !(zero && to.unknown_dims() == 1)) return lowering.reshape(x, to);
  std::vector<Value*> parts;
  for (size_t i = 0; i < to.rank(); ++i)
    parts.push_back(to[i].known() || !sizes[i] ? lowering.constant_i32({to[i].size_or_minus_one()})
                                               : sizes[i]);
  return lowering.reshape(x, lowering.concat(parts, 0), to);
}

}  // namespace pumice
