#include "pumice/version.h"

#include <regex>

#include <gtest/gtest.h>

namespace pumice {
namespace {

TEST(Version, IsThreeNumbers) {
  EXPECT_TRUE(std::regex_match(version(), std::regex("[0-9]+\\.[0-9]+\\.[0-9]+"))) << version();
}

}  // namespace
}  // namespace pumice
