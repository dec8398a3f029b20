// Sums, products and extremes of the slices that share an id.
#include <algorithm>
#include <limits>

#include "ops/carrier.h"
#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"

namespace pumice {
namespace {

enum class Combine { kSum, kProd, kMax, kMin, kMean };

Combine combine_of(const Node& node) {
  auto ends = [&](std::string_view end) {
    return node.op.size() >= end.size() &&
           node.op.compare(node.op.size() - end.size(), end.size(), end) == 0;
  };
  if (ends("Prod")) return Combine::kProd;
  if (ends("Max")) return Combine::kMax;
  if (ends("Min")) return Combine::kMin;
  if (ends("Mean")) return Combine::kMean;
  return Combine::kSum;
}

// Sorted: SegmentX(data, ids): ids are a vector that never decreases, and the last tells how many
// segments there are. Unsorted: UnsortedSegmentX(data, ids, count): ids of any rank; negative ones
// are left out.
Status infer_sorted(Node& node) {
  PUMICE_CHECK(expect_operands(node, 2, 2));
  const Value *data = node.operand(0), *ids = node.operand(1);
  set_result(node, 0, data->dtype, data->shape);
  if (!data->shape.known_rank()) return {};
  if (data->shape.rank() == 0) return malformed(node, "the data is a scalar");
  Shape shape = data->shape;
  shape[0] = Dim::unknown();
  if (auto known = constant_integers(ids); known && !known->empty()) shape[0] = known->back() + 1;
  node.result()->shape = std::move(shape);
  return {};
}

Status infer_unsorted(Node& node) {
  PUMICE_CHECK(expect_operands(node, 3, 3));
  const Value *data = node.operand(0), *ids = node.operand(1);
  set_result(node, 0, data->dtype, Shape());
  if (!data->shape.known_rank() || !ids->shape.known_rank()) return {};
  if (ids->shape.rank() > data->shape.rank())
    return malformed(node, "the ids have more axes than the data")
        .found(to_string(ids->shape) + " and " + to_string(data->shape));
  auto count = known_elements(node.operand(2));
  std::vector<Dim> dims{count && count->size() == 1 ? count->front() : Dim::unknown()};
  dims.insert(dims.end(),
              data->shape.dims().begin() + static_cast<std::ptrdiff_t>(ids->shape.rank()),
              data->shape.dims().end());
  node.result()->shape = Shape(std::move(dims));
  return {};
}

Status evaluate_segments(EvalContext& context) {
  const Tensor &data = context.in(0), &ids = context.in(1);
  if (is_half(data.dtype())) return evaluate_in_float32(context, data.dtype(), evaluate_segments);
  bool sorted = context.inputs.size() == 2;
  if (ids.rank() > data.rank() || (sorted && ids.rank() != 1) ||
      !std::equal(ids.dims().begin(), ids.dims().end(), data.dims().begin()))
    return malformed(context.node, "the ids do not fit the data")
        .expected("the first sizes of " + to_string(data.dims()))
        .found(to_string(ids.dims()));
  int64_t count = 0;
  if (sorted) {
    count = ids.elements() > 0 ? ids.integer_at(ids.elements() - 1) + 1 : 0;
  } else if (context.in(2).elements() == 1) {
    count = context.in(2).integer_at(0);
  }
  if (count < 0) return malformed(context.node, "the number of segments is below 0");
  Dims dims{count};
  dims.insert(dims.end(), data.dims().begin() + static_cast<std::ptrdiff_t>(ids.rank()),
              data.dims().end());
  PUMICE_CHECK(check_allocatable(context, dims));
  int64_t inner = 1;
  for (size_t i = 1; i < dims.size(); ++i) inner *= dims[i];
  Combine combine = combine_of(context.node);
  std::vector<int64_t> sizes(static_cast<size_t>(count), 0);
  for (int64_t i = 0; i < ids.elements(); ++i) {
    int64_t id = ids.integer_at(i);
    if (id >= count || (sorted && (id < 0 || (i > 0 && id < ids.integer_at(i - 1)))))
      return malformed(context.node, "a segment id is out of range or order")
          .found(std::to_string(id));
    if (id >= 0) ++sizes[static_cast<size_t>(id)];
  }
  bool done = visit_number(data.dtype(), [&](auto zero) {
    using T = decltype(zero);
    if constexpr (!std::is_same_v<T, bool>) {
      T start = 0;
      if (combine == Combine::kProd) start = 1;
      if (combine == Combine::kMax) start = std::numeric_limits<T>::lowest();
      if (combine == Combine::kMin) start = std::numeric_limits<T>::max();
      Tensor out = Tensor::zeros(data.dtype(), dims);
      T* to = out.mutable_as<T>();
      std::fill(to, to + out.elements(), start);
      for (int64_t i = 0; i < ids.elements(); ++i) {
        int64_t id = ids.integer_at(i);
        if (id < 0) continue;
        for (int64_t k = 0; k < inner; ++k) {
          T& element = to[id * inner + k];
          T value = data.at<T>(i * inner + k);
          switch (combine) {
            case Combine::kSum:
            case Combine::kMean: element = static_cast<T>(element + value); break;
            case Combine::kProd: element = static_cast<T>(element * value); break;
            case Combine::kMax: element = std::max(element, value); break;
            case Combine::kMin: element = std::min(element, value); break;
          }
        }
      }
      // A sorted segment of nothing is 0 (1 for products).
      for (int64_t s = 0; s < count; ++s)
        for (int64_t k = 0; k < inner; ++k) {
          int64_t n = sizes[static_cast<size_t>(s)];
          if (n == 0 && sorted && combine != Combine::kProd) to[s * inner + k] = 0;
          if (n > 0 && combine == Combine::kMean)
            to[s * inner + k] = static_cast<T>(to[s * inner + k] / static_cast<T>(n));
        }
      context.outputs = {std::move(out)};
    }
  });
  if (!done || context.outputs.empty()) return unsupported(context.node, "segments of this dtype");
  return {};
}

constexpr std::initializer_list<DType> kSegmented = {DType::kFloat32, DType::kInt32};

const char* unsorted_kernel(Combine combine) {
  switch (combine) {
    case Combine::kProd: return "UNSORTED_SEGMENT_PROD";
    case Combine::kMax: return "UNSORTED_SEGMENT_MAX";
    case Combine::kMin: return "UNSORTED_SEGMENT_MIN";
    default: return "UNSORTED_SEGMENT_SUM";
  }
}

/// An empty segment of the carrier's least value is the narrow dtype's least value after all.
bool extremes_survive(DType dtype, DType carrier, Combine combine) {
  return dtype == carrier || (combine != Combine::kMax && combine != Combine::kMin);
}

Status lower_unsorted(Node& node, Lowering& lowering) {
  Value *data = node.operand(0), *ids = node.operand(1), *y = node.result();
  PUMICE_TRY(DType dtype, carrier_of(node, y->dtype, kSegmented, Carriage::kCounts));
  Combine combine = combine_of(node);
  if (!extremes_survive(y->dtype, dtype, combine))
    return unsupported(node, "extremes of " + std::string(dtype_name(y->dtype)) +
                                 ", where an empty segment has that dtype's own");
  if (!ids->shape.known_rank()) return unsupported(node, "ids of unknown rank");
  data = carry(lowering, data, dtype);
  ids = lowering.as_i32(ids);
  if (ids->shape.rank() != 1) {
    if (!data->shape.known_rank()) return unsupported(node, "data of unknown rank");
    Dim n = 1;
    for (Dim d : ids->shape.dims()) n = n * d;
    std::vector<Dim> dims{n};
    dims.insert(dims.end(),
                data->shape.dims().begin() + static_cast<std::ptrdiff_t>(ids->shape.rank()),
                data->shape.dims().end());
    if (!one_minus_one(Shape{n}) || !one_minus_one(Shape(dims)))
      return unsupported(node, "ids of several axes, with more than one unknown size");
    ids = lowering.reshape(ids, Shape{n});
    data = lowering.reshape(data, Shape(dims));
  }
  Value* count = lowering.reshape(lowering.as_i32(node.operand(2)), Shape::scalar());
  Value* out = lowering.emit(unsorted_kernel(combine), {data, ids, count}, {}, dtype, y->shape);
  lowering.replace(node, 0, carry(lowering, out, y->dtype));
  return {};
}

// Through the unsorted kernel, with the gaps set to 0; SEGMENT_SUM where the ids are not constant.
Status lower_sorted(Node& node, Lowering& lowering) {
  Value *data = node.operand(0), *y = node.result();
  Combine combine = combine_of(node);
  PUMICE_TRY(DType dtype, carrier_of(node, y->dtype, kSegmented, Carriage::kCounts));
  if (!data->shape.known_rank()) return unsupported(node, "data of unknown rank");
  Value* ids = lowering.as_i32(node.operand(1));
  Value* x = carry(lowering, data, dtype);
  // SEGMENT_SUM takes no gaps between the ids, and leaves its size open until it runs.
  if (combine == Combine::kSum && !y->shape[0].known()) {
    Value* out = lowering.emit("SEGMENT_SUM", {x, ids}, {}, dtype, y->shape);
    lowering.replace(node, 0, carry(lowering, out, y->dtype));
    return {};
  }
  if (combine == Combine::kMean && !is_float(y->dtype))
    return unsupported(node, "means of " + std::string(dtype_name(y->dtype)));
  if (!y->shape[0].known())
    return unsupported(node, "the number of segments is not known before run time");
  Value* count = lowering.scalar(DType::kInt32, static_cast<double>(y->shape[0].size()));
  Value* out = lowering.emit(unsorted_kernel(combine), {x, ids, count}, {}, dtype, y->shape);
  if (combine != Combine::kProd && combine != Combine::kSum) {
    // How many slices each segment has, as a column.
    auto known = constant_integers(node.operand(1));
    if (!known) return unsupported(node, "ids that are not constant");
    std::vector<int64_t> sizes(static_cast<size_t>(y->shape[0].size()), 0);
    for (int64_t id : *known) {
      if (id < 0 || id >= y->shape[0].size())
        return malformed(node, "a segment id is out of range").found(std::to_string(id));
      ++sizes[static_cast<size_t>(id)];
    }
    Dims column(y->shape.rank(), 1);
    column[0] = y->shape[0].size();
    if (combine == Combine::kMean) {
      std::vector<float> divisors;
      for (int64_t n : sizes) divisors.push_back(static_cast<float>(std::max<int64_t>(n, 1)));
      out = lowering.emit(
          "DIV", {out, lowering.constant(Tensor::of<float>(DType::kFloat32, column, divisors))}, {},
          dtype, y->shape);
    } else if (std::find(sizes.begin(), sizes.end(), 0) != sizes.end()) {
      std::vector<uint8_t> filled;
      for (int64_t n : sizes) filled.push_back(n > 0);
      out = lowering.emit("SELECT_V2",
                          {lowering.constant(Tensor::of<uint8_t>(DType::kBool, column, filled)),
                           out, lowering.scalar(dtype, 0)},
                          {}, dtype, y->shape);
    }
  }
  lowering.replace(node, 0, carry(lowering, out, y->dtype));
  return {};
}

constexpr OpDef kOps[] = {
    {"SegmentMax", infer_sorted, evaluate_segments, lower_sorted, "UNSORTED_SEGMENT_MAX",
     "ids that are not constant"},
    {"SegmentMean", infer_sorted, evaluate_segments, lower_sorted, "UNSORTED_SEGMENT_SUM + DIV",
     "ids that are not constant; integers"},
    {"SegmentMin", infer_sorted, evaluate_segments, lower_sorted, "UNSORTED_SEGMENT_MIN",
     "ids that are not constant"},
    {"SegmentProd", infer_sorted, evaluate_segments, lower_sorted, "UNSORTED_SEGMENT_PROD",
     "ids that are not constant"},
    {"SegmentSum", infer_sorted, evaluate_segments, lower_sorted, "UNSORTED_SEGMENT_SUM",
     "int64; run-time ids with gaps"},
    {"UnsortedSegmentMax", infer_unsorted, evaluate_segments, lower_unsorted,
     "UNSORTED_SEGMENT_MAX", "dtypes other than float32 and int32"},
    {"UnsortedSegmentMin", infer_unsorted, evaluate_segments, lower_unsorted,
     "UNSORTED_SEGMENT_MIN", "dtypes other than float32 and int32"},
    {"UnsortedSegmentProd", infer_unsorted, evaluate_segments, lower_unsorted,
     "UNSORTED_SEGMENT_PROD", "int64"},
    {"UnsortedSegmentSum", infer_unsorted, evaluate_segments, lower_unsorted,
     "UNSORTED_SEGMENT_SUM", "int64"},
};

}  // namespace

std::span<const OpDef> segment_ops() { return kOps; }

}  // namespace pumice
