// The op families: each function is defined in the file of its name (conv_ops in conv.cc).
#pragma once

#include <span>

#include "ops/op.h"

namespace pumice {

std::span<const OpDef> activation_ops();
std::span<const OpDef> arg_extreme_ops();
std::span<const OpDef> batch_norm_ops();
std::span<const OpDef> bias_ops();
std::span<const OpDef> bitwise_ops();
std::span<const OpDef> cast_ops();
std::span<const OpDef> combined_nms_ops();
std::span<const OpDef> comparison_ops();
std::span<const OpDef> concat_ops();
std::span<const OpDef> control_flow_ops();
std::span<const OpDef> conv_ops();
std::span<const OpDef> crop_and_resize_ops();
std::span<const OpDef> cumulative_ops();
std::span<const OpDef> detection_post_process_ops();
std::span<const OpDef> einsum_ops();
std::span<const OpDef> elementwise_binary_ops();
std::span<const OpDef> elementwise_unary_ops();
std::span<const OpDef> fake_quant_ops();
std::span<const OpDef> fill_ops();
std::span<const OpDef> fused_ops();
std::span<const OpDef> gather_ops();
std::span<const OpDef> identity_ops();
std::span<const OpDef> lrn_ops();
std::span<const OpDef> matmul_ops();
std::span<const OpDef> matrix_diag_ops();
std::span<const OpDef> nms_ops();
std::span<const OpDef> nms_with_overlaps_ops();
std::span<const OpDef> pad_ops();
std::span<const OpDef> pool_ops();
std::span<const OpDef> random_ops();
std::span<const OpDef> reduction_ops();
std::span<const OpDef> reshape_ops();
std::span<const OpDef> resize_ops();
std::span<const OpDef> reverse_ops();
std::span<const OpDef> scatter_ops();
std::span<const OpDef> segment_ops();
std::span<const OpDef> select_ops();
std::span<const OpDef> shape_ops();
std::span<const OpDef> slice_ops();
std::span<const OpDef> softmax_ops();
std::span<const OpDef> space_depth_ops();
std::span<const OpDef> split_ops();
std::span<const OpDef> strided_slice_ops();
std::span<const OpDef> tensor_list_ops();
std::span<const OpDef> tile_ops();
std::span<const OpDef> top_k_ops();
std::span<const OpDef> transpose_ops();
std::span<const OpDef> transpose_conv_ops();
std::span<const OpDef> update_slice_ops();
std::span<const OpDef> variable_ops();

}  // namespace pumice
