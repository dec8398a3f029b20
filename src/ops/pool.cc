#include "ops/families.h"

namespace pumice {

std::span<const OpDef> pool_ops() { return {}; }

}  // namespace pumice
