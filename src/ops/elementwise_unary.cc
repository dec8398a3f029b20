#include "ops/families.h"

namespace pumice {

std::span<const OpDef> elementwise_unary_ops() { return {}; }

}  // namespace pumice
