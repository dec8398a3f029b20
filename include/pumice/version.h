// Which pumice this is.
#pragma once

namespace pumice {

/// The version as the project's CMakeLists.txt names it: "0.1.0".
const char* version();

}  // namespace pumice
