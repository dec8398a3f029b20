#include "passes/data_dependence.h"

#include <string_view>
#include <unordered_map>
#include <vector>

namespace pumice {
namespace {

/// The operands whose contents decide the result's shape.
const std::vector<size_t>* shape_operands(std::string_view op) {
  static const std::unordered_map<std::string_view, std::vector<size_t>> kOperands = {
      {"RESHAPE", {1}},          {"FILL", {0}},
      {"BROADCAST_TO", {1}},     {"TILE", {1}},
      {"RANGE", {0, 1, 2}},      {"SLICE", {1, 2}},
      {"STRIDED_SLICE", {1, 2, 3}}, {"PAD", {1}},
      {"PADV2", {1}},            {"MIRROR_PAD", {1}},
      {"RESIZE_BILINEAR", {1}},  {"RESIZE_NEAREST_NEIGHBOR", {1}},
      {"TRANSPOSE_CONV", {0}},   {"ONE_HOT", {1}},
      {"TOPK_V2", {1}},          {"SPACE_TO_BATCH_ND", {1, 2}},
      {"BATCH_TO_SPACE_ND", {1, 2}}, {"SPLIT_V", {1}},
      {"SCATTER_ND", {2}},       {"SPARSE_TO_DENSE", {1}},
      {"EXPAND_DIMS", {1}},      {"NON_MAX_SUPPRESSION_V4", {2}},
      {"NON_MAX_SUPPRESSION_V5", {2}}, {"RANDOM_UNIFORM", {0}},
      {"RANDOM_STANDARD_NORMAL", {0}}, {"UNSORTED_SEGMENT_SUM", {2}},
      {"UNSORTED_SEGMENT_MAX", {2}}, {"UNSORTED_SEGMENT_MIN", {2}},
      {"UNSORTED_SEGMENT_PROD", {2}}, {"DYNAMIC_UPDATE_SLICE", {}},
  };
  auto it = kOperands.find(op);
  return it == kOperands.end() ? nullptr : &it->second;
}

}  // namespace

std::unordered_set<const Value*> values_of_data_dependent_shape(const Graph& graph) {
  std::unordered_set<const Value*> contents, shapes;
  for (const Value* input : graph.inputs()) contents.insert(input);
  for (Node& node : graph) {
    if (node.is("Input") || node.is("Const") || node.is("Return")) continue;
    bool any_content = false, any_shape = false;
    for (size_t i = 0; i < node.operand_count(); ++i) {
      any_content |= contents.count(node.operand(i)) != 0;
      any_shape |= shapes.count(node.operand(i)) != 0;
    }
    bool content = any_content || any_shape, shape = any_shape;
    if (node.is("SHAPE") || node.is("RANK")) {
      content = any_shape;
      shape = false;
    } else if (node.is("WHERE") || node.is("UNIQUE") || node.is("SEGMENT_SUM")) {
      shape |= any_content;
    } else if (const auto* deciding = shape_operands(node.op)) {
      for (size_t i : *deciding)
        if (i < node.operand_count()) shape |= contents.count(node.operand(i)) != 0;
    }
    for (size_t i = 0; i < node.result_count(); ++i) {
      if (content) contents.insert(node.result(i));
      if (shape && !node.result(i)->shape.fully_known()) shapes.insert(node.result(i));
    }
  }
  return shapes;
}

}  // namespace pumice
