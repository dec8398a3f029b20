// TensorFlow's ops that apply a gradient: what each says of its optimizer.
#pragma once

#include <string_view>

#include "graph/graph.h"

namespace pumice {

struct ApplyOp {
  const char* name;  // behind "Apply", without Resource and Sparse
  const char* kind;
  const char* class_name;
  const char* operands;  // a slot has a star; "." is neither slot nor hyperparameter
};

/// The algorithm of ApplyX, ResourceApplyX, SparseApplyX, ResourceSparseApplyX; null for other ops.
const ApplyOp* apply_op(std::string_view op, bool* sparse);

/// The variable, constant or argument that a value is read from.
const Node* origin(const Value* value);

}  // namespace pumice
