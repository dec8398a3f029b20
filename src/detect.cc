#include "pumice/detect.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "detection/detections.h"
#include "detection/draw.h"
#include "detection/picture.h"
#include "formats/file.h"
#include "runtime/runtime.h"
#include "tflite/reader.h"

namespace pumice {
namespace {

/// One name a line. A first line that stands for the background ("background", "???") has number 0
/// of labels that begin at 1; it is left out where labels begin at 0.
Result<std::vector<std::string>> read_labels(const std::string& path) {
  PUMICE_TRY(Bytes bytes, map_file(path));
  if (bytes.size() > 1 << 20)
    return Error(ErrorCode::kTooLarge, "the label file is larger than 1 MB").in(path);
  std::vector<std::string> names(1);
  for (char c : as_text(bytes.view())) {
    if (c == '\n')
      names.emplace_back();
    else if (c != '\r')
      names.back() += c;
  }
  if (names.back().empty()) names.pop_back();
  return names;
}

void name_them(std::vector<Detection>& detections, const std::vector<std::string>& names,
               bool zero_based) {
  if (names.empty()) return;
  const bool background = names[0] == "background" || names[0] == "???";
  const int64_t shift = (background ? 1 : 0) - (zero_based ? 0 : 1);
  for (Detection& d : detections)
    if (int64_t line = d.label + shift; line >= 0 && line < static_cast<int64_t>(names.size()))
      d.name = names[static_cast<size_t>(line)];
}

/// The picture as the model's one input wants it; says in `how` what was done.
Result<NamedTensor> make_input(const SignatureTensor& input, const Picture& picture,
                               const DetectOptions& options, std::string& how) {
  auto refused = [&](const std::string& found) {
    return Error(ErrorCode::kUnsupported, "the model's input is no picture")
        .at(input.name)
        .expected("uint8, int8 or float32 of shape [1,height,width,3]")
        .found(found);
  };
  const Shape& shape = input.shape;
  const std::string found = std::string(dtype_name(input.dtype)) + " " + to_string(shape);
  if (!shape.is_rank(4)) return refused(found);
  if ((shape[0].known() && shape[0].size() != 1) || !shape[3].known() || shape[3].size() != 3)
    return refused(found);
  auto size = [](Dim dim, int of_picture) { return dim.known() ? dim.size() : of_picture; };
  const int64_t height = size(shape[1], picture.height), width = size(shape[2], picture.width);
  if (height < 1 || width < 1 || height > kMostPixels / width) return refused(found);
  const Picture scaled = resize(picture, static_cast<int>(width), static_cast<int>(height));
  how = std::to_string(width) + " x " + std::to_string(height);

  const Dims dims = {1, height, width, 3};
  const size_t elements = scaled.rgb.size();
  std::vector<std::byte> bytes;
  if (input.dtype == DType::kFloat32) {
    bytes.resize(elements * sizeof(float));
    for (size_t i = 0; i < elements; ++i) {
      const float value = (static_cast<float>(scaled.rgb[i]) - options.mean) / options.deviation;
      std::memcpy(&bytes[i * sizeof(float)], &value, sizeof(float));
    }
    char text[64];
    std::snprintf(text, sizeof(text), ", (pixel - %g) / %g", static_cast<double>(options.mean),
                  static_cast<double>(options.deviation));
    how += text;
  } else if (input.dtype == DType::kUInt8 || input.dtype == DType::kInt8) {
    const uint8_t flip = input.dtype == DType::kInt8 ? 0x80 : 0;  // int8: pixel - 128
    bytes.resize(elements);
    for (size_t i = 0; i < elements; ++i) bytes[i] = static_cast<std::byte>(scaled.rgb[i] ^ flip);
  } else {
    return refused(found);
  }
  return NamedTensor{input.name, Tensor(input.dtype, dims, Bytes::own(std::move(bytes)))};
}

struct Corners {
  long left, top, right, bottom;  // pixels
};

Corners corners(const Detection& d, const DetectReport& report) {
  auto at = [](float part, int size) {
    return std::lround(std::clamp(part, 0.0f, 1.0f) * static_cast<float>(size));
  };
  return {at(d.left, report.width), at(d.top, report.height), at(d.right, report.width),
          at(d.bottom, report.height)};
}

std::string label(const Detection& d) {
  return d.name.empty() ? "label " + std::to_string(d.label) : d.name;
}

std::string table(const DetectReport& report) {
  if (report.detections.empty()) return "no detections\n";
  size_t wide = 5;
  for (const Detection& d : report.detections) wide = std::max(wide, label(d).size());
  auto padded = [&](std::string text) {
    return text.append(wide - std::min(wide, text.size()), ' ');
  };
  std::string text = padded("label") + "  score   left    top  right  bottom\n";
  for (const Detection& d : report.detections) {
    const Corners c = corners(d, report);
    char line[96];
    std::snprintf(line, sizeof(line), "  %.3f  %5ld  %5ld  %5ld  %6ld\n",
                  static_cast<double>(d.score), c.left, c.top, c.right, c.bottom);
    text += padded(label(d)) + line;
  }
  return text;
}

}  // namespace

Result<DetectReport> detect(const std::string& model_path, const std::string& picture_path,
                            const DetectOptions& options) {
  std::vector<std::string> names;
  if (!options.labels_file.empty()) {
    PUMICE_TRY(names, read_labels(options.labels_file));
  }
  PUMICE_TRY(Bytes model_bytes, map_file(model_path));
  PUMICE_TRY(TfliteFile tflite, read_tflite(model_bytes, model_path));
  if (tflite.model.signatures.empty() || tflite.model.signatures[0].inputs.size() != 1)
    return Error(ErrorCode::kUnsupported, "the model takes no single picture").in(model_path);
  PUMICE_TRY(Bytes picture_bytes, map_file(picture_path));
  PUMICE_TRY(Picture picture, decode_picture(picture_bytes, picture_path));

  const Signature& signature = tflite.model.signatures[0];
  std::string how;
  auto input = make_input(signature.inputs[0], picture, options, how);
  if (!input.ok()) return std::move(input).error().in(model_path);
  auto outputs =
      run_isolated(options.litert, model_path, signature.key, {*input}, {options.threads, 0});
  if (!outputs.ok()) return std::move(outputs).error().in(model_path);
  auto roles = find_roles(*outputs, options.outputs);
  if (!roles.ok()) return std::move(roles).error().in(model_path);

  DetectReport report;
  report.width = picture.width;
  report.height = picture.height;
  report.detections = read_detections(*outputs, *roles, options.threshold);
  name_them(report.detections, names, roles->zero_based);
  report.text = picture_path + ": " + std::to_string(picture.width) + " x " +
                std::to_string(picture.height) + ", fed as " + how + "\n" + table(report);
  nlohmann::json found = nlohmann::json::array();
  for (const Detection& d : report.detections) {
    const Corners c = corners(d, report);
    found.push_back(
        {{"label", d.label},
         {"name", d.name.empty() ? nlohmann::json() : nlohmann::json(d.name)},
         {"score", d.score},
         {"box", {{"left", c.left}, {"top", c.top}, {"right", c.right}, {"bottom", c.bottom}}}});
  }
  report.json =
      nlohmann::json{
          {"model", model_path},
          {"picture",
           {{"file", picture_path}, {"width", picture.width}, {"height", picture.height}}},
          {"fed_as", how},
          {"threshold", options.threshold},
          {"detections", std::move(found)}}
          .dump(2, ' ', false, nlohmann::json::error_handler_t::replace) +
      "\n";
  if (!options.drawing_file.empty()) {
    draw(picture, report.detections);
    PUMICE_CHECK(write_png(picture, options.drawing_file));
  }
  return report;
}

}  // namespace pumice
