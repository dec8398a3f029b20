// Options of custom operators: a FlexBuffer map.
#pragma once

#include <string>

#include "graph/attributes.h"

namespace pumice {

/// Attributes as the bytes of a FlexBuffer map: bool, int, float, string, dtype name, and lists of
/// them. Constants and functions are left out.
std::string custom_options(const Attributes& attributes);

}  // namespace pumice
