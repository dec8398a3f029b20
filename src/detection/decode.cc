// Pictures by their content, and scaled.
#include "detection/decode.h"

#include <algorithm>
#include <cstring>

namespace pumice {

bool picture_fits(int64_t width, int64_t height) {
  return width > 0 && height > 0 && height <= kMostPixels / width;
}

Error picture_too_large(int64_t width, int64_t height) {
  return Error(ErrorCode::kTooLarge, "the picture is too large")
      .expected("at most " + std::to_string(kMostPixels / 1'000'000) + " million pixels")
      .found(std::to_string(width) + " x " + std::to_string(height));
}

Result<Picture> decode_picture(const Bytes& bytes, const std::string& file) {
  constexpr unsigned char kPng[] = {0x89, 'P', 'N', 'G', 0x0d, 0x0a, 0x1a, 0x0a};
  constexpr unsigned char kJpeg[] = {0xff, 0xd8, 0xff};
  auto begins = [&](const auto& magic) {
    return bytes.size() >= sizeof(magic) && std::memcmp(bytes.data(), magic, sizeof(magic)) == 0;
  };
  auto picture =
      begins(kPng) ? decode_png(bytes.view())
      : begins(kJpeg)
          ? decode_jpeg(bytes.view())
          : Result<Picture>(Error(ErrorCode::kUnknownFormat, "this is no picture that pumice reads")
                                .expected("a PNG or a JPEG"));
  if (!picture.ok()) return std::move(picture).error().in(file);
  return picture;
}

Picture resize(const Picture& picture, int width, int height) {
  if (width == picture.width && height == picture.height) return picture;
  Picture scaled{width, height, std::vector<uint8_t>(3 * static_cast<size_t>(width) * height)};
  struct Tap {
    int low, high;
    float part;  // of `high`
  };
  auto taps = [](int from, int to) {
    std::vector<Tap> made;
    for (int i = 0; i < to; ++i) {
      const float at =
          (static_cast<float>(i) + 0.5f) * static_cast<float>(from) / static_cast<float>(to) - 0.5f;
      const float clamped = std::clamp(at, 0.0f, static_cast<float>(from - 1));
      const int low = static_cast<int>(clamped);
      made.push_back({low, std::min(low + 1, from - 1), clamped - static_cast<float>(low)});
    }
    return made;
  };
  const auto columns = taps(picture.width, width), rows = taps(picture.height, height);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < 3; ++c) {
        const Tap &h = columns[x], &v = rows[y];
        auto mix = [](float a, float b, float part) { return a + (b - a) * part; };
        const float upper = mix(picture.at(h.low, v.low)[c], picture.at(h.high, v.low)[c], h.part);
        const float lower =
            mix(picture.at(h.low, v.high)[c], picture.at(h.high, v.high)[c], h.part);
        // NOLINTNEXTLINE(bugprone-incorrect-roundings): never negative
        scaled.at(x, y)[c] = static_cast<uint8_t>(mix(upper, lower, v.part) + 0.5f);
      }
  return scaled;
}

}  // namespace pumice
