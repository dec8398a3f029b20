#include "ops/families.h"

namespace pumice {

std::span<const OpDef> segment_ops() { return {}; }

}  // namespace pumice
