#include <algorithm>
#include <unordered_map>
#include <vector>

#include "ops/families.h"
#include "ops/op.h"

namespace pumice {
namespace {

std::vector<const OpDef*> sorted_table() {
  std::vector<const OpDef*> table;
  for (std::span<const OpDef> family : {
           activation_ops(),
           arg_extreme_ops(),
           batch_norm_ops(),
           bias_ops(),
           bitwise_ops(),
           cast_ops(),
           combined_nms_ops(),
           comparison_ops(),
           concat_ops(),
           control_flow_ops(),
           conv_ops(),
           crop_and_resize_ops(),
           cumulative_ops(),
           detection_post_process_ops(),
           einsum_ops(),
           elementwise_binary_ops(),
           elementwise_unary_ops(),
           fake_quant_ops(),
           fill_ops(),
           fused_ops(),
           gather_ops(),
           identity_ops(),
           lrn_ops(),
           matmul_ops(),
           matrix_diag_ops(),
           nms_ops(),
           nms_with_overlaps_ops(),
           pad_ops(),
           pool_ops(),
           random_ops(),
           reduction_ops(),
           reshape_ops(),
           resize_ops(),
           reverse_ops(),
           scatter_ops(),
           segment_ops(),
           select_ops(),
           shape_ops(),
           slice_ops(),
           softmax_ops(),
           space_depth_ops(),
           split_ops(),
           strided_slice_ops(),
           tensor_list_ops(),
           tile_ops(),
           top_k_ops(),
           transpose_ops(),
           transpose_conv_ops(),
           update_slice_ops(),
           variable_ops(),
       })
    for (const OpDef& op : family) table.push_back(&op);
  std::sort(table.begin(), table.end(),
            [](const OpDef* a, const OpDef* b) { return a->name < b->name; });
  return table;
}

const std::vector<const OpDef*>& table() {
  static const std::vector<const OpDef*> kTable = sorted_table();
  return kTable;
}

}  // namespace

const OpDef* find_op(std::string_view name) {
  static const std::unordered_map<std::string_view, const OpDef*> kByName = [] {
    std::unordered_map<std::string_view, const OpDef*> by_name;
    by_name.reserve(table().size());
    for (const OpDef* op : table()) by_name.emplace(op->name, op);
    return by_name;
  }();
  const auto it = kByName.find(name);
  return it == kByName.end() ? nullptr : it->second;
}

std::span<const OpDef* const> all_ops() { return table(); }

}  // namespace pumice
