// BEFORE  RESHAPE(PACK(PACK(x, x, axis=3), ·, axis=2) → [a,2h,2w,c]), or RESHAPE and TILE, twice
// AFTER   RESIZE_NEAREST_NEIGHBOR(x, [2h, 2w])
//
// How the object-detection API (PACK) and Keras (repeat: RESHAPE, TILE, RESHAPE for each axis)
// spell nearest-neighbour upsampling of a known size by whole factors.
#include "ops/lowering.h"
#include "passes/pipeline.h"
#include "passes/rewrite.h"

namespace pumice {
namespace {

/// [n,h,w,c] with h and w known.
bool is_image(const Value* x) {
  return x->shape.is_rank(4) && x->shape[1].known() && x->shape[2].known() &&
         x->shape[1].size() > 0 && x->shape[2].size() > 0 && x->dtype == DType::kFloat32;
}

/// The one value that PACK stacks several times along `axis`, if nothing but `reads` operands of
/// one node read the result; else null.
Value* stacked(const Value* v, size_t axis, size_t reads) {
  const Node& pack = *v->node();
  if (!pack.is("PACK") || !v->shape.known_rank() || v->uses().size() != reads) return nullptr;
  if (normalize_axis(pack.attributes.integer("axis"), v->shape.rank()) != axis) return nullptr;
  for (size_t i = 1; i < pack.operand_count(); ++i)
    if (pack.operand(i) != pack.operand(0)) return nullptr;
  return pack.operand(0);
}

Value* packed_image(const Value* v) {
  Value* rows = stacked(v, 2, 1);
  Value* x = rows ? stacked(rows, 3, v->node()->operand_count()) : nullptr;
  return x && is_image(x) ? x : nullptr;
}

bool has_sizes(const Value* v, std::initializer_list<Dim> sizes) {
  if (!v->shape.is_rank(sizes.size())) return false;
  size_t i = 1;  // the batch is the same: every other size is
  for (auto it = sizes.begin() + 1; it != sizes.end(); ++it, ++i)
    if (!v->shape[i].same_as(*it)) return false;
  return true;
}

/// TILE of a RESHAPE that put a 1 at `axis`, both read once: what the RESHAPE reads.
Value* repeated(const Value* v, size_t axis) {
  const Node& tile = *v->node();
  if (!tile.is("TILE") || !v->single_use()) return nullptr;
  auto times = integers_of(tile.operand(1));
  Node* reshape = operand_node(tile, 0, "RESHAPE");
  if (!times || !reshape || times->size() != 5 || !reshape->result()->single_use()) return nullptr;
  for (size_t i = 0; i < 5; ++i)
    if (i != axis && (*times)[i] != 1) return nullptr;
  return reshape->result()->shape.is_rank(5) && reshape->result()->shape[axis] == Dim(1)
             ? reshape->operand(0)
             : nullptr;
}

/// RESHAPE → TILE rows → RESHAPE → TILE columns.
Value* repeated_image(const Value* v, Dim height, Dim width) {
  Value* rows = repeated(v, 3);
  if (!rows || !v->shape.is_rank(5)) return nullptr;
  Value* x = repeated(rows, 2);
  if (!x || !is_image(x)) return nullptr;
  Dim h = x->shape[1], w = x->shape[2], c = x->shape[3];
  const Value* first = rows->node()->operand(0);
  const Value* second = v->node()->operand(0);
  bool fits = has_sizes(first, {Dim(), h, 1, w, c}) &&
              has_sizes(second, {Dim(), height, w, 1, c}) &&
              has_sizes(v, {Dim(), height, w, Dim(width.size() / w.size()), c}) &&
              has_sizes(rows, {Dim(), h, Dim(height.size() / h.size()), w, c});
  return fits ? x : nullptr;
}

bool rewrite(Graph& graph, Node& node) {
  if (!node.is("RESHAPE")) return false;
  const Value *v = node.operand(0), *y = node.result();
  if (!is_image(y)) return false;
  Dim height = y->shape[1], width = y->shape[2];
  Value* x = packed_image(v);
  if (!x) x = repeated_image(v, height, width);
  if (!x || !x->shape[3].same_as(y->shape[3]) || !x->shape[3].known()) return false;
  if (height.size() % x->shape[1].size() || width.size() % x->shape[2].size()) return false;
  if (v->node()->is("PACK") &&
      (height.size() / x->shape[1].size() != static_cast<int64_t>(v->node()->operand_count()) ||
       width.size() / x->shape[2].size() !=
           static_cast<int64_t>(v->node()->operand(0)->node()->operand_count())))
    return false;
  Lowering lowering(graph, &node);
  Value* resized = lowering.emit(
      "RESIZE_NEAREST_NEIGHBOR", {x, lowering.constant_i32({height.size(), width.size()})},
      {{"align_corners", false}, {"half_pixel_centers", false}}, x->dtype, y->shape);
  replace_node(&node, resized);
  return true;
}

}  // namespace

Result<size_t> upsample(Model&, Graph& graph) {
  return for_each_node(graph, [&](Node& node) { return rewrite(graph, node); });
}

}  // namespace pumice
