// JPEG as TensorFlow's decode_jpeg reads it (with dct_method INTEGER_ACCURATE), turned upright.
#include <cstring>
#include <memory>
#include <string_view>
#include <turbojpeg.h>

#include "detection/decode.h"

namespace pumice {
namespace {

/// What the segments before the picture tell.
struct Header {
  int orientation = 1;    // EXIF's, 1 to 8; 1 where there is none, or where it cannot be read
  bool is_adobe = false;  // CMYK is stored inverted
  size_t end = 0;         // where the picture's own bytes begin
};

/// The orientation in an EXIF segment's TIFF structure.
int exif_orientation(std::span<const std::byte> tiff) {
  const bool little = tiff[0] == std::byte{'I'};
  const auto number = [&](size_t from, int count) {
    unsigned value = 0;
    for (int i = 0; i < count; ++i)
      value |= static_cast<unsigned>(tiff[from + static_cast<size_t>(i)])
               << 8 * (little ? i : count - 1 - i);
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

Header read_header(std::span<const std::byte> bytes) {
  Header header;
  bool has_exif = false;
  const auto byte = [&](size_t i) { return static_cast<unsigned>(bytes[i]); };
  const auto begins = [](std::span<const std::byte> segment, std::string_view word) {
    return segment.size() >= word.size() &&
           std::memcmp(segment.data(), word.data(), word.size()) == 0;
  };
  constexpr std::string_view kExif("Exif\0\0", 6);
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
    if (marker == 0xee && begins(segment, "Adobe") && segment.size() >= 12) header.is_adobe = true;
    if (marker == 0xe1 && !has_exif && segment.size() >= 14 && begins(segment, kExif)) {
      has_exif = true;
      header.orientation = exif_orientation(segment.subspan(kExif.size()));
    }
    header.end = at;
  }
  return header;
}

/// The marker of the end stands somewhere from `begin` on; pixels never look like it. Without it
/// the decoder would fill up with grey, and not always say so.
bool has_end(std::span<const std::byte> bytes, size_t begin) {
  for (size_t i = bytes.size(); i-- > begin + 1;)
    if (bytes[i] == std::byte{0xd9} && bytes[i - 1] == std::byte{0xff}) return true;
  return false;
}

/// Four bytes a pixel to three, as TensorFlow does it: without a colour profile.
std::vector<uint8_t> rgb_from_cmyk(const std::vector<uint8_t>& cmyk, bool inverted) {
  std::vector<uint8_t> rgb(cmyk.size() / 4 * 3);
  for (size_t i = 0; i < cmyk.size() / 4; ++i)
    for (size_t c = 0; c < 3; ++c) {
      const int ink = cmyk[4 * i + c], black = cmyk[4 * i + 3];
      rgb[3 * i + c] =
          static_cast<uint8_t>(inverted ? black * ink / 255 : (255 - black) * (255 - ink) / 255);
    }
  return rgb;
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

}  // namespace

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
  if (width < 1 || height < 1)
    return Error(ErrorCode::kTruncated, "the JPEG ends before its picture begins");
  if (!picture_fits(width, height)) return picture_too_large(width, height);
  const Header header = read_header(bytes);
  if (!has_end(bytes, header.end))
    return Error(ErrorCode::kTruncated, "the JPEG ends before its picture does");
  const bool cmyk = colours == TJCS_CMYK || colours == TJCS_YCCK;
  Picture picture{width, height, {}};
  picture.rgb.resize((cmyk ? 4 : 3) * static_cast<size_t>(width) * static_cast<size_t>(height));
  // Harmless oddities are warnings too; a picture that ends early is none of them.
  if (tjDecompress2(jpeg.get(), data, bytes.size(), picture.rgb.data(), width, 0, height,
                    cmyk ? TJPF_CMYK : TJPF_RGB, 0) &&
      (tjGetErrorCode(jpeg.get()) != TJERR_WARNING ||
       std::strstr(tjGetErrorStr2(jpeg.get()), "Premature") != nullptr))
    return broken();
  if (cmyk) picture.rgb = rgb_from_cmyk(picture.rgb, header.is_adobe);
  return upright(std::move(picture), header.orientation);
}

}  // namespace pumice
