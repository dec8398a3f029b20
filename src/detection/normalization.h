// What pre-processing, metadata and detect share of how pixels become a float model's input.
#pragma once

#include <cstddef>
#include <string>

#include "pumice/error.h"
#include "pumice/normalization.h"

namespace pumice {

/// As many means as deviations, one or `channels`; all finite, no deviation 0. Error: kUsage.
Status check_normalization(const Normalization& normalization, size_t channels);

/// "(pixel - 127.5) / 127.5", or per channel "(pixel - 123.7, 116.8, 103.9) / 58.4, 57.1, 57.4".
std::string to_string(const Normalization& normalization);

}  // namespace pumice
