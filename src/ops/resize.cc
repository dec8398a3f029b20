// Resizing pictures [N, H, W, C] to a size [2].
#include "ops/resize.h"

#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/window.h"

namespace pumice {
namespace {

enum class Resize { kBilinear, kNearest, kBicubic, kArea };

bool align_corners(const Node& node) { return node.attributes.boolean("align_corners"); }
bool half_pixel_centers(const Node& node) { return node.attributes.boolean("half_pixel_centers"); }

template <Resize kKind>
Status infer_resize(Node& node) {
  PUMICE_CHECK(expect_operands(node, 2, 2));
  const Shape& x = node.operand(0)->shape;
  if (x.known_rank() && x.rank() != 4)
    return malformed(node, "the pictures have the wrong rank").expected("4").found(to_string(x));
  Shape out = x.known_rank() ? x : Shape::of_rank(4);
  out[1] = out[2] = Dim();
  if (auto size = known_elements(node.operand(1))) {
    if (size->size() != 2)
      return malformed(node, "the size has the wrong length")
          .expected("2")
          .found(std::to_string(size->size()));
    out[1] = (*size)[0];
    out[2] = (*size)[1];
  }
  set_result(node, 0, kKind == Resize::kNearest ? node.operand(0)->dtype : DType::kFloat32,
             std::move(out));
  return {};
}

ResizeRows rows_of(const Node& node, Resize kind, int64_t in, int64_t out) {
  switch (kind) {
    case Resize::kBilinear:
      return bilinear_rows(in, out, align_corners(node), half_pixel_centers(node));
    case Resize::kNearest:
      return nearest_rows(in, out, align_corners(node), half_pixel_centers(node));
    case Resize::kBicubic:
      return bicubic_rows(in, out, align_corners(node), half_pixel_centers(node));
    case Resize::kArea: break;
  }
  return area_rows(in, out, align_corners(node));
}

template <typename T>
Tensor pick(const Tensor& x, const Dims& dims, const ResizeRows& h, const ResizeRows& w) {
  Tensor out = Tensor::zeros(x.dtype(), dims);
  int64_t channels = dims[3];
  const std::byte* from = x.data();
  std::byte* to = out.mutable_data();
  auto bytes = static_cast<size_t>(channels) * sizeof(T);
  for (int64_t n = 0; n < dims[0]; ++n)
    for (const auto& row : h)
      for (const auto& column : w) {
        int64_t pixel = (n * x.dims()[1] + row[0].index) * x.dims()[2] + column[0].index;
        std::memcpy(to, from + static_cast<size_t>(pixel) * bytes, bytes);
        to += bytes;
      }
  return out;
}

Tensor interpolate(const Tensor& x, const Dims& dims, const ResizeRows& h, const ResizeRows& w) {
  Tensor in = cast_tensor(x, DType::kFloat32), out = Tensor::zeros(DType::kFloat32, dims);
  Elements<float> from(in);
  int64_t channels = dims[3], width = dims[2] * channels;
  float* to = out.mutable_as<float>();
  std::vector<double> line(static_cast<size_t>(x.dims()[2] * channels));
  for (int64_t n = 0; n < dims[0]; ++n)
    for (const auto& row : h) {
      std::fill(line.begin(), line.end(), 0.0);
      for (const ResizeTerm& term : row) {
        const float* source =
            from.data() + (n * x.dims()[1] + term.index) * static_cast<int64_t>(line.size());
        for (size_t i = 0; i < line.size(); ++i) line[i] += term.weight * source[i];
      }
      for (int64_t j = 0; j < dims[2]; ++j)
        for (int64_t c = 0; c < channels; ++c) {
          double sum = 0;
          for (const ResizeTerm& term : w[static_cast<size_t>(j)])
            sum += term.weight * line[static_cast<size_t>(term.index * channels + c)];
          to[j * channels + c] = static_cast<float>(sum);
        }
      to += width;
    }
  return out;
}

template <Resize kKind>
Status evaluate_resize(EvalContext& context) {
  const Node& node = context.node;
  if (context.inputs.size() != 2 || context.in(0).rank() != 4 || context.in(1).elements() != 2)
    return malformed(node, "expected pictures of rank 4 and a size of two elements");
  const Tensor& x = context.in(0);
  Dims dims{x.dims()[0], context.in(1).integer_at(0), context.in(1).integer_at(1), x.dims()[3]};
  if (dims[1] <= 0 || dims[2] <= 0 || x.dims()[1] == 0 || x.dims()[2] == 0)
    return malformed(node, "the size must be positive")
        .found(to_string(x.dims()) + " to " + to_string(dims));
  PUMICE_CHECK(check_allocatable(context, dims));
  PUMICE_CHECK(check_allocatable(context, {dims[1] + dims[2], 8}));
  ResizeRows h = rows_of(node, kKind, x.dims()[1], dims[1]);
  ResizeRows w = rows_of(node, kKind, x.dims()[2], dims[2]);
  if (kKind != Resize::kNearest) {
    if (!castable(x.dtype(), DType::kFloat32))
      return unsupported(node, "pictures of " + std::string(dtype_name(x.dtype())));
    context.outputs = {interpolate(x, dims, h, w)};
    return {};
  }
  Tensor out;
  if (!visit_width(x.dtype(), [&](auto type) { out = pick<decltype(type)>(x, dims, h, w); }))
    return unsupported(node, "pictures of " + std::string(dtype_name(x.dtype())));
  context.outputs = {std::move(out)};
  return {};
}

/// A picture of any dtype that the runtime can cast, as float32.
Result<Value*> picture(const Node& node, Lowering& lowering) {
  Value* x = node.operand(0);
  if (x->dtype == DType::kFloat64 || x->dtype == DType::kBFloat16)
    return unsupported(node, "the runtime has no kernel for " + std::string(dtype_name(x->dtype)));
  return lowering.cast(x, DType::kFloat32);
}

Attributes options(const Node& node) {
  return {{"align_corners", align_corners(node)}, {"half_pixel_centers", half_pixel_centers(node)}};
}

Status lower_bilinear(Node& node, Lowering& lowering) {
  PUMICE_TRY(Value * x, picture(node, lowering));
  Value* y = lowering.emit("RESIZE_BILINEAR", {x, lowering.as_i32(node.operand(1))}, options(node),
                           DType::kFloat32, node.result()->shape);
  lowering.replace(node, 0, y);
  return {};
}

/// The input position of each result position along an axis.
Value* nearest_positions(const Node& node, Dim in, Dim out, Lowering& lowering) {
  std::vector<int64_t> positions;
  for (const auto& row : rows_of(node, Resize::kNearest, in.size(), out.size()))
    positions.push_back(row[0].index);
  return lowering.constant_i32(positions);
}

Value* gather(Value* x, Value* positions, int64_t axis, Lowering& lowering) {
  Shape shape = x->shape.known_rank() ? x->shape : Shape::of_rank(4);
  shape[static_cast<size_t>(axis)] = positions->shape.known_rank() ? positions->shape[0] : Dim();
  return lowering.emit("GATHER", {x, positions}, {{"axis", axis}, {"batch_dims", int64_t{0}}},
                       x->dtype, shape);
}

Value* resize_nearest(const Node& node, Value* x, Value* size, Lowering& lowering) {
  return lowering.emit("RESIZE_NEAREST_NEIGHBOR", {lowering.cast(x, DType::kFloat32), size},
                       options(node), DType::kFloat32, node.result()->shape);
}

/// int32 pictures as their upper and lower 16 bits, which float32 holds.
Value* resize_halves(const Node& node, Value* x, Value* size, Lowering& lowering) {
  Value* base = lowering.constant(Tensor::scalar_i32(65536));
  Value* upper = lowering.binary("FLOOR_DIV", x, base);
  Value* lower = lowering.binary("SUB", x, lowering.binary("MUL", upper, base));
  upper = lowering.cast(resize_nearest(node, upper, size, lowering), DType::kInt32);
  lower = lowering.cast(resize_nearest(node, lower, size, lowering), DType::kInt32);
  return lowering.binary("ADD", lowering.binary("MUL", upper, base), lower);
}

Status lower_nearest(Node& node, Lowering& lowering) {
  Value *x = node.operand(0), *size = lowering.as_i32(node.operand(1)), *y;
  DType dtype = x->dtype;
  const Shape in = x->shape, out = node.result()->shape;
  bool known = in.known_rank() && in[1].known() && in[2].known() && out[1].known() &&
               out[2].known() && in[1].size() > 0 && in[2].size() > 0;
  bool wide = is_integer(dtype) && element_size(dtype) > 2;
  if (wide && known && (dtype == DType::kInt32 || dtype == DType::kInt64)) {
    // No resizing kernel for these: rows and columns are picked.
    y = gather(x, nearest_positions(node, in[1], out[1], lowering), 1, lowering);
    y = gather(y, nearest_positions(node, in[2], out[2], lowering), 2, lowering);
  } else if (dtype == DType::kInt32) {
    y = resize_halves(node, x, size, lowering);
  } else if (wide) {
    return unsupported(node, std::string(dtype_name(dtype)) +
                                 " pictures, or sizes that are not known before run time");
  } else {
    PUMICE_TRY(x, picture(node, lowering));  // float32 holds every value of narrower dtypes
    y = resize_nearest(node, x, size, lowering);
  }
  lowering.replace(node, 0, lowering.cast(y, dtype));
  return {};
}

/// The matrix of `rows` as a constant [1, out, in].
Value* matrix(const ResizeRows& rows, int64_t in, Lowering& lowering) {
  Dims dims{1, static_cast<int64_t>(rows.size()), in};
  Tensor dense = Tensor::zeros(DType::kFloat32, dims);
  for (size_t r = 0; r < rows.size(); ++r)
    for (const ResizeTerm& term : rows[r])
      dense.mutable_as<float>()[static_cast<int64_t>(r) * in + term.index] +=
          static_cast<float>(term.weight);
  return lowering.constant(dense);
}

template <Resize kKind>
Status lower_by_matrices(Node& node, Lowering& lowering) {
  const Shape& in = node.operand(0)->shape;
  const Shape& out = node.result()->shape;
  if (!in.known_rank() || !in[1].known() || !in[2].known() || !out[1].known() || !out[2].known())
    return unsupported(node, "the sizes are not known before run time")
        .found(to_string(in) + " to " + to_string(out));
  if (in[1] == Dim(0) || in[2] == Dim(0) || out[1] == Dim(0) || out[2] == Dim(0))
    return unsupported(node, "an empty picture");
  PUMICE_TRY(Value * x, picture(node, lowering));
  Value* h = matrix(rows_of(node, kKind, in[1].size(), out[1].size()), in[1].size(), lowering);
  Value* w = matrix(rows_of(node, kKind, in[2].size(), out[2].size()), in[2].size(), lowering);
  Value *batch = lowering.size_of(x, 0), *channels = lowering.size_of(x, 3);
  // [N, H, W·C], then [N·H', W, C].
  Value* y = reshape_to(x, {in[0], in[1], in[2] * in[3]}, {batch, nullptr, nullptr}, lowering);
  y = lowering.emit("BATCH_MATMUL", {h, y}, {{"adj_x", false}, {"adj_y", false}}, x->dtype,
                    {in[0], out[1], in[2] * in[3]});
  y = reshape_to(y, {in[0] * out[1], in[2], in[3]}, {nullptr, nullptr, channels}, lowering);
  y = lowering.emit("BATCH_MATMUL", {w, y}, {{"adj_x", false}, {"adj_y", false}}, x->dtype,
                    {in[0] * out[1], out[2], in[3]});
  lowering.replace(
      node, 0,
      reshape_to(y, {in[0], out[1], out[2], in[3]}, {batch, nullptr, nullptr, channels}, lowering));
  return {};
}

constexpr OpDef kOps[] = {
    {"ResizeArea", infer_resize<Resize::kArea>, evaluate_resize<Resize::kArea>,
     lower_by_matrices<Resize::kArea>, "BATCH_MATMUL", "height, width and size must be known"},
    {"ResizeBicubic", infer_resize<Resize::kBicubic>, evaluate_resize<Resize::kBicubic>,
     lower_by_matrices<Resize::kBicubic>, "BATCH_MATMUL", "height, width and size must be known"},
    {"ResizeBilinear", infer_resize<Resize::kBilinear>, evaluate_resize<Resize::kBilinear>,
     lower_bilinear, "RESIZE_BILINEAR", "no float64, bfloat16"},
    {"ResizeNearestNeighbor", infer_resize<Resize::kNearest>, evaluate_resize<Resize::kNearest>,
     lower_nearest, "RESIZE_NEAREST_NEIGHBOR or GATHER",
     "no float64, bfloat16, uint32, uint64; int64 with known sizes"},
};

}  // namespace

std::span<const OpDef> resize_ops() { return kOps; }

}  // namespace pumice
