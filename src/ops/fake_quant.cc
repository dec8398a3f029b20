#include "ops/families.h"

namespace pumice {

std::span<const OpDef> fake_quant_ops() { return {}; }

}  // namespace pumice
