// Parts of a tensor: Slice and StridedSlice.
#include <algorithm>
#include <limits>

#include "ops/carrier.h"
#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/movement.h"

namespace pumice {
namespace {

/// Elements of an integer vector operand, each known or not; nullopt: not even their number.
std::optional<std::vector<std::optional<int64_t>>> integers_if_known(const Value* v) {
  std::vector<std::optional<int64_t>> list;
  if (auto constant = constant_integers(v, 64)) {
    list.assign(constant->begin(), constant->end());
    return list;
  }
  auto dims = elements_as_dims(v);
  if (!dims || dims->size() > 64) return std::nullopt;
  for (Dim d : *dims) list.push_back(d.known() ? std::optional(d.size()) : std::nullopt);
  return list;
}

Status infer_slice(Node& node) {
  PUMICE_CHECK(expect_operands(node, 3, 3));
  const Value* x = node.operand(0);
  Value* y = node.result();
  set_result(node, 0, x->dtype, Shape());
  auto begin = integers_if_known(node.operand(1));
  auto size = integers_if_known(node.operand(2));
  size_t rank;
  if (x->shape.known_rank()) {
    rank = x->shape.rank();
  } else if (begin || size) {
    rank = begin ? begin->size() : size->size();
  } else {
    return {};
  }
  if ((begin && begin->size() != rank) || (size && size->size() != rank))
    return malformed(node, "begin and size need one element for each axis")
        .expected(std::to_string(rank));
  // Sizes as symbols: [batch, 10] of a computed shape.
  auto symbols = known_elements(node.operand(2));
  Shape shape = Shape::of_rank(rank);
  for (size_t i = 0; i < rank; ++i) {
    Dim whole = x->shape.known_rank() ? x->shape[i] : Dim::unknown();
    auto from = begin ? (*begin)[i] : std::nullopt;
    auto count = size ? (*size)[i] : std::nullopt;
    if ((from && *from < 0) || (count && *count < -1) ||
        (whole.known() && from && *from + std::max<int64_t>(count.value_or(0), 0) > whole.size()))
      return malformed(node, "the slice leaves the input")
          .expected("a part of " + to_string(x->shape))
          .found("axis " + std::to_string(i) + ", begin " + std::to_string(from.value_or(0)) +
                 ", size " + std::to_string(count.value_or(-1)));
    if (count && *count >= 0) {
      shape[i] = *count;
    } else if (count && from) {
      shape[i] = whole - Dim(*from);
    } else if (!count && symbols && (*symbols)[i].is_symbol()) {
      shape[i] = (*symbols)[i];
    }
  }
  y->shape = shape;
  auto elements = rank == 1 ? elements_as_dims(x) : std::nullopt;
  if (elements && begin && (*begin)[0] && shape[0].known()) {
    auto first = static_cast<size_t>(*(*begin)[0]);
    auto last = first + static_cast<size_t>(shape[0].size());
    if (last <= elements->size())
      y->partial.assign(elements->begin() + static_cast<std::ptrdiff_t>(first),
                        elements->begin() + static_cast<std::ptrdiff_t>(last));
  }
  return {};
}

Status evaluate_slice(EvalContext& context) {
  const Tensor& x = context.in(0);
  Dims begin = context.in(1).integers(), size = context.in(2).integers();
  if (begin.size() != x.rank() || size.size() != x.rank())
    return malformed(context.node, "begin and size need one element for each axis");
  auto strides = strides_of(x.dims());
  int64_t start = 0;
  for (size_t i = 0; i < size.size(); ++i) {
    int64_t whole = x.dims()[i];
    if (begin[i] >= 0 && begin[i] <= whole && size[i] == -1) size[i] = whole - begin[i];
    if (begin[i] < 0 || begin[i] > whole || size[i] < 0 || size[i] > whole - begin[i])
      return malformed(context.node, "the slice leaves the input")
          .expected("a part of " + to_string(x.dims()))
          .found(to_string(begin) + " with sizes " + to_string(size));
    start += begin[i] * strides[i];
  }
  context.outputs = {read_strided(x, size, start, strides)};
  return {};
}

Status lower_slice(Node& node, Lowering& lowering) {
  Value* x = node.operand(0);
  const Shape& to = node.result()->shape;
  if (surely_same(to, x->shape)) {  // the whole of it
    lowering.replace(node, 0, x);
    return {};
  }
  // Where the input has unknown sizes, SLICE makes a tensor that the runtime allocates while it runs;
  // STRIDED_SLICE does not.
  auto begin = constant_integers(node.operand(1), 64), size = constant_integers(node.operand(2), 64);
  auto fits = [](const std::vector<int64_t>& list) {
    return std::all_of(list.begin(), list.end(),
                       [](int64_t v) { return v < std::numeric_limits<int32_t>::max(); });
  };
  if (begin && size && fits(*begin) && fits(*size)) {
    Value* y = lowering.slice(x, *begin, *size);
    y->shape = to;
    lowering.replace(node, 0, y);
    return {};
  }
  if (begin && fits(*begin) && !x->shape.fully_known()) {
    // From the beginning on, then as much as the size says. Sizes come from shapes: there is no -1.
    auto known = elements_as_dims(node.operand(2));
    bool sizes = known && std::all_of(known->begin(), known->end(),
                                      [](Dim d) { return d.known() || d.is_symbol(); });
    if (sizes) {
      size_t rank = begin->size();
      Value* rest = x;
      if (std::any_of(begin->begin(), begin->end(), [](int64_t b) { return b != 0; }))
        rest = lowering.slice(x, *begin, std::vector<int64_t>(rank, -1));
      Value* y = lowering.emit("STRIDED_SLICE",
                               {rest, lowering.constant_i32(std::vector<int64_t>(rank, 0)),
                                lowering.as_i32(node.operand(2)),
                                lowering.constant_i32(std::vector<int64_t>(rank, 1))},
                               {}, x->dtype, to);
      lowering.replace(node, 0, y);
      return {};
    }
  }
  lowering.replace(node, 0,
                   lowering.emit("SLICE",
                                 {x, as_clamped_i32(lowering, node.operand(1)),
                                  as_clamped_i32(lowering, node.operand(2))},
                                 {}, x->dtype, to));
  return {};
}

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
  if ((ellipsis & (ellipsis - 1)) != 0)
    return malformed(node, "more than one ellipsis");
  size_t taken = 0;
  bool has_ellipsis = false;
  for (size_t i = 0; i < specs; ++i) {
    if (bit(ellipsis, i)) has_ellipsis = true;
    else if (!bit(added, i)) ++taken;
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
  uint64_t width = step > 0 ? static_cast<uint64_t>(step) : uint64_t{0} - static_cast<uint64_t>(step);
  int64_t count = span <= 0 ? 0 : static_cast<int64_t>((static_cast<uint64_t>(span) - 1) / width) + 1;
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
               (axis.begin_masked || (*step == 1 && from == 0))) {
      sizes.back() = whole;
    } else if (step == 1 && (axis.begin_masked || from == 0) && ends &&
               (*ends)[*axis.spec].same_as(whole)) {
      sizes.back() = whole;
    }
  }
  std::vector<Dim> dims;
  for (int r : s.result) dims.push_back(r < 0 ? Dim(1) : sizes[static_cast<size_t>(r)]);
  y->shape = Shape(std::move(dims));
  auto elements = x->shape.is_rank(1) && ranges[0] ? elements_as_dims(x) : std::nullopt;
  if (elements)
    for (int64_t i = 0; i < ranges[0]->count; ++i)
      y->partial.push_back((*elements)[static_cast<size_t>(ranges[0]->begin + i * ranges[0]->step)]);
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

/// Whether the slice takes every element in order: only axes of size 1 come and go.
bool takes_everything(const Node& node, const Spread& s, const std::vector<int64_t>& begin,
                      const std::vector<int64_t>& end, const std::vector<int64_t>& strides) {
  const Shape& x = node.operand(0)->shape;
  for (size_t a = 0; a < s.axes.size(); ++a) {
    const Spread::Axis& axis = s.axes[a];
    if (!axis.spec) continue;
    size_t i = *axis.spec;
    if (axis.shrunk) {
      if (x[a] != Dim(1)) return false;
      continue;
    }
    if (strides[i] != 1) return false;
    if (!axis.begin_masked && begin[i] != 0) return false;
    if (!axis.end_masked && !(x[a].known() && end[i] >= x[a].size())) return false;
  }
  return true;
}

/// Replaces the ellipsis among `specs` entries by entries that take whole axes.
void write_out_ellipsis(Lowering& lowering, size_t specs, size_t rank, int64_t ellipsis,
                        Attributes& masks, Value* (&bounds)[3]) {
  int64_t added = masks.integer("new_axis_mask");
  size_t at = 0, taken = 0;
  for (size_t i = 0; i < specs; ++i) {
    if (ellipsis >> i & 1) at = i;
    else if (!(added >> i & 1)) ++taken;
  }
  size_t whole = rank - taken;
  // Which old entry each new one repeats; of whole axes, any will do: their bounds are masked.
  std::vector<int64_t> from;
  for (size_t i = 0; i < specs; ++i)
    for (size_t k = 0; k < (i == at ? whole : 1); ++k) from.push_back(static_cast<int64_t>(i));
  int64_t filled = ((int64_t{1} << whole) - 1) << at;
  for (const char* name : {"begin_mask", "end_mask", "new_axis_mask", "shrink_axis_mask"}) {
    int64_t old = masks.integer(name);
    int64_t before = old & ((int64_t{1} << at) - 1), after = old >> (at + 1) << (at + whole);
    bool bound = name[0] == 'b' || name[0] == 'e';
    masks.set(name, before | after | (bound ? filled : 0));
  }
  auto n = static_cast<int64_t>(from.size());
  for (size_t b = 0; b < 3; ++b) {
    if (auto known = constant_integers(bounds[b], 64)) {
      std::vector<int64_t> list;
      for (int64_t i : from)
        list.push_back(b == 2 && i == static_cast<int64_t>(at) ? 1 : (*known)[static_cast<size_t>(i)]);
      bounds[b] = lowering.constant_i32(list);
    } else {
      bounds[b] = lowering.emit("GATHER", {bounds[b], lowering.constant_i32(from)},
                                {{"axis", int64_t{0}}, {"batch_dims", int64_t{0}}}, DType::kInt32,
                                Shape{n});
    }
  }
}

Status lower_strided_slice(Node& node, Lowering& lowering) {
  Value* x = node.operand(0);
  const Shape& to = node.result()->shape;
  auto begin = constant_integers(node.operand(1), 64);
  auto end = constant_integers(node.operand(2), 64);
  auto strides = constant_integers(node.operand(3), 64);
  if (begin && end && strides && x->shape.known_rank()) {
    PUMICE_TRY(Spread s, spread(node, begin->size(), x->shape.rank()));
    if (takes_everything(node, s, *begin, *end, *strides)) {
      auto y = reshape_to(node, lowering, x, to);
      if (y.ok()) {
        lowering.replace(node, 0, *y);
        return {};
      }
    }
  }
  Value* bounds[] = {as_clamped_i32(lowering, node.operand(1)),
                     as_clamped_i32(lowering, node.operand(2)),
                     as_clamped_i32(lowering, node.operand(3))};
  Attributes masks;
  int64_t ellipsis = node.attributes.integer("ellipsis_mask");
  for (const char* name : {"begin_mask", "end_mask", "new_axis_mask", "shrink_axis_mask"})
    masks.set(name, node.attributes.integer(name));
  if (ellipsis != 0) {
    // The kernel is wrong about an ellipsis that stands for no axis: written out as whole axes.
    Dim specs = node.operand(1)->shape.is_rank(1) ? node.operand(1)->shape[0] : Dim();
    if (!x->shape.known_rank() || !specs.known())
      return unsupported(node, "an ellipsis, and a tensor of unknown rank");
    PUMICE_CHECK(spread(node, static_cast<size_t>(specs.size()), x->shape.rank()));
    write_out_ellipsis(lowering, static_cast<size_t>(specs.size()), x->shape.rank(), ellipsis, masks,
                       bounds);
  }
  Value* sliced = lowering.emit("STRIDED_SLICE", {x, bounds[0], bounds[1], bounds[2]},
                                std::move(masks), x->dtype, to);
  lowering.replace(node, 0, sliced);
  return {};
}

constexpr OpDef kOps[] = {
    {"Slice", infer_slice, evaluate_slice, lower_slice, "SLICE", ""},
    {"StridedSlice", infer_strided_slice, evaluate_strided_slice, lower_strided_slice,
     "STRIDED_SLICE", "an ellipsis, of a tensor of unknown rank"},
};

}  // namespace

std::span<const OpDef> slice_ops() { return kOps; }

}  // namespace pumice
