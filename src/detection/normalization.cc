#include "detection/normalization.h"

#include <cmath>
#include <cstdio>
#include <string>

namespace pumice {
namespace {

std::string list(const std::vector<float>& values) {
  std::string text;
  for (float v : values) {
    char number[32];
    std::snprintf(number, sizeof(number), "%g", static_cast<double>(v));
    text += (text.empty() ? "" : ", ") + std::string(number);
  }
  return text;
}

}  // namespace

Status check_normalization(const Normalization& n, size_t channels) {
  if (n.mean.size() != n.std.size() || (n.mean.size() != 1 && n.mean.size() != channels))
    return Error(ErrorCode::kUsage, "the normalization does not fit the picture's channels")
        .expected("1 or " + std::to_string(channels) + " pairs of mean and deviation")
        .found(std::to_string(n.mean.size()));
  for (size_t i = 0; i < n.mean.size(); ++i)
    if (!std::isfinite(n.mean[i]) || !std::isfinite(n.std[i]) || n.std[i] == 0)
      return Error(ErrorCode::kUsage, "the normalization divides by zero or is not finite")
          .found(to_string(n));
  return {};
}

std::string to_string(const Normalization& n) {
  return "(pixel - " + list(n.mean) + ") / " + list(n.std);
}

}  // namespace pumice
