#include <algorithm>
#include <cstring>
#include <memory>
#include <png.h>
#include <turbojpeg.h>

#include "detection/picture.h"

namespace pumice {
namespace {

Error too_large(int64_t width, int64_t height) {
  return Error(ErrorCode::kTooLarge, "the picture is too large")
      .expected("at most " + std::to_string(kMostPixels / 1'000'000) + " million pixels")
      .found(std::to_string(width) + " x " + std::to_string(height));
}

bool fits(int64_t width, int64_t height) {
  return width > 0 && height > 0 && height <= kMostPixels / width;
}

Result<Picture> decode_png(std::span<const std::byte> bytes) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  std::unique_ptr<png_image, void (*)(png_image*)> guard(&image, png_image_free);
  auto broken = [&] {
    return Error(ErrorCode::kMalformed, std::string("the PNG is broken: ") + image.message);
  };
  if (!png_image_begin_read_from_memory(&image, bytes.data(), bytes.size())) return broken();
  if (!fits(image.width, image.height)) return too_large(image.width, image.height);
  // With alpha asked for, libpng leaves the colours as they are; then it is dropped in place.
  image.format = PNG_FORMAT_RGBA;
  Picture picture{static_cast<int>(image.width), static_cast<int>(image.height), {}};
  const size_t pixels = static_cast<size_t>(image.width) * image.height;
  picture.rgb.resize(4 * pixels);
  if (!png_image_finish_read(&image, nullptr, picture.rgb.data(), 0, nullptr)) return broken();
  for (size_t i = 0; i < pixels; ++i) std::memmove(&picture.rgb[3 * i], &picture.rgb[4 * i], 3);
  picture.rgb.resize(3 * pixels);
  return picture;
}

/// EXIF's orientation, 1 to 8; 1 where there is none, or where it cannot be read.
int orientation(std::span<const std::byte> bytes) {
  auto byte = [&](size_t i) { return static_cast<unsigned>(bytes[i]); };
  for (size_t at = 2; at + 4 <= bytes.size() && byte(at) == 0xff;) {
    const unsigned marker = byte(at + 1);
    if (marker == 0xff) {  // fill
      ++at;
      continue;
    }
    if (marker == 0xda || marker == 0xd9) break;  // the picture begins, or ends
    const size_t size = byte(at + 2) << 8 | byte(at + 3);
    if (size < 2 || bytes.size() - at - 2 < size) break;
    const auto segment = bytes.subspan(at + 4, size - 2);
    at += 2 + size;
    if (marker != 0xe1 || segment.size() < 14 || std::memcmp(segment.data(), "Exif\0\0", 6) != 0)
      continue;
    const auto tiff = segment.subspan(6);
    const bool little = tiff[0] == std::byte{'I'};
    auto number = [&](size_t from, int count) {
      unsigned value = 0;
      for (int i = 0; i < count; ++i)
        value |= static_cast<unsigned>(tiff[from + i]) << 8 * (little ? i : count - 1 - i);
      return value;
    };
    const size_t directory = number(4, 4);
    if (directory > tiff.size() || tiff.size() - directory < 2) return 1;
    const size_t entries = number(directory, 2);
    for (size_t i = 0; i < entries; ++i) {
      const size_t entry = directory + 2 + 12 * i;
      if (tiff.size() < entry + 12) return 1;
      if (number(entry, 2) != 0x0112) continue;  // Orientation, a short
      const unsigned value = number(entry + 8, 2);
      return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
    }
    return 1;
  }
  return 1;
}

/// From the way it is stored to the way it is to be seen.
Picture upright(Picture stored, int orientation) {
  if (orientation == 1) return stored;
  const bool turned = orientation >= 5;
  const int w = stored.width, h = stored.height;
  Picture seen{turned ? h : w, turned ? w : h, std::vector<uint8_t>(stored.rgb.size())};
  for (int y = 0; y < seen.height; ++y)
    for (int x = 0; x < seen.width; ++x) {
      int from_x = turned ? y : x, from_y = turned ? x : y;
      if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8)
        from_x = w - 1 - from_x;
      if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7)
        from_y = h - 1 - from_y;
      std::memcpy(seen.at(x, y), stored.at(from_x, from_y), 3);
    }
  return seen;
}

Result<Picture> decode_jpeg(std::span<const std::byte> bytes) {
  std::unique_ptr<void, int (*)(tjhandle)> jpeg(tjInitDecompress(), tjDestroy);
  if (!jpeg) return Error(ErrorCode::kTooLarge, "there is no memory for a JPEG decoder");
  auto broken = [&] {
    std::string why = tjGetErrorStr2(jpeg.get());
    return Error(
        why.find("Premature") != std::string::npos ? ErrorCode::kTruncated : ErrorCode::kMalformed,
        "the JPEG is broken: " + why);
  };
  auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  int width = 0, height = 0, subsampling = 0, colours = 0;
  if (tjDecompressHeader3(jpeg.get(), data, bytes.size(), &width, &height, &subsampling, &colours))
    return broken();
  if (!fits(width, height)) return too_large(width, height);
  if (colours == TJCS_CMYK || colours == TJCS_YCCK)
    return Error(ErrorCode::kUnsupported, "the JPEG is in CMYK").hint("Convert it to RGB first");
  Picture picture{width, height, {}};
  picture.rgb.resize(3 * static_cast<size_t>(width) * height);
  // Harmless oddities are warnings too; a picture that ends early is none of them.
  if (tjDecompress2(jpeg.get(), data, bytes.size(), picture.rgb.data(), width, 0, height, TJPF_RGB,
                    0) &&
      (tjGetErrorCode(jpeg.get()) != TJERR_WARNING ||
       std::strstr(tjGetErrorStr2(jpeg.get()), "Premature") != nullptr))
    return broken();
  return upright(std::move(picture), orientation(bytes));
}

}  // namespace

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
        scaled.at(x, y)[c] = static_cast<uint8_t>(mix(upper, lower, v.part) + 0.5f);
      }
  return scaled;
}

}  // namespace pumice
