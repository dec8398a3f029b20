// The TensorFlow ops that pumice knows.
#pragma once

#include <string>

namespace pumice {

/// Every op: name, whether it folds, what it lowers to, its limits. As JSON, and as a table.
std::string ops_json();
std::string ops_text();

}  // namespace pumice
