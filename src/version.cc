#include "pumice/version.h"

namespace pumice {

const char* version() { return PUMICE_VERSION; }

}  // namespace pumice
