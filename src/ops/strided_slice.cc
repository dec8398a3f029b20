// A part of a tensor, with steps, dropped and new axes: StridedSlice.
#include <algorithm>
#include <limits>

#include "ops/carrier.h"
#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/known_integers.h"
#include "ops/movement.h"

namespace pumice {
namespace {

/// StridedSlice's operands and masks, spread over the input's axes.
struct Spread {
  /// One entry of the slice specification, for an axis of the input.
  struct Axis {
    std::optional<size_t> spec;  // which element of begin, end, strides; none: within the ellipsis
    bool begin_masked = true, end_masked = true, shrunk = false;
  };
  std::vector<Axis> axes;
  /// The result's axes: an axis of the input, or -1 for a new one.
  std::vector<int> result;
};

Result<Spread> spread(const Node& node, size_t specs, size_t rank) {
  auto mask = [&](const char* name) { return node.attributes.integer(name); };
  int64_t begin = mask("begin_mask"), end = mask("end_mask"), ellipsis = mask("ellipsis_mask"),
          added = mask("new_axis_mask"), shrink = mask("shrink_axis_mask");
  auto bit = [](int64_t m, size_t i) { return i < 63 && (m >> i & 1) != 0; };
  if ((ellipsis & (ellipsis - 1)) != 0) return malformed(node, "more than one ellipsis");
  size_t taken = 0;
  bool has_ellipsis = false;
  for (size_t i = 0; i < specs; ++i) {
    if (bit(ellipsis, i))
      has_ellipsis = true;
    else if (!bit(added, i))
      ++taken;
  }
  if (taken > rank)
    return malformed(node, "the slice names more axes than the input has")
        .expected("at most " + std::to_string(rank))
        .found(std::to_string(taken));
  Spread s;
  auto whole = [&](size_t n) {
    for (; n > 0; --n) {
      s.result.push_back(static_cast<int>(s.axes.size()));
      s.axes.push_back({});
    }
  };
  for (size_t i = 0; i < specs; ++i) {
    if (bit(ellipsis, i)) {
      whole(rank - taken);
    } else if (bit(added, i)) {
      s.result.push_back(-1);
    } else {
      bool shrunk = bit(shrink, i);
      if (!shrunk) s.result.push_back(static_cast<int>(s.axes.size()));
      s.axes.push_back({i, bit(begin, i) && !shrunk, bit(end, i) && !shrunk, shrunk});
    }
  }
  if (!has_ellipsis) whole(rank - taken);
  return s;
}

/// Begin, step and count of a slice along an axis of a known size, as TensorFlow clamps them.
struct Range {
  int64_t begin, step, count;
};

Range clamp_range(int64_t begin, int64_t end, int64_t step, bool begin_masked, bool end_masked,
                  int64_t size) {
  int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
  auto position = [&](int64_t p) {
    if (p < 0) p = p < -size ? low : p + size;
    return std::clamp(p, low, high);
  };
  int64_t from = begin_masked ? (step > 0 ? low : high) : position(begin);
  int64_t to = end_masked ? (step > 0 ? high : low) : position(end);
  int64_t span = step > 0 ? to - from : from - to;
  // |step| as unsigned: the least int64 has no negative.
  uint64_t width =
      step > 0 ? static_cast<uint64_t>(step) : uint64_t{0} - static_cast<uint64_t>(step);
  int64_t count =
      span <= 0 ? 0 : static_cast<int64_t>((static_cast<uint64_t>(span) - 1) / width) + 1;
  return {from, step, count};
}

Status check_specs(const Node& node, size_t begin, size_t end, size_t strides) {
  if (begin == end && end == strides) return {};
  return malformed(node, "begin, end and strides have different lengths")
      .found(std::to_string(begin) + ", " + std::to_string(end) + " and " +
             std::to_string(strides));
}

Status infer_strided_slice(Node& node) {
  PUMICE_CHECK(expect_operands(node, 4, 4));
  const Value* x = node.operand(0);
  Value* y = node.result();
  set_result(node, 0, x->dtype, Shape());
  auto begin = integers_if_known(node.operand(1));
  auto end = integers_if_known(node.operand(2));
  auto strides = integers_if_known(node.operand(3));
  size_t specs;
  if (begin || end || strides) {
    specs = begin ? begin->size() : end ? end->size() : strides->size();
    PUMICE_CHECK(check_specs(node, begin ? begin->size() : specs, end ? end->size() : specs,
                             strides ? strides->size() : specs));
  } else {
    return {};
  }
  if (!x->shape.known_rank()) return {};
  PUMICE_TRY(Spread s, spread(node, specs, x->shape.rank()));
  // The end as a symbol: x[:batch].
  auto ends = known_elements(node.operand(2));
  std::vector<std::optional<Range>> ranges;
  std::vector<Dim> sizes;
  for (size_t a = 0; a < s.axes.size(); ++a) {
    const Spread::Axis& axis = s.axes[a];
    Dim whole = x->shape[a];
    if (!axis.spec) {
      ranges.push_back(whole.known() ? std::optional(Range{0, 1, whole.size()}) : std::nullopt);
      sizes.push_back(whole);
      continue;
    }
    auto at = [&](const auto& list) { return list ? (*list)[*axis.spec] : std::nullopt; };
    auto from = at(begin), to = at(end), step = at(strides);
    if (step && *step == 0) return malformed(node, "a stride is 0");
    if (axis.shrunk) {
      if (step && *step < 0) return malformed(node, "a shrunk axis has a negative stride");
      if (whole.known() && from && (*from < -whole.size() || *from >= whole.size()))
        return malformed(node, "the index is out of range")
            .expected("an index of " + to_string(x->shape))
            .found(std::to_string(*from) + " on axis " + std::to_string(a));
      ranges.push_back(whole.known() && from
                           ? std::optional(Range{*from < 0 ? *from + whole.size() : *from, 1, 1})
                           : std::nullopt);
      sizes.emplace_back(1);
      continue;
    }
    bool known = step && (axis.begin_masked || from) && (axis.end_masked || to);
    ranges.push_back(std::nullopt);
    sizes.emplace_back();
    if (known && whole.known()) {
      ranges.back() = clamp_range(from.value_or(0), to.value_or(0), *step, axis.begin_masked,
                                  axis.end_masked, whole.size());
      sizes.back() = ranges.back()->count;
    } else if (step && (*step == 1 || *step == -1) && axis.end_masked &&
               (axis.begin_masked || (*step == 1 && from == 0))) {  // NOLINT(bugprone-branch-clone)
      sizes.back() = whole;
    } else if (step == 1 && (axis.begin_masked || from == 0) && ends &&
               (*ends)[*axis.spec].same_as(whole)) {
      sizes.back() = whole;
    } else if (known && *step > 0 && !axis.end_masked) {
      // x[:0], x[5:2]: nothing, whatever the axis's size. Positions of one sign keep their order.
      const int64_t first = axis.begin_masked ? 0 : *from;
      if ((first < 0) == (*to < 0) && *to <= first) sizes.back() = 0;
    }
  }
  std::vector<Dim> dims;
  for (int r : s.result) dims.push_back(r < 0 ? Dim(1) : sizes[static_cast<size_t>(r)]);
  y->shape = Shape(std::move(dims));
  auto elements = x->shape.is_rank(1) && ranges[0] ? elements_as_dims(x) : std::nullopt;
  if (elements)
    for (int64_t i = 0; i < ranges[0]->count; ++i)
      y->partial.push_back(
          (*elements)[static_cast<size_t>(ranges[0]->begin + i * ranges[0]->step)]);
  return {};
}

Status evaluate_strided_slice(EvalContext& context) {
  const Tensor& x = context.in(0);
  Dims begin = context.in(1).integers(), end = context.in(2).integers(),
       strides = context.in(3).integers();
  PUMICE_CHECK(check_specs(context.node, begin.size(), end.size(), strides.size()));
  PUMICE_TRY(Spread s, spread(context.node, begin.size(), x.rank()));
  auto steps = strides_of(x.dims());
  Dims sizes = x.dims();
  int64_t start = 0;
  for (size_t a = 0; a < s.axes.size(); ++a) {
    const Spread::Axis& axis = s.axes[a];
    if (!axis.spec) continue;
    int64_t from = begin[*axis.spec], size = x.dims()[a];
    if (strides[*axis.spec] == 0) return malformed(context.node, "a stride is 0");
    if (axis.shrunk) {
      if (from < -size || from >= size)
        return malformed(context.node, "the index is out of range")
            .expected("an index of " + to_string(x.dims()))
            .found(std::to_string(from) + " on axis " + std::to_string(a));
      start += (from < 0 ? from + size : from) * steps[a];
      sizes[a] = 1;
      continue;
    }
    Range range = clamp_range(from, end[*axis.spec], strides[*axis.spec], axis.begin_masked,
                              axis.end_masked, size);
    sizes[a] = range.count;
    start += range.count > 0 ? range.begin * steps[a] : 0;
    steps[a] = range.count > 1 ? steps[a] * range.step : 0;
  }
  Tensor y = read_strided(x, sizes, start, steps);
  Dims dims;
  for (int r : s.result) dims.push_back(r < 0 ? 1 : sizes[static_cast<size_t>(r)]);
  context.outputs = {y.reshaped(std::move(dims))};
  return {};
}

/// A slice specification without an ellipsis, entry by entry. Where a number is not known before
/// run time, `index` holds it (only of shrunk axes).
struct Entry {
  bool added = false, shrunk = false, begin_masked = true, end_masked = true;
  int64_t begin = 0, end = 0, stride = 1;
  Value* index = nullptr;
};

/// The entries of the specification; nullopt where more than indices of shrunk axes is unknown.
std::optional<std::vector<Entry>> entries_of(const Node& node, Lowering& lowering,
                                             const Spread& s) {
  auto begin = integers_if_known(node.operand(1)), end = integers_if_known(node.operand(2)),
       strides = integers_if_known(node.operand(3));
  if (!begin || !end || !strides) return std::nullopt;
  std::vector<Entry> entries;
  auto add_axis = [&](const Spread::Axis& axis) {
    Entry e;
    e.shrunk = axis.shrunk;
    if (axis.spec) {
      auto from = (*begin)[*axis.spec], to = (*end)[*axis.spec], step = (*strides)[*axis.spec];
      e.begin_masked = axis.begin_masked;
      e.end_masked = axis.end_masked;
      bool sure = (e.begin_masked || from) && (e.shrunk || ((e.end_masked || to) && step));
      if (e.shrunk && !from) {
        Value* list = as_clamped_i32(lowering, node.operand(1));
        int64_t at = static_cast<int64_t>(*axis.spec);
        e.index = lowering.emit("STRIDED_SLICE",
                                {list, lowering.constant_i32({at}), lowering.constant_i32({at + 1}),
                                 lowering.constant_i32({1})},
                                {{"shrink_axis_mask", int64_t{1}}}, DType::kInt32, Shape::scalar());
      } else if (!sure) {
        return false;
      }
      e.begin = from.value_or(0);
      e.end = e.shrunk ? e.begin + 1 : to.value_or(0);
      e.stride = e.shrunk ? 1 : *step;
    }
    entries.push_back(e);
    return true;
  };
  size_t next = 0;  // the next axis that is no new one
  auto add_until = [&](size_t axis) {
    for (; next < axis; ++next)
      if (!add_axis(s.axes[next])) return false;
    return true;
  };
  for (int r : s.result) {
    // Shrunk axes leave no trace among the result's: they come before the next one that does.
    if (r < 0) {
      Entry e;
      e.added = true;
      entries.push_back(e);
    } else if (!add_until(static_cast<size_t>(r) + 1)) {
      return std::nullopt;
    }
  }
  if (!add_until(s.axes.size())) return std::nullopt;
  return entries;
}

/// x at a run-time index along one axis, which goes. Negative indices count from the end.
Value* take(Lowering& lowering, Value* x, size_t axis, Value* index) {
  Value* size;
  if (x->shape[axis].known()) {
    size = lowering.constant(Tensor::scalar_i32(static_cast<int32_t>(x->shape[axis].size())));
  } else {
    auto at = static_cast<int64_t>(axis);
    size = lowering.emit("STRIDED_SLICE",
                         {lowering.shape_of(x), lowering.constant_i32({at}),
                          lowering.constant_i32({at + 1}), lowering.constant_i32({1})},
                         {{"shrink_axis_mask", int64_t{1}}}, DType::kInt32, Shape::scalar());
  }
  index = lowering.binary("FLOOR_MOD", index, size);
  std::vector<Dim> dims = x->shape.dims();
  dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(axis));
  return lowering.emit("GATHER", {x, index},
                       {{"axis", static_cast<int64_t>(axis)}, {"batch_dims", int64_t{0}}}, x->dtype,
                       Shape(dims));
}

/// Whether the entries take every element in order: only axes of size 1 come and go.
bool takes_everything(const Shape& x, const std::vector<Entry>& entries) {
  size_t a = 0;
  for (const Entry& e : entries) {
    if (e.added) continue;
    Dim size = x[a++];
    if (e.shrunk ? size != Dim(1)
                 : e.stride != 1 || (!e.begin_masked && e.begin != 0) ||
                       (!e.end_masked && !(size.known() && e.end >= size.size())))
      return false;
  }
  return true;
}

/// STRIDED_SLICE with constant bounds.
Value* strided_slice(Lowering& lowering, Value* x, const std::vector<Entry>& entries,
                     const Shape& to) {
  std::vector<int64_t> begin, end, strides;
  int64_t begin_mask = 0, end_mask = 0, added = 0, shrunk = 0;
  for (size_t i = 0; i < entries.size(); ++i) {
    const Entry& e = entries[i];
    int64_t bit = int64_t{1} << i;
    begin.push_back(e.begin);
    end.push_back(e.end);
    strides.push_back(e.stride);
    if (e.added) added |= bit;
    if (e.shrunk) shrunk |= bit;
    if (!e.shrunk && !e.added && e.begin_masked) begin_mask |= bit;
    if (!e.shrunk && !e.added && e.end_masked) end_mask |= bit;
  }
  return lowering.emit(
      "STRIDED_SLICE",
      {x, clamped_constant_i32(lowering, begin), clamped_constant_i32(lowering, end),
       clamped_constant_i32(lowering, strides)},
      {{"begin_mask", begin_mask},
       {"end_mask", end_mask},
       {"new_axis_mask", added},
       {"shrink_axis_mask", shrunk}},
      x->dtype, to);
}

Status lower_strided_slice(Node& node, Lowering& lowering) {
  Value* x = node.operand(0);
  Value* result = node.result();
  const Shape& to = result->shape;
  Dim specs = node.operand(1)->shape.is_rank(1) ? node.operand(1)->shape[0] : Dim();
  if (x->shape.known_rank() && specs.known()) {
    PUMICE_TRY(Spread s, spread(node, static_cast<size_t>(specs.size()), x->shape.rank()));
    if (auto entries = entries_of(node, lowering, s); entries && entries->size() <= 30) {
      // Run-time indices first, the last axis first: the others keep their numbers.
      DType dtype = x->dtype;
      size_t axis = s.axes.size();
      for (size_t i = entries->size(); i-- > 0;) {
        Entry& e = (*entries)[i];
        if (e.added) continue;
        --axis;
        if (!e.index) continue;
        PUMICE_TRY(DType taken, carrier_of(node, x->dtype, kMovedTypes));
        x = take(lowering, carry(lowering, x, taken), axis, e.index);
        entries->erase(entries->begin() + static_cast<std::ptrdiff_t>(i));
      }
      x = carry(lowering, x, dtype);
      auto reshaped = takes_everything(x->shape, *entries)
                          ? reshape_to(node, lowering, x, to)
                          : Result<Value*>(unsupported(node, "a part is taken"));
      lowering.replace(node, 0,
                       reshaped.ok() ? *reshaped : strided_slice(lowering, x, *entries, to));
      return {};
    }
  }
  if (node.attributes.integer("ellipsis_mask") != 0)
    // The kernel is wrong about an ellipsis that stands for no axis.
    return unsupported(node, "an ellipsis, and run-time bounds or a tensor of unknown rank");
  Attributes masks;
  for (const char* name : {"begin_mask", "end_mask", "new_axis_mask", "shrink_axis_mask"})
    masks.set(name, node.attributes.integer(name));
  Value* sliced = lowering.emit(
      "STRIDED_SLICE",
      {x, as_clamped_i32(lowering, node.operand(1)), as_clamped_i32(lowering, node.operand(2)),
       as_clamped_i32(lowering, node.operand(3))},
      std::move(masks), x->dtype, to);
  lowering.replace(node, 0, sliced);
  return {};
}

constexpr OpDef kOps[] = {
    {"StridedSlice", infer_strided_slice, evaluate_strided_slice, lower_strided_slice,
     "STRIDED_SLICE", "an ellipsis with run-time bounds, or of unknown rank"},
};

}  // namespace

std::span<const OpDef> strided_slice_ops() { return kOps; }

}  // namespace pumice
