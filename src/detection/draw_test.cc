#include "detection/draw.h"

#include <gtest/gtest.h>

namespace pumice {
namespace {

Picture grey(int width, int height) {
  return {width, height,
          std::vector<uint8_t>(3 * static_cast<size_t>(width) * static_cast<size_t>(height), 99)};
}

bool changed(const Picture& p, int x, int y) { return p.at(x, y)[0] != 99 || p.at(x, y)[1] != 99; }

TEST(Draw, OutlinesABox) {
  Picture p = grey(200, 100);
  draw(p, {{0.5f, 0.25f, 0.9f, 0.75f, 0.9f, 1, "cat"}});
  EXPECT_TRUE(changed(p, 50, 70) && changed(p, 149, 70) && changed(p, 100, 50) &&
              changed(p, 100, 89));
  EXPECT_FALSE(changed(p, 100, 70) || changed(p, 49, 70) || changed(p, 150, 70) ||
               changed(p, 100, 90));
  EXPECT_TRUE(changed(p, 51, 41));  // the label above
}

TEST(Draw, TakesAnyPictureAndAnyBox) {
  const std::vector<Detection> wild = {{-5, -5, 5, 5, 1, 7, "caf\xc3\xa9"},
                                       {0.9f, 0.9f, 0.1f, 0.1f, 0.5f, -3, ""},
                                       {0.5f, 0.5f, 0.5f, 0.5f, 0, 1, std::string(3000, 'x')},
                                       {0, 0, 0.01f, 0.01f, 0.3f, 2, "\xff\xe2\x82"}};
  for (const auto& [w, h] : {std::pair{1, 1}, {1, 300}, {300, 1}, {8, 8}, {64, 64}, {2000, 30}}) {
    Picture p = grey(w, h);
    draw(p, wild);
    EXPECT_EQ(p.rgb.size(), 3u * static_cast<size_t>(w) * static_cast<size_t>(h));
  }
}

TEST(Draw, LabelsKeepOffOneAnother) {
  // The same box twice: one label above it, the other within.
  Picture one = grey(300, 300), two = grey(300, 300);
  const Detection d{0.5f, 0.2f, 0.9f, 0.8f, 0.9f, 1, "cat"};
  draw(one, {d});
  draw(two, {d, d});
  EXPECT_FALSE(changed(one, 70, 155));
  EXPECT_TRUE(changed(one, 70, 145) && changed(two, 70, 145) && changed(two, 70, 155));
}

}  // namespace
}  // namespace pumice
