#include "ops/families.h"

namespace pumice {

std::span<const OpDef> batch_norm_ops() { return {}; }

}  // namespace pumice
