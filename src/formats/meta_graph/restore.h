// Which variable gets which value: read off the graph's own restore op, never off names or order.
#pragma once

#include <map>
#include <string>

#include "formats/source.h"

namespace pumice {

/// Where a variable's value stands in the checkpoint.
struct RestoredFrom {
  std::string key;
  std::string shape_and_slice;  // as RestoreV2 takes it: a part of a partitioned variable, or ""
};

/// Is this op a variable of the main graph (a VarHandleOp, VariableV2 or Variable)?
bool is_variable_op(std::string_view op);

/// Follows the restore op (SaverDef.restore_op_name) through control inputs, groups and function
/// calls to every assignment of a RestoreV2's result, and gives node name of the variable → source.
/// What is not understood is left out: the caller tells the user which variables have no value.
Result<std::map<std::string, RestoredFrom>> follow_restore(const Node* restore,
                                                           FunctionLibrary* functions);

}  // namespace pumice
