#include "ops/families.h"

namespace pumice {

std::span<const OpDef> tile_ops() { return {}; }

}  // namespace pumice
