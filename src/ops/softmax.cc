#include "ops/families.h"

namespace pumice {

std::span<const OpDef> softmax_ops() { return {}; }

}  // namespace pumice
