#include "detection/draw.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

namespace pumice {
namespace {

struct Colour {
  uint8_t r, g, b;
};

// Told apart from each other and from most pictures; all light enough for black letters.
constexpr Colour kColours[] = {{0xff, 0x5a, 0x4d}, {0x3f, 0xe0, 0x5a}, {0x4f, 0xb4, 0xff},
                               {0xff, 0xd2, 0x2e}, {0xff, 0x7a, 0xe5}, {0x2e, 0xe6, 0xd8},
                               {0xff, 0x9a, 0x2e}, {0xb9, 0xa0, 0xff}};

// Letters of 5 by 7 dots: a row a byte, the leftmost dot in bit 4. Sorted.
constexpr int kDotsWide = 5, kDotsHigh = 7;
struct Glyph {
  char letter;
  uint8_t rows[kDotsHigh];
};
constexpr Glyph kGlyphs[] = {
    {' ', {0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00}},
    {'%', {0x19, 0x1a, 0x02, 0x04, 0x08, 0x0b, 0x13}},
    {'&', {0x0c, 0x12, 0x14, 0x08, 0x15, 0x12, 0x0d}},
    {'\'', {0x04, 0x04, 0x08, 0x00, 0x00, 0x00, 0x00}},
    {'(', {0x02, 0x04, 0x08, 0x08, 0x08, 0x04, 0x02}},
    {')', {0x08, 0x04, 0x02, 0x02, 0x02, 0x04, 0x08}},
    {'+', {0x00, 0x04, 0x04, 0x1f, 0x04, 0x04, 0x00}},
    {',', {0x00, 0x00, 0x00, 0x00, 0x0c, 0x04, 0x08}},
    {'-', {0x00, 0x00, 0x00, 0x0e, 0x00, 0x00, 0x00}},
    {'.', {0x00, 0x00, 0x00, 0x00, 0x00, 0x0c, 0x0c}},
    {'/', {0x01, 0x02, 0x02, 0x04, 0x08, 0x08, 0x10}},
    {'0', {0x0e, 0x11, 0x13, 0x15, 0x19, 0x11, 0x0e}},
    {'1', {0x04, 0x0c, 0x04, 0x04, 0x04, 0x04, 0x0e}},
    {'2', {0x0e, 0x11, 0x01, 0x06, 0x08, 0x10, 0x1f}},
    {'3', {0x0e, 0x11, 0x01, 0x06, 0x01, 0x11, 0x0e}},
    {'4', {0x02, 0x06, 0x0a, 0x12, 0x1f, 0x02, 0x02}},
    {'5', {0x1f, 0x10, 0x1e, 0x01, 0x01, 0x11, 0x0e}},
    {'6', {0x0e, 0x10, 0x10, 0x1e, 0x11, 0x11, 0x0e}},
    {'7', {0x1f, 0x01, 0x02, 0x02, 0x04, 0x04, 0x04}},
    {'8', {0x0e, 0x11, 0x11, 0x0e, 0x11, 0x11, 0x0e}},
    {'9', {0x0e, 0x11, 0x11, 0x0f, 0x01, 0x01, 0x0e}},
    {':', {0x00, 0x0c, 0x0c, 0x00, 0x0c, 0x0c, 0x00}},
    {'?', {0x0e, 0x11, 0x01, 0x02, 0x04, 0x00, 0x04}},
    {'A', {0x0e, 0x11, 0x11, 0x1f, 0x11, 0x11, 0x11}},
    {'B', {0x1e, 0x11, 0x11, 0x1e, 0x11, 0x11, 0x1e}},
    {'C', {0x0e, 0x11, 0x10, 0x10, 0x10, 0x11, 0x0e}},
    {'D', {0x1e, 0x11, 0x11, 0x11, 0x11, 0x11, 0x1e}},
    {'E', {0x1f, 0x10, 0x10, 0x1e, 0x10, 0x10, 0x1f}},
    {'F', {0x1f, 0x10, 0x10, 0x1e, 0x10, 0x10, 0x10}},
    {'G', {0x0e, 0x11, 0x10, 0x17, 0x11, 0x11, 0x0e}},
    {'H', {0x11, 0x11, 0x11, 0x1f, 0x11, 0x11, 0x11}},
    {'I', {0x0e, 0x04, 0x04, 0x04, 0x04, 0x04, 0x0e}},
    {'J', {0x07, 0x02, 0x02, 0x02, 0x02, 0x12, 0x0c}},
    {'K', {0x11, 0x12, 0x14, 0x18, 0x14, 0x12, 0x11}},
    {'L', {0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x1f}},
    {'M', {0x11, 0x1b, 0x15, 0x15, 0x11, 0x11, 0x11}},
    {'N', {0x11, 0x19, 0x15, 0x15, 0x13, 0x11, 0x11}},
    {'O', {0x0e, 0x11, 0x11, 0x11, 0x11, 0x11, 0x0e}},
    {'P', {0x1e, 0x11, 0x11, 0x1e, 0x10, 0x10, 0x10}},
    {'Q', {0x0e, 0x11, 0x11, 0x11, 0x15, 0x12, 0x0d}},
    {'R', {0x1e, 0x11, 0x11, 0x1e, 0x14, 0x12, 0x11}},
    {'S', {0x0f, 0x10, 0x10, 0x0e, 0x01, 0x01, 0x1e}},
    {'T', {0x1f, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04}},
    {'U', {0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x0e}},
    {'V', {0x11, 0x11, 0x11, 0x11, 0x0a, 0x0a, 0x04}},
    {'W', {0x11, 0x11, 0x11, 0x15, 0x15, 0x1b, 0x11}},
    {'X', {0x11, 0x11, 0x0a, 0x04, 0x0a, 0x11, 0x11}},
    {'Y', {0x11, 0x11, 0x0a, 0x04, 0x04, 0x04, 0x04}},
    {'Z', {0x1f, 0x01, 0x02, 0x04, 0x08, 0x10, 0x1f}},
    {'_', {0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x1f}},
};

/// Small letters are drawn as capitals; what has no glyph as '?'.
const Glyph& glyph(char letter) {
  if (letter >= 'a' && letter <= 'z') letter = static_cast<char>(letter - 'a' + 'A');
  auto less = [](const Glyph& g, char c) { return g.letter < c; };
  auto find = [&](char c) {
    return std::lower_bound(std::begin(kGlyphs), std::end(kGlyphs), c, less);
  };
  auto it = find(letter);
  return it != std::end(kGlyphs) && it->letter == letter ? *it : *find('?');
}

/// From (x0, y0) to before (x1, y1); what lies outside the picture is left out.
void fill(Picture& picture, int x0, int y0, int x1, int y1, Colour colour) {
  x0 = std::max(x0, 0), y0 = std::max(y0, 0);
  x1 = std::min(x1, picture.width), y1 = std::min(y1, picture.height);
  for (int y = y0; y < y1; ++y)
    for (int x = x0; x < x1; ++x) {
      uint8_t* pixel = picture.at(x, y);
      pixel[0] = colour.r, pixel[1] = colour.g, pixel[2] = colour.b;
    }
}

void write(Picture& picture, int x, int y, int dot, const std::string& text) {
  for (char letter : text) {
    const Glyph& g = glyph(letter);
    for (int row = 0; row < kDotsHigh; ++row)
      for (int column = 0; column < kDotsWide; ++column)
        if (g.rows[row] >> (kDotsWide - 1 - column) & 1)
          fill(picture, x + column * dot, y + row * dot, x + (column + 1) * dot,
               y + (row + 1) * dot, {0, 0, 0});
    x += (kDotsWide + 1) * dot;
  }
}

int pixel(float part, int size) {
  return static_cast<int>(std::lround(std::clamp(part, 0.0f, 1.0f) * static_cast<float>(size)));
}

/// A label as it can be drawn, a byte a letter: UTF-8's accents are left out, other letters are
/// '?'.
std::string drawable(const std::string& text) {
  // U+00C0 to U+017F.
  static constexpr char kLatin[] =
      "AAAAAAACEEEEIIIIDNOOOOOxOUUUUYTsaaaaaaaceeeeiiiidnooooo?ouuuuyty"
      "AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIiJjJjKkkLlLlLlLlLlNnNnNnnNnOoOoOoOoRrRrRrSs"
      "SsSs"
      "SsTtTtTtUuUuUuUuUuUuWwYyYZzZzZzs";
  std::string letters;
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i++]);
    if (lead < 0x80) {
      letters += static_cast<char>(lead);
      continue;
    }
    unsigned code = lead >= 0xf0 ? lead & 7u : lead >= 0xe0 ? lead & 15u : lead & 31u;
    for (; i < text.size() && (static_cast<unsigned char>(text[i]) & 0xc0) == 0x80; ++i)
      code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3fu);
    letters += code >= 0xc0 && code - 0xc0 < sizeof(kLatin) - 1 ? kLatin[code - 0xc0] : '?';
  }
  return letters;
}

struct Box {
  int left, top, right, bottom;
  bool meets(const Box& o) const {
    return left < o.right && o.left < right && top < o.bottom && o.top < bottom;
  }
};

/// What stands on a detection's label, and where.
struct Label {
  std::string text;
  Box place{0, 0, 0, 0};
};

/// The name, shortened to what the picture has room for, and the score; empty where even the score
/// is too wide.
std::string label_text(const Detection& d, size_t most) {
  std::string score = std::to_string(std::lround(d.score * 100)) + "%";
  std::string name = drawable(d.name.empty() ? "label " + std::to_string(d.label) : d.name);
  if (score.size() > most) return "";
  constexpr size_t kLeast = 2;  // of a name's letters
  if (most < score.size() + 1 + std::min(kLeast, name.size())) return score;
  name.resize(std::min(name.size(), most - score.size() - 1));
  return name + " " + score;
}

/// Above the box, else within it, below it or at its lower edge: the first place that no better
/// detection's label has (only the best few hundred are asked).
Box place(const Box& box, int wide, int high, const Picture& picture,
          const std::vector<Label>& taken) {
  const int x = std::max(0, std::min(box.left, picture.width - wide));
  std::optional<Box> first;
  for (int y : {box.top - high, box.top, box.bottom, box.bottom - high}) {
    if (y < 0 || y + high > picture.height) continue;
    const Box at{x, y, x + wide, y + high};
    if (!first) first = at;
    constexpr size_t kAsked = 300;
    const auto end = taken.begin() + static_cast<std::ptrdiff_t>(std::min(kAsked, taken.size()));
    if (std::none_of(taken.begin(), end, [&](const Label& other) { return at.meets(other.place); }))
      return at;
  }
  const int y = std::max(0, std::min(box.top, picture.height - high));
  return first.value_or(Box{x, y, x + wide, y + high});
}

}  // namespace

void draw(Picture& picture, const std::vector<Detection>& detections) {
  const int smaller = std::min(picture.width, picture.height);
  const int line = smaller < 100 ? 1 : std::max(2, smaller / 160), dot = std::max(1, smaller / 220);
  const int letter = (kDotsWide + 1) * dot, high = (kDotsHigh + 4) * dot;
  const auto colour = [](const Detection& d) {
    return kColours[static_cast<uint64_t>(d.label) % std::size(kColours)];
  };
  std::vector<Box> boxes;
  std::vector<Label> labels;
  for (const Detection& d : detections) {
    boxes.push_back({pixel(d.left, picture.width), pixel(d.top, picture.height),
                     pixel(d.right, picture.width), pixel(d.bottom, picture.height)});
    const auto room = static_cast<size_t>(std::max(0, (picture.width - 3 * dot) / letter));
    Label label{label_text(d, room)};
    const int wide = static_cast<int>(label.text.size()) * letter + 3 * dot;
    if (high > picture.height) label.text.clear();
    if (!label.text.empty()) label.place = place(boxes.back(), wide, high, picture, labels);
    labels.push_back(std::move(label));
  }
  for (size_t i = detections.size(); i-- > 0;) {
    const auto& [left, top, right, bottom] = boxes[i];
    const Colour c = colour(detections[i]);
    fill(picture, left, top, right, top + line, c);
    fill(picture, left, bottom - line, right, bottom, c);
    fill(picture, left, top, left + line, bottom, c);
    fill(picture, right - line, top, right, bottom, c);
  }
  for (size_t i = detections.size(); i-- > 0;) {
    const Label& label = labels[i];
    if (label.text.empty()) continue;
    const Box& at = label.place;
    fill(picture, at.left, at.top, at.right, at.bottom, colour(detections[i]));
    write(picture, at.left + 2 * dot, at.top + 2 * dot, dot, label.text);
  }
}

}  // namespace pumice
