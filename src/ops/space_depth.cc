// Blocks of pixels that become channels or batches, and back.
#include <algorithm>

#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/window.h"

namespace pumice {
namespace {

int64_t block_size(const Node& node) { return node.attributes.integer("block_size"); }

Dim divided(Dim d, int64_t by) {
  if (by == 1) return d;
  return d.known() ? Dim(d.size() / by) : Dim();
}

/// The dtype that an op which only moves elements is run in: one that its kernel takes and that
/// holds every value.
Result<DType> moved_as(const Node& node, DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
    case DType::kInt32:
    case DType::kInt64:
    case DType::kInt8:
    case DType::kUInt8: return dtype;
    case DType::kFloat16: return DType::kFloat32;
    case DType::kBool:
    case DType::kInt16:
    case DType::kUInt16:
    case DType::kUInt32: return DType::kInt32;
    default:
      return unsupported(node, "the runtime has no kernel for " + std::string(dtype_name(dtype)));
  }
}

template <bool kToDepth>
Status infer_depth(Node& node) {
  PUMICE_CHECK(expect_operands(node, 1, 1));
  PUMICE_TRY(Windows layout, read_windows(node, 2));
  int64_t block = block_size(node);
  if (block < 2 || block > (1 << 15))
    return malformed(node, "block_size out of range").found(std::to_string(block));
  Shape x = node.operand(0)->shape;
  if (x.known_rank() && x.rank() != 4)
    return malformed(node, "the input has the wrong rank").expected("4").found(to_string(x));
  if (!x.known_rank()) x = Shape::of_rank(4);
  x = to_channels_last(layout, x);
  auto divides = [](Dim d, int64_t by) { return !d.known() || d.size() % by == 0; };
  if (kToDepth ? !divides(x[1], block) || !divides(x[2], block) : !divides(x[3], block * block))
    return malformed(node, "the block does not divide the input").found(to_string(x));
  for (size_t i : {1, 2}) x[i] = kToDepth ? divided(x[i], block) : x[i] * Dim(block);
  x[3] = kToDepth ? x[3] * Dim(block * block) : divided(x[3], block * block);
  set_result(node, 0, node.operand(0)->dtype, from_channels_last(layout, x));
  return {};
}

template <bool kToDepth>
Status evaluate_depth(EvalContext& context) {
  PUMICE_TRY(Windows layout, read_windows(context.node, 2));
  if (context.inputs.size() != 1 || context.in(0).rank() != 4)
    return malformed(context.node, "the input has the wrong rank");
  Tensor x = to_channels_last(layout, context.in(0));
  int64_t b = block_size(context.node);
  Dims d = x.dims();
  if (b < 1 || b > (1 << 15) || (kToDepth ? d[1] % b != 0 || d[2] % b != 0 : d[3] % (b * b) != 0))
    return malformed(context.node, "the block does not divide the input").found(to_string(d));
  // Either way blocks are two axes of six that change places.
  Tensor y;
  if (kToDepth) {
    y = Constant(x)
            .then(Reshape{{d[0], d[1] / b, b, d[2] / b, b, d[3]}})
            .then(Permute{{0, 1, 3, 2, 4, 5}})
            .then(Reshape{{d[0], d[1] / b, d[2] / b, b * b * d[3]}})
            .materialize();
  } else {
    int64_t c = d[3] / (b * b);
    y = Constant(x)
            .then(Reshape{{d[0], d[1], d[2], b, b, c}})
            .then(Permute{{0, 1, 3, 2, 4, 5}})
            .then(Reshape{{d[0], d[1] * b, d[2] * b, c}})
            .materialize();
  }
  context.outputs = {from_channels_last(layout, y)};
  return {};
}

template <bool kToDepth>
Status lower_depth(Node& node, Lowering& lowering) {
  PUMICE_TRY(Windows layout, read_windows(node, 2));
  DType dtype = node.result()->dtype;
  PUMICE_TRY(DType in, moved_as(node, dtype));
  Value* x = to_channels_last(layout, lowering.cast(node.operand(0), in), lowering);
  Value* y = lowering.emit(kToDepth ? "SPACE_TO_DEPTH" : "DEPTH_TO_SPACE", {x},
                           {{"block_size", block_size(node)}}, in,
                           to_channels_last(layout, node.result()->shape));
  lowering.replace(node, 0, lowering.cast(from_channels_last(layout, y, lowering), dtype));
  return {};
}

/// Blocks and paddings (or crops) of the batch forms.
struct Blocks {
  std::vector<int64_t> sizes;
  std::vector<std::pair<int64_t, int64_t>> edges;
};

bool is_old_form(const Node& node) { return node.is("SpaceToBatch") || node.is("BatchToSpace"); }

Result<Blocks> blocks_of(const Node& node, const std::vector<int64_t>& sizes,
                         const std::vector<int64_t>& edges) {
  Blocks blocks{sizes, {}};
  if (edges.size() != 2 * sizes.size())
    return malformed(node, "the edges do not fit the block")
        .expected(std::to_string(2 * sizes.size()))
        .found(std::to_string(edges.size()));
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] < 1 || sizes[i] > (1 << 20) || edges[2 * i] < 0 || edges[2 * i + 1] < 0 ||
        edges[2 * i] > (int64_t{1} << 31) || edges[2 * i + 1] > (int64_t{1} << 31))
      return malformed(node, "a block or an edge is out of range");
    blocks.edges.emplace_back(edges[2 * i], edges[2 * i + 1]);
  }
  return blocks;
}

/// Nullopt: not known before run time.
Result<std::optional<Blocks>> constant_blocks(const Node& node) {
  std::optional<std::vector<int64_t>> sizes, edges;
  if (is_old_form(node)) {
    sizes = std::vector<int64_t>(2, block_size(node));
    edges = constant_integers(node.operand(1));
  } else {
    sizes = constant_integers(node.operand(1));
    edges = constant_integers(node.operand(2));
  }
  if (!sizes || !edges) return std::optional<Blocks>();
  PUMICE_TRY(Blocks blocks, blocks_of(node, *sizes, *edges));
  return std::optional<Blocks>(std::move(blocks));
}

template <bool kToBatch>
Status infer_batch(Node& node) {
  PUMICE_CHECK(expect_operands(node, is_old_form(node) ? 2 : 3, is_old_form(node) ? 2 : 3));
  PUMICE_TRY(auto blocks, constant_blocks(node));
  Shape x = node.operand(0)->shape;
  if (!blocks) {
    set_result(node, 0, node.operand(0)->dtype,
               x.known_rank() ? Shape::of_rank(x.rank()) : Shape());
    return {};
  }
  if (x.known_rank()) {
    if (x.rank() < blocks->sizes.size() + 1)
      return malformed(node, "the input has too few dimensions").found(to_string(x));
    int64_t count = 1;
    for (size_t i = 0; i < blocks->sizes.size(); ++i) {
      int64_t b = blocks->sizes[i];
      auto [before, after] = blocks->edges[i];
      if (__builtin_mul_overflow(count, b, &count))
        return malformed(node, "the block is too large");
      Dim& d = x[i + 1];
      if (kToBatch) {
        Dim padded = d + Dim(before + after);
        if (padded.known() && padded.size() % b != 0)
          return malformed(node, "the block does not divide the padded input")
              .found(to_string(node.operand(0)->shape));
        d = divided(padded, b);
      } else {
        Dim whole = d * Dim(b);
        if (whole.known() && whole.size() < before + after)
          return malformed(node, "the crops are larger than the result");
        d = whole - Dim(before + after);
      }
    }
    if (!kToBatch && x[0].known() && x[0].size() % count != 0)
      return malformed(node, "the block does not divide the batch").found(to_string(x));
    x[0] = kToBatch ? x[0] * Dim(count) : divided(x[0], count);
  }
  set_result(node, 0, node.operand(0)->dtype, std::move(x));
  return {};
}

/// Copies between the many-batch and the few-batch form; `few` has the larger pictures.
void move_blocks(const Blocks& blocks, const Dims& many, const Dims& few, size_t inner,
                 const std::byte* from, std::byte* to, bool to_batch) {
  size_t m = blocks.sizes.size();
  int64_t pixels = 1;
  for (size_t i = 0; i < m; ++i) pixels *= many[i + 1];
  for (int64_t batch = 0; batch < many[0]; ++batch) {
    for (int64_t p = 0; p < pixels; ++p) {
      int64_t at = batch % few[0], block = batch / few[0], rest = p;
      bool inside = true;
      // The last block dimension runs fastest, in the batch as in the picture.
      std::vector<int64_t> position(m);
      for (size_t i = m; i-- > 0;) {
        position[i] =
            rest % many[i + 1] * blocks.sizes[i] + block % blocks.sizes[i] - blocks.edges[i].first;
        rest /= many[i + 1];
        block /= blocks.sizes[i];
        inside &= position[i] >= 0 && position[i] < few[i + 1];
      }
      for (size_t i = 0; i < m; ++i) at = at * few[i + 1] + position[i];
      if (!inside) continue;
      size_t a = static_cast<size_t>(batch * pixels + p) * inner,
             b = static_cast<size_t>(at) * inner;
      std::memcpy(to + (to_batch ? a : b), from + (to_batch ? b : a), inner);
    }
  }
}

template <bool kToBatch>
Status evaluate_batch(EvalContext& context) {
  const Node& node = context.node;
  bool old = is_old_form(node);
  if (context.inputs.size() != (old ? 2u : 3u)) return malformed(node, "wrong number of inputs");
  const Tensor& x = context.in(0);
  PUMICE_TRY(
      Blocks blocks,
      blocks_of(node, old ? std::vector<int64_t>(2, block_size(node)) : context.in(1).integers(),
                context.in(old ? 1 : 2).integers()));
  size_t m = blocks.sizes.size();
  if (x.rank() < m + 1 || element_size(x.dtype()) == 0)
    return malformed(node, "the input has too few dimensions").found(to_string(x.dims()));
  Dims dims = x.dims();
  int64_t count = 1;
  for (size_t i = 0; i < m; ++i) {
    auto [before, after] = blocks.edges[i];
    if (__builtin_mul_overflow(count, blocks.sizes[i], &count) || count > (int64_t{1} << 31))
      return malformed(node, "the block is too large");
    int64_t& d = dims[i + 1];
    if (kToBatch) {
      if ((d + before + after) % blocks.sizes[i] != 0)
        return malformed(node, "the block does not divide the padded input");
      d = (d + before + after) / blocks.sizes[i];
    } else {
      PUMICE_CHECK(check_allocatable(context, {d, blocks.sizes[i]}));
      d = d * blocks.sizes[i] - before - after;
      if (d < 0) return malformed(node, "the crops are larger than the result");
    }
  }
  if (!kToBatch && dims[0] % count != 0)
    return malformed(node, "the block does not divide the batch").found(to_string(x.dims()));
  if (kToBatch) PUMICE_CHECK(check_allocatable(context, {dims[0], count}));
  dims[0] = kToBatch ? dims[0] * count : dims[0] / count;
  PUMICE_CHECK(check_allocatable(context, dims));
  Tensor out = Tensor::zeros(x.dtype(), dims);
  size_t inner = element_size(x.dtype());
  for (size_t i = m + 1; i < dims.size(); ++i) inner *= static_cast<size_t>(dims[i]);
  if (x.elements() > 0 && out.elements() > 0)
    move_blocks(blocks, kToBatch ? dims : x.dims(), kToBatch ? x.dims() : dims, inner, x.data(),
                out.mutable_data(), kToBatch);
  context.outputs = {std::move(out)};
  return {};
}

template <bool kToBatch>
Value* emit_batch(Value* x, Value* blocks, Value* edges, const Shape& result, Lowering& lowering) {
  return lowering.emit(kToBatch ? "SPACE_TO_BATCH_ND" : "BATCH_TO_SPACE_ND", {x, blocks, edges}, {},
                       x->dtype, result);
}

Value* edges_constant(const std::vector<std::pair<int64_t, int64_t>>& edges, Lowering& lowering) {
  std::vector<int32_t> flat;
  for (auto [before, after] : edges) {
    flat.push_back(static_cast<int32_t>(before));
    flat.push_back(static_cast<int32_t>(after));
  }
  return lowering.constant(
      Tensor::of<int32_t>(DType::kInt32, {static_cast<int64_t>(edges.size()), 2}, flat));
}

/// One block dimension at a time, each as the second spatial one of [N, before, here, after].
template <bool kToBatch>
Value* one_by_one(Value* x, const Blocks& blocks, Lowering& lowering) {
  size_t m = blocks.sizes.size();
  auto product = [](const Shape& s, size_t from, size_t to) {
    Dim d = 1;
    for (size_t i = from; i < to; ++i) d = d * s[i];
    return d;
  };
  for (size_t k = 0; k < m; ++k) {
    // The last dimension varies fastest in the batch: it is the first to go in, the last to come
    // out.
    size_t i = kToBatch ? m - 1 - k : k, axis = i + 1;
    int64_t b = blocks.sizes[i];
    auto [before, after] = blocks.edges[i];
    if (b == 1 && before == 0 && after == 0) continue;
    const Shape s = x->shape;
    std::vector<Value*> sizes;
    for (size_t d = 0; d < s.rank(); ++d) sizes.push_back(lowering.size_of(x, d));
    auto run_time_product = [&](size_t from, size_t to) -> Value* {
      Value* p = lowering.constant_i32({1});
      for (size_t d = from; d < to; ++d) p = lowering.binary("MUL", p, sizes[d]);
      return p;
    };
    Shape flat{s[0], product(s, 1, axis), s[axis], product(s, axis + 1, s.rank())};
    std::vector<Value*> flat_sizes(4, nullptr);
    if (flat.unknown_dims() > 1)
      flat_sizes = {sizes[0], run_time_product(1, axis), sizes[axis],
                    run_time_product(axis + 1, s.rank())};
    Value* y = reshape_to(x, flat, flat_sizes, lowering);
    Shape moved = flat, result = s;
    moved[0] = result[0] = kToBatch ? s[0] * Dim(b) : divided(s[0], b);
    moved[2] = result[axis] = kToBatch ? divided(s[axis] + Dim(before + after), b)
                                       : s[axis] * Dim(b) - Dim(before + after);
    y = emit_batch<kToBatch>(y, lowering.constant_i32({1, b}),
                             edges_constant({{0, 0}, {before, after}}, lowering), moved, lowering);
    if (result.unknown_dims() > 1) {
      sizes[0] = lowering.size_of(y, 0);
      sizes[axis] = lowering.size_of(y, 2);
    }
    x = reshape_to(y, result, sizes, lowering);
  }
  return x;
}

template <bool kToBatch>
Status lower_batch(Node& node, Lowering& lowering) {
  PUMICE_TRY(auto blocks, constant_blocks(node));
  DType dtype = node.result()->dtype;
  PUMICE_TRY(DType in, moved_as(node, dtype));
  const Shape& shape = node.operand(0)->shape;
  Value *sizes = nullptr, *edges = nullptr;
  size_t spatial = 0;
  if (blocks) {
    spatial = blocks->sizes.size();
    sizes = lowering.constant_i32(blocks->sizes);
    edges = edges_constant(blocks->edges, lowering);
  } else {
    sizes = is_old_form(node) ? lowering.constant_i32({block_size(node), block_size(node)})
                              : lowering.as_i32(node.operand(1));
    edges = lowering.as_i32(node.operand(is_old_form(node) ? 1 : 2));
    if (sizes->shape.is_rank(1) && sizes->shape[0].known())
      spatial = static_cast<size_t>(sizes->shape[0].size());
  }
  bool direct = (shape.is_rank(4) && spatial == 2) || (shape.is_rank(3) && spatial == 1);
  if (!direct && !blocks)
    return unsupported(node, "the block or its edges are not known before run time");
  if (!direct && !shape.known_rank())
    return unsupported(node, "the rank is not known before run time");
  Value* x = lowering.cast(node.operand(0), in);
  Value* y = direct ? emit_batch<kToBatch>(x, sizes, edges, node.result()->shape, lowering)
                    : one_by_one<kToBatch>(x, *blocks, lowering);
  lowering.replace(node, 0, lowering.cast(y, dtype));
  return {};
}

constexpr std::string_view kLimits = "no float64, bfloat16, uint64";

constexpr OpDef kOps[] = {
    {"BatchToSpace", infer_batch<false>, evaluate_batch<false>, lower_batch<false>,
     "BATCH_TO_SPACE_ND", kLimits},
    {"BatchToSpaceND", infer_batch<false>, evaluate_batch<false>, lower_batch<false>,
     "BATCH_TO_SPACE_ND", kLimits},
    {"DepthToSpace", infer_depth<false>, evaluate_depth<false>, lower_depth<false>,
     "DEPTH_TO_SPACE", kLimits},
    {"SpaceToBatch", infer_batch<true>, evaluate_batch<true>, lower_batch<true>,
     "SPACE_TO_BATCH_ND", kLimits},
    {"SpaceToBatchND", infer_batch<true>, evaluate_batch<true>, lower_batch<true>,
     "SPACE_TO_BATCH_ND", kLimits},
    {"SpaceToDepth", infer_depth<true>, evaluate_depth<true>, lower_depth<true>, "SPACE_TO_DEPTH",
     kLimits},
};

}  // namespace

std::span<const OpDef> space_depth_ops() { return kOps; }

}  // namespace pumice
