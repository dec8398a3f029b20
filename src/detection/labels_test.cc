#include "detection/labels.h"

#include <gtest/gtest.h>

namespace pumice {
namespace {

using Names = std::vector<std::string>;

TEST(Labels, OneNameALine) {
  EXPECT_EQ(*parse_label_lines("a\nb c\n", "l"), (Names{"a", "b c"}));
  EXPECT_EQ(*parse_label_lines("\xef\xbb\xbf"
                               "a \r\n\tb",
                               "l"),
            (Names{"a", "b"}));
  EXPECT_EQ(*parse_label_lines("a\n\nb\n\n\n", "l"), (Names{"a", "", "b"}));
  EXPECT_EQ(*parse_label_lines("\xc3\xa9t\xc3\xa9\n", "l"), (Names{"\xc3\xa9t\xc3\xa9"}));
}

TEST(Labels, WhatIsNoTextIsRefused) {
  for (const std::string text : {"", "\n\n", "a\x01",
                                 "\xff\xfe"
                                 "a",
                                 "\xc3", "\xe2\x82\n"}) {
    const auto names = parse_labels(text, "l.txt");
    ASSERT_FALSE(names.ok()) << text;
    EXPECT_EQ(names.error().code(), ErrorCode::kMalformed);
    EXPECT_EQ(names.error().file(), "l.txt");
  }
  EXPECT_EQ(parse_labels(std::string(kMostLabelBytes + 1, 'a'), "l").error().code(),
            ErrorCode::kTooLarge);
}

TEST(Labels, Background) {
  EXPECT_TRUE(is_background("Background") && is_background("__background__"));
  EXPECT_TRUE(is_background(std::string(3, '?')));
  EXPECT_FALSE(is_background("person") || is_background(""));
}

}  // namespace
}  // namespace pumice
