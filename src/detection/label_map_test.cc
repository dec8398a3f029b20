#include "detection/label_map.h"

#include <gtest/gtest.h>

#include "detection/labels.h"

namespace pumice {
namespace {

using Names = std::vector<std::string>;

Names names(const std::string& text) {
  const auto labels = parse_labels(text, "map");
  EXPECT_TRUE(labels.ok()) << labels.error().text();
  if (!labels.ok()) return {};
  EXPECT_TRUE(labels->by_id);
  return labels->lines;
}

TEST(LabelMap, IdsCountFromOneAndGapsAreFilled) {
  EXPECT_EQ(names("item { id: 1 name: 'person' }\nitem { id: 4 name: \"dog\" }"),
            (Names{kNoObject, "person", kNoObject, kNoObject, "dog"}));
  EXPECT_EQ(names("item{name:'b' id:2}item{name:'a' id:1}"), (Names{kNoObject, "a", "b"}));
  EXPECT_EQ(names("item { id: 0 name: 'background' } item { id: 1 name: 'a' }"),
            (Names{"background", "a"}));
}

TEST(LabelMap, DisplayNamesArePreferred) {
  EXPECT_EQ(names("item {\n  name: \"/m/01g317\"\n  id: 1\n  display_name: \"person\"\n}\n"),
            (Names{kNoObject, "person"}));
  EXPECT_EQ(names("item { name: 'cat' id: 1 display_name: '' }"), (Names{kNoObject, "cat"}));
  EXPECT_EQ(names("item { id: 1 display_name: 'dog' }"), (Names{kNoObject, "dog"}));
}

TEST(LabelMap, WhatElseItemsHoldIsSkipped) {
  EXPECT_EQ(names("# people\n\nitem: <\n id: 1; name: 'a' 'b', # two literals\n"
                  " keypoints { id: 0 label: 'nose' } keypoints: { id: 1 label: 'eye' }\n"
                  " frequency: FREQUENT instance_count: 3 ancestor_ids: ['/m/1', '/m/2']\n"
                  " new_field { id: 7 name: 'x' }\n>\nversion: 2\n"),
            (Names{kNoObject, "ab"}));
  EXPECT_EQ(names("version: 2\nitem: [ { id: 1 name: 'a' }, { id: 2 name: 'b' } ]"),
            (Names{kNoObject, "a", "b"}));
  EXPECT_EQ(names("\xef\xbb\xbfitem\r\n{\r\n\tid: 1\r\n\tname: '\\303\\251t\xc3\xa9'\r\n}\r\n"),
            (Names{kNoObject, "\xc3\xa9t\xc3\xa9"}));
}

TEST(LabelMap, PlainLinesAreNone) {
  for (const char* text :
       {"item\nother\n", "items {\n", "an item { id: 1 }\n", "item [1]\n", "item"})
    EXPECT_FALSE(is_label_map(text)) << text;
  EXPECT_FALSE(parse_labels("item\nthing\n", "l")->by_id);
}

TEST(LabelMap, WhatIsWrongIsNamed) {
  const std::string long_name(kMostLabelBytes - 200'000, 'a');
  const struct {
    std::string text;
    ErrorCode code;
    const char* words;
  } cases[] = {
      {"item { id: 1 name: 'a' } item { id: 1 name: 'b' }", ErrorCode::kMalformed,
       "item 2 (id 1) of the label map has the id of another one; found 'a' and 'b'"},
      {"item { id: -3 name: 'a' }", ErrorCode::kMalformed, "negative id"},
      {"item { id: 100001 name: 'a' }", ErrorCode::kTooLarge, "found 100001"},
      {"item { id: 2147483647 name: 'a' }", ErrorCode::kTooLarge, "found 2147483647"},
      {"item { id: 99999999999999999999 name: 'a' }", ErrorCode::kMalformed, "line 1, column "},
      {"item { id: 1 }", ErrorCode::kMalformed, "item 1 (id 1) of the label map has no name"},
      {"item { id: 1 name: ' ' }", ErrorCode::kMalformed, "no name"},
      {"item { name: 'a' }", ErrorCode::kMalformed, "item 1 of the label map has no id"},
      {"item { id: 1 id: 2 name: 'a' }", ErrorCode::kMalformed, "states a field twice"},
      {"item { id: 1 name: 'a\\nb' }", ErrorCode::kMalformed, "no line of text"},
      {"item { id: 1 name: '\\377' }", ErrorCode::kMalformed, "no line of text"},
      {"item { id: 0 name: 'person' }", ErrorCode::kMalformed, "id 0 for the background"},
      {"item { id: 0 name: 'background' }", ErrorCode::kMalformed, "names no object"},
      {"item { id: one name: 'a' }", ErrorCode::kMalformed, "an integer was expected"},
      {"item { id: 1 name: 'a' }\nperson\n", ErrorCode::kTruncated, "':' was expected"},
      {"item { id: 1 name: 'a'", ErrorCode::kTruncated, "ends inside a message"},
      {"item { id: 100000 name: '" + long_name + "' } item { id: 1 name: '" +
           std::string(100, 'b') + "' }",
       ErrorCode::kTooLarge, "more than 1 MB"},
  };
  for (const auto& c : cases) {
    const auto labels = parse_labels(c.text, "map.pbtxt");
    ASSERT_FALSE(labels.ok()) << c.words;
    EXPECT_EQ(labels.error().code(), c.code) << labels.error().text();
    EXPECT_EQ(labels.error().file(), "map.pbtxt");
    EXPECT_NE(labels.error().text().find(c.words), std::string::npos) << labels.error().text();
  }
}

TEST(LabelMap, ColumnsOfRawHeads) {
  const Labels map{{kNoObject, "a", "b"}, true}, list{{"a", "b"}, false};
  EXPECT_EQ(*labels_of_columns(map, 3), map.lines);
  EXPECT_EQ(*labels_of_columns(map, 2), list.lines);
  EXPECT_EQ(*labels_of_columns(list, 3), map.lines);
  EXPECT_EQ(*labels_of_columns(list, 2), list.lines);
  EXPECT_FALSE(labels_of_columns(map, 4) || labels_of_columns(map, 1));
  EXPECT_FALSE(labels_of_columns({{kNoObject, "a", "b"}, false}, 2) || labels_of_columns(list, 1));
}

}  // namespace
}  // namespace pumice
