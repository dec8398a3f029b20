#include "doctor/versions.h"

#include <gtest/gtest.h>

namespace pumice {
namespace {

TEST(Versions, ReleaseNumbersAndDevelopment) {
  const PythonVersion nightly = parse_version("2.13.0.dev2023050207");
  EXPECT_EQ(nightly.release, (std::vector<int>{2, 13, 0}));
  EXPECT_TRUE(nightly.development);
  EXPECT_TRUE(parse_version("2.16.0rc1").development);
  EXPECT_TRUE(parse_version("3.0a1").development);
  EXPECT_FALSE(parse_version("2.15.1.post1").development);
  EXPECT_FALSE(parse_version("2.15.1+cpu.dev").development);  // a local label
  EXPECT_EQ(parse_version("v1!2.3").release, (std::vector<int>{2, 3}));
  EXPECT_TRUE(parse_version("").release.empty());
  EXPECT_TRUE(parse_version("unknown").release.empty());
  EXPECT_EQ(parse_version("99999999999999999999.1").major(), -1);
  EXPECT_EQ(parse_version(std::string(1000, '1') + ".2").major(), -1);
}

TEST(Versions, CompareByNumbers) {
  EXPECT_EQ(parse_version("2.9").compare(parse_version("2.10")), -1);
  EXPECT_EQ(parse_version("2.10.0").compare(parse_version("2.10")), 0);
  EXPECT_TRUE(parse_version("2.16").at_least(2, 16));
  EXPECT_TRUE(parse_version("3.0").at_least(2, 16));
  EXPECT_FALSE(parse_version("2.15.1").at_least(2, 16));
  EXPECT_TRUE(parse_version("2.13.1").same_minor(parse_version("2.13.0.dev1")));
}

TEST(Versions, Specifiers) {
  const PythonVersion v = parse_version("2.13.1");
  for (const char* held : {"", "==2.13.1", "==2.13.*", ">=2.13,<2.14", "~=2.13", "~=2.13.0",
                           "!=2.12.*", " >= 2.13.1 , < 3 ", "===what", ">2.13.0", "<=2.13.1.0"})
    EXPECT_TRUE(satisfies(v, held)) << held;
  for (const char* broken : {"==2.13", "==2.1.*", ">=2.14", "~=2.13.2", "~=2.12.0", "!=2.13.*",
                             ">=2.12,<2.13", ">2.13.1", "<2.13.1"})
    EXPECT_FALSE(satisfies(v, broken)) << broken;
}

TEST(Versions, Requirements) {
  const Requirement old_style = parse_requirement("keras (<2.14,>=2.13.1)");
  EXPECT_EQ(old_style.name, "keras");
  EXPECT_EQ(old_style.specifiers, "<2.14,>=2.13.1");
  EXPECT_FALSE(old_style.conditional);
  const Requirement extra = parse_requirement("Keras_Nightly[a,b]~=3.0.0.dev ; extra == 'x'");
  EXPECT_EQ(extra.name, "keras-nightly");
  EXPECT_EQ(extra.specifiers, "~=3.0.0.dev");
  EXPECT_TRUE(extra.conditional);
  EXPECT_EQ(parse_requirement("").name, "");
  EXPECT_EQ(parse_requirement("keras").specifiers, "");
}

TEST(Versions, Names) {
  EXPECT_EQ(normalized_name("TF_Keras"), "tf-keras");
  EXPECT_EQ(normalized_name("a.-_b"), "a-b");
}

}  // namespace
}  // namespace pumice
