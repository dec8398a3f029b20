// How pixels become what a float model takes.
#pragma once

#include <vector>

namespace pumice {

/// input = (pixel - mean) / std, with pixels of 0 to 255. One entry for all channels, or one a channel
/// (red, green, blue).
struct Normalization {
  std::vector<float> mean, std;
};

}  // namespace pumice
