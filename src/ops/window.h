// Sliding windows: what convolutions, pools and their transposes share.
#pragma once

#include <cstdint>
#include <vector>

#include "graph/graph.h"
#include "ops/lowering.h"
#include "pumice/error.h"

namespace pumice {

/// The window along one spatial axis.
struct WindowAxis {
  int64_t size = 1;  // -1: not known (a computed filter)
  int64_t stride = 1;
  int64_t dilation = 1;
  int64_t before = 0, after = 0;  // explicit padding

  int64_t extent() const { return (size - 1) * dilation + 1; }
};

enum class WindowPadding { kSame, kValid, kExplicit };

/// The windows of one node, and which axis of its tensors is which.
struct Windows {
  bool channels_first = false;
  WindowPadding padding = WindowPadding::kValid;
  std::vector<WindowAxis> axes;  // spatial ones, outermost first
  WindowAxis batch, channels;    // size and stride other than 1 only in pools

  size_t rank() const { return axes.size() + 2; }
  size_t channel_axis() const { return channels_first ? 1 : rank() - 1; }
  size_t spatial_axis(size_t i) const { return channels_first ? i + 2 : i + 1; }
  /// Permutations from the node's layout to channels-last, and back; empty when it is the same.
  std::vector<int> to_channels_last() const;
  std::vector<int> from_channels_last() const;
};

/// Reads data_format, padding, explicit_paddings, strides, dilations and ksize (where there are
/// such attributes). Windows of convolutions get their size from set_filter_sizes().
Result<Windows> read_windows(const Node& node, size_t spatial_rank);
/// Sets the stride and size vectors (one entry per axis of the tensor) of pools.
Status set_strides(const Node& node, const std::vector<int64_t>& strides, Windows& windows);
Status set_sizes(const Node& node, const std::vector<int64_t>& sizes, Windows& windows);
/// Window sizes from the first dimensions of a filter.
void set_filter_sizes(const Shape& filter, Windows& windows);

/// The number of window positions along an axis of `in` elements; unknown where it is not surely
/// known. kMalformed where the window does not fit.
Result<Dim> window_positions(const Node& node, Dim in, const WindowAxis& axis,
                             WindowPadding padding);
/// Padding before the first element, for sizes that are known.
int64_t padding_before(int64_t in, int64_t out, const WindowAxis& axis, WindowPadding padding);

/// The shape of a value in the node's layout, channels last, and back. Unknown rank stays unknown.
Shape to_channels_last(const Windows& windows, const Shape& shape);
Shape from_channels_last(const Windows& windows, const Shape& shape);
Tensor to_channels_last(const Windows& windows, const Tensor& tensor);
Tensor from_channels_last(const Windows& windows, const Tensor& tensor);
Value* to_channels_last(const Windows& windows, Value* value, Lowering& lowering);
Value* from_channels_last(const Windows& windows, Value* value, Lowering& lowering);

/// Makes the padding one that a TensorFlow Lite kernel has: explicit paddings become a PAD (PADV2
/// with `fill`, if there is one) before a window without padding. `x` is channels-last. Returns the
/// number for the attribute `padding`.
int64_t lower_padding(const Windows& windows, Value*& x, Lowering& lowering, Value* fill = nullptr);

/// A value of a floating dtype as float32; refuses dtypes that LiteRT's kernels do not compute in.
Result<Value*> as_float32(const Node& node, Value* x, Lowering& lowering);

/// RESHAPE of x to `to`. Of the unknown dimensions of `to` the i-th is taken at run time from
/// `sizes` (int32 vectors of one element, one per dimension of `to`; null: known). With one unknown
/// dimension none is needed.
Value* reshape_to(Value* x, const Shape& to, const std::vector<Value*>& sizes, Lowering& lowering);

}  // namespace pumice
