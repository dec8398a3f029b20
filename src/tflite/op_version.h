// Operator versions: which version of a builtin a node needs, and since which runtime it is there.
#pragma once

#include <string>
#include <string_view>

#include "graph/graph.h"

namespace pumice {

/// The lowest version of the operator that knows all features of `node`: its dtypes, ranks, options
/// and quantization. 1 for custom and unknown operators.
int op_version(const Node& node);

/// The TensorFlow release whose runtime first had this version of the operator ("2.3.0"); empty
/// when that is not known (a custom operator, a version newer than the table).
std::string_view minimum_runtime(std::string_view op, int version);

/// "1.14.0" comes before "2.3.0"; the empty string comes before all.
bool runtime_before(std::string_view a, std::string_view b);

}  // namespace pumice
