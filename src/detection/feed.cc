#include "detection/feed.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

namespace pumice {
namespace {

/// One channel instead of three: ITU-R BT.601, as JPEG has it.
std::vector<uint8_t> luminance(const std::vector<uint8_t>& rgb) {
  std::vector<uint8_t> grey(rgb.size() / 3);
  for (size_t i = 0; i < grey.size(); ++i)
    // NOLINTNEXTLINE(bugprone-incorrect-roundings): never negative
    grey[i] = static_cast<uint8_t>(0.299 * rgb[3 * i] + 0.587 * rgb[3 * i + 1] +
                                   0.114 * rgb[3 * i + 2] + 0.5);
  return grey;
}

/// What each pixel value becomes, a table a channel.
using Table = std::array<float, 256>;
std::vector<Table> normalized(const Normalization& n, size_t channels) {
  std::vector<Table> tables(channels);
  for (size_t c = 0; c < channels; ++c) {
    const float mean = n.mean[n.mean.size() == 1 ? 0 : c], std = n.std[n.std.size() == 1 ? 0 : c];
    for (size_t v = 0; v < 256; ++v) tables[c][v] = (static_cast<float>(v) - mean) / std;
  }
  return tables;
}

std::vector<std::byte> floats(const std::vector<uint8_t>& pixels,
                              const std::vector<Table>& tables) {
  std::vector<std::byte> bytes(pixels.size() * sizeof(float));
  for (size_t i = 0; i < pixels.size(); ++i)
    std::memcpy(&bytes[i * sizeof(float)], &tables[i % tables.size()][pixels[i]], sizeof(float));
  return bytes;
}

std::vector<std::byte> quantized(const std::vector<uint8_t>& pixels,
                                 const std::vector<Table>& tables, const Quantization& q,
                                 bool has_sign) {
  const float scale = q.scales[0];
  const auto zero = q.zero_points.empty() ? 0.0f : static_cast<float>(q.zero_points[0]);
  std::vector<std::array<std::byte, 256>> stored(tables.size());
  for (size_t c = 0; c < tables.size(); ++c)
    for (size_t v = 0; v < 256; ++v) {
      const float at = std::round(tables[c][v] / scale) + zero;
      const float kept = std::clamp(at, has_sign ? -128.0f : 0.0f, has_sign ? 127.0f : 255.0f);
      stored[c][v] = static_cast<std::byte>(static_cast<int>(kept));
    }
  std::vector<std::byte> bytes(pixels.size());
  for (size_t i = 0; i < pixels.size(); ++i) bytes[i] = stored[i % stored.size()][pixels[i]];
  return bytes;
}

}  // namespace

Result<Feed> make_feed(const SignatureTensor& input, const Quantization* quantization,
                       const Picture& picture, const std::optional<Normalization>& known,
                       const std::optional<Normalization>& asked) {
  const Shape& shape = input.shape;
  const auto refused = [&] {
    return Error(ErrorCode::kUnsupported, "the model's input is no picture")
        .at(input.name)
        .expected("uint8, int8 or float32 of shape [1,height,width,3] (or 1 channel)")
        .found(std::string(dtype_name(input.dtype)) + " " + to_string(shape));
  };
  const bool is_float = input.dtype == DType::kFloat32, is_int8 = input.dtype == DType::kInt8;
  if (!is_float && !is_int8 && input.dtype != DType::kUInt8) return refused();
  if (!shape.is_rank(4) || (shape[0].known() && shape[0].size() != 1)) return refused();
  if (!shape[3].known() || (shape[3].size() != 3 && shape[3].size() != 1)) return refused();
  const auto channels = static_cast<size_t>(shape[3].size());
  const auto size = [](Dim dim, int of_picture) { return dim.known() ? dim.size() : of_picture; };
  const int64_t height = size(shape[1], picture.height), width = size(shape[2], picture.width);
  if (height < 1 || width < 1 || height > kMostPixels / width) return refused();

  Feed feed;
  feed.how = std::to_string(width) + " x " + std::to_string(height);
  const Picture scaled = resize(picture, static_cast<int>(width), static_cast<int>(height));
  const std::vector<uint8_t> pixels = channels == 1 ? luminance(scaled.rgb) : scaled.rgb;
  const bool has_scale =
      quantization && !quantization->scales.empty() && quantization->scales[0] > 0;
  std::optional<Normalization> normalization = asked;
  if (!normalization && (is_float || (is_int8 && has_scale))) normalization = known;
  if (normalization) PUMICE_CHECK(check_normalization(*normalization, channels));

  std::vector<std::byte> bytes;
  if (is_float) {
    if (!normalization) {
      normalization = Normalization{{127.5f}, {127.5f}};
      feed.warnings.push_back("nothing tells what the float input '" + input.name +
                              "' takes: -1 to 1 is assumed (--normalize 127.5,127.5)");
    }
    bytes = floats(pixels, normalized(*normalization, channels));
  } else if (normalization && has_scale) {
    bytes = quantized(pixels, normalized(*normalization, channels), *quantization, is_int8);
  } else {
    if (normalization) {
      feed.warnings.push_back(
          "the input '" + input.name +
          "' takes whole numbers without a scale: " + "--normalize is not used");
      normalization.reset();
    }
    const uint8_t flip = is_int8 ? 0x80 : 0;  // int8: pixel - 128
    bytes.resize(pixels.size());
    for (size_t i = 0; i < pixels.size(); ++i) bytes[i] = static_cast<std::byte>(pixels[i] ^ flip);
  }
  if (normalization) feed.how += ", " + to_string(*normalization);
  feed.tensor = {input.name, Tensor(input.dtype, {1, height, width, shape[3].size()},
                                    Bytes::own(std::move(bytes)))};
  return feed;
}

}  // namespace pumice
