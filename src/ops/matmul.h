// Matrix products as parts, for the ops that contain one (_FusedMatMul, Einsum).
#pragma once

#include "graph/graph.h"
#include "ops/lowering.h"
#include "ops/op.h"

namespace pumice {

/// The shape rule reads the first two operands.
/// x · y over the last two dimensions, the others broadcast; a transposed operand swaps its last
/// two. Result shape as inferred from the operands'; dtype of x.
Status infer_matmul(Node& node);
Status evaluate_matmul(EvalContext& context);
Result<Value*> lower_to_matmul(const Node& node, Value* x, Value* y, bool transpose_x,
                               bool transpose_y, Lowering& lowering);
/// The shape of the product; kMalformed where the operands do not fit.
Result<Shape> matmul_shape(const Node& node, Shape x, Shape y, bool transpose_x, bool transpose_y);
/// The product of known operands of one dtype.
Result<Tensor> matmul_of(EvalContext& context, Tensor x, Tensor y, bool transpose_x,
                         bool transpose_y);

}  // namespace pumice
