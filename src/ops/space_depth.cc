#include "ops/families.h"

namespace pumice {

std::span<const OpDef> space_depth_ops() { return {}; }

}  // namespace pumice
