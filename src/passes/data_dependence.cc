#include "passes/data_dependence.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace pumice {
namespace {

/// The operands whose contents decide the result's shape.
const std::vector<size_t>* shape_operands(std::string_view op) {
  static const std::unordered_map<std::string_view, std::vector<size_t>> kOperands = {
      {"RESHAPE", {1}},
      {"FILL", {0}},
      {"BROADCAST_TO", {1}},
      {"TILE", {1}},
      {"RANGE", {0, 1, 2}},
      {"SLICE", {1, 2}},
      {"STRIDED_SLICE", {1, 2, 3}},
      {"PAD", {1}},
      {"PADV2", {1}},
      {"MIRROR_PAD", {1}},
      {"RESIZE_BILINEAR", {1}},
      {"RESIZE_NEAREST_NEIGHBOR", {1}},
      {"TRANSPOSE_CONV", {0}},
      {"CONV_3D_TRANSPOSE", {0}},
      {"ONE_HOT", {1}},
      {"TOPK_V2", {1}},
      {"SPACE_TO_BATCH_ND", {1, 2}},
      {"BATCH_TO_SPACE_ND", {1, 2}},
      {"SPLIT_V", {1}},
      {"SCATTER_ND", {2}},
      {"SPARSE_TO_DENSE", {1}},
      {"EXPAND_DIMS", {1}},
      {"NON_MAX_SUPPRESSION_V4", {2}},
      {"NON_MAX_SUPPRESSION_V5", {2}},
      {"RANDOM_UNIFORM", {0}},
      {"RANDOM_STANDARD_NORMAL", {0}},
      {"UNSORTED_SEGMENT_SUM", {1, 2}},
      {"UNSORTED_SEGMENT_MAX", {1, 2}},
      {"UNSORTED_SEGMENT_MIN", {1, 2}},
      {"UNSORTED_SEGMENT_PROD", {1, 2}},
  };
  auto it = kOperands.find(op);
  return it == kOperands.end() ? nullptr : &it->second;
}

/// Kernels that compute their result while the runtime allocates, when all operands are known then
/// (measured on LiteRT 2.3.0; ADD, SUB, PACK, CAST, SLICE and all others do not).
bool computes_early(std::string_view op) {
  static constexpr std::string_view kOps[] = {
      "BROADCAST_ARGS", "CONCATENATION", "GATHER",  "MUL",
      "RANGE",          "REDUCE_PROD",   "RESHAPE", "STRIDED_SLICE"};
  return std::find(std::begin(kOps), std::end(kOps), op) != std::end(kOps);
}

bool unknown_size(const Value* value) { return value && !value->shape.fully_known(); }

/// Loops whose variables change their sizes, and branches whose results' sizes are not those of an
/// operand: all results are allocated then.
bool call_allocates(const Node& node) {
  if (!node.is("WHILE") && !node.is("IF")) return false;
  std::set<int64_t> given;
  for (size_t i = 0; i < node.operand_count(); ++i)
    if (const Shape& shape = node.operand(i)->shape; shape.known_rank())
      for (Dim d : shape.dims())
        if (d.is_symbol()) given.insert(d.symbol_id());
  for (size_t i = 0; i < node.result_count(); ++i) {
    const Shape& shape = node.result(i)->shape;
    if (!shape.known_rank()) return true;
    if (node.is("WHILE") && !(shape == node.operand(i)->shape)) return true;
    for (Dim d : shape.dims())
      if (!d.known() && !(d.is_symbol() && given.count(d.symbol_id()))) return true;
  }
  return false;
}

}  // namespace

ShapesAtRunTime shapes_at_run_time(const Graph& graph) {
  ShapesAtRunTime found;
  // Values besides constants that are known while the runtime allocates: shapes, what is made of
  // them.
  std::unordered_set<const Value*> early;
  bool open = false;  // a kernel before this one has left its result's shape open
  for (Node& node : graph) {
    if (node.is("Input") || node.is("Return") || node.is("Const")) continue;
    auto is_early = [&](size_t i) {
      return i >= node.operand_count() || !node.operand(i) ||
             node.operand(i)->node()->is("Const") || early.count(node.operand(i)) != 0;
    };
    bool allocates =
        call_allocates(node) || node.is("WHERE") || node.is("UNIQUE") || node.is("SEGMENT_SUM");
    // These look at the file's sizes, not at those that the input was given.
    if (node.is("SLICE") || node.is("TOPK_V2") || node.is("MULTINOMIAL"))
      allocates = unknown_size(node.operand(0));
    if (node.is("TRANSPOSE_CONV") || node.is("CONV_3D_TRANSPOSE"))
      allocates = !constant_of(node.operand(0));  // however early its sizes are known
    if (const auto* deciding = shape_operands(node.op))
      for (size_t i : *deciding) allocates |= !is_early(i);
    if (node.is("SHAPE") || node.is("RANK")) {
      (open ? found.late : early).insert(node.result());
    } else if (computes_early(node.op)) {
      bool all = true, none_late = true;
      for (size_t i = 0; i < node.operand_count(); ++i) {
        bool is_late = found.late.count(node.operand(i)) != 0;
        all &= is_early(i) || is_late;
        none_late &= !is_late;
      }
      if (all && !none_late) found.late.insert(node.result());
      if (all && none_late && !allocates) early.insert(node.result());
    }
    open |= allocates;
    for (size_t i = 0; i < node.result_count(); ++i) {
      if (allocates) found.allocated.insert(node.result(i));
      if (open && unknown_size(node.result(i))) found.open.insert(node.result(i));
    }
  }
  return found;
}

}  // namespace pumice
