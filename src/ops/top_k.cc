#include "ops/families.h"

namespace pumice {

std::span<const OpDef> top_k_ops() { return {}; }

}  // namespace pumice
