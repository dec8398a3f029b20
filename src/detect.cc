#include "pumice/detect.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <span>

#include <nlohmann/json.hpp>

#include "detection/anchors.h"
#include "detection/class_count.h"
#include "detection/draw.h"
#include "detection/feed.h"
#include "detection/labels.h"
#include "detection/metadata.h"
#include "detection/picture.h"
#include "detection/raw_heads.h"
#include "formats/file.h"
#include "runtime/runtime.h"
#include "tflite/reader.h"

namespace pumice {
namespace {

/// What the model's own metadata tell; nothing where it has none.
Result<KnownDetector> read_metadata(const TfliteFile& tflite, const Bytes& bytes,
                                    const std::string& path) {
  const auto it = tflite.model.metadata.find(std::string(kModelMetadataEntry));
  if (it == tflite.model.metadata.end()) return KnownDetector();
  PUMICE_TRY(const ModelMetadata metadata,
             parse_metadata(std::as_bytes(std::span(it->second)), path));
  return read_known_detector(metadata, bytes, path);
}

/// Labels by value: line i names the value i.
struct Names {
  std::vector<std::string> lines;
  int64_t shift = 0;  // added to a value

  void give(std::vector<Detection>& detections) const {
    for (Detection& d : detections)
      if (int64_t line = d.label + shift; line >= 0 && line < static_cast<int64_t>(lines.size()))
        d.name = lines[static_cast<size_t>(line)];
  }
};

/// A line for the background has the number 0 of labels that begin at 1; it stands for nothing
/// where labels begin at 0.
Names names_from_file(Labels labels, bool zero_based) {
  const bool background = !labels.empty() && is_background(labels.lines[0]);
  return {std::move(labels.lines), (background ? 1 : 0) - (zero_based ? 0 : 1)};
}

/// Quantized values become numbers: scale * (stored - zero point).
void dequantize(std::vector<NamedTensor>& outputs, const Signature& signature, const Graph& graph) {
  for (NamedTensor& output : outputs)
    for (size_t i = 0; i < signature.outputs.size(); ++i) {
      const Quantization* q = graph.output(i)->quantization.get();
      const DType dtype = output.tensor.dtype();
      if (signature.outputs[i].name != output.name || !q || q->scales.size() != 1) continue;
      if (dtype != DType::kInt8 && dtype != DType::kUInt8 && dtype != DType::kInt16) continue;
      const double zero = q->zero_points.empty() ? 0 : static_cast<double>(q->zero_points[0]);
      std::vector<float> values;
      for (int64_t k = 0; k < output.tensor.elements(); ++k)
        values.push_back(static_cast<float>((output.tensor.number_at(k) - zero) * q->scales[0]));
      output.tensor = Tensor::of(DType::kFloat32, output.tensor.dims(), values);
    }
}

struct Found {
  std::vector<Detection> detections;
  Names names;
};

/// Detections of a model that ends in non-max suppression. Outputs are told by the caller, by a
/// convention's names, by the operator that gives them, by the metadata, or by shapes and values.
Result<Found> read_whole_detector(const std::vector<NamedTensor>& outputs,
                                  const Signature& signature, const Graph& graph,
                                  const KnownDetector& known, const DetectOptions& options,
                                  Labels labels) {
  std::vector<std::string> all, order = options.outputs;
  for (const NamedTensor& output : outputs) all.push_back(output.name);
  const OutputRoles operators = roles_by_operator(graph);
  const bool by_metadata = order.empty() && roles_by_convention(all).boxes < 0 &&
                           operators.boxes < 0 && known.roles.has_value();
  if (order.empty() && roles_by_convention(all).boxes < 0 &&
      (operators.boxes >= 0 || by_metadata)) {
    const OutputRoles& told = operators.boxes >= 0 ? operators : *known.roles;
    for (int role : {told.boxes, told.classes, told.scores, told.count})
      if (role >= 0 && role < static_cast<int>(signature.outputs.size()))
        order.push_back(signature.outputs[static_cast<size_t>(role)].name);
  }
  PUMICE_TRY(OutputRoles roles, find_roles(outputs, order));
  if (by_metadata) roles.zero_based = known.labels.empty() || !is_background(known.labels[0]);
  const NamedTensor& classes = outputs[static_cast<size_t>(roles.classes)];
  if (operators.boxes >= 0 &&
      signature.outputs[static_cast<size_t>(operators.classes)].name == classes.name)
    roles.zero_based = true;
  Found found;
  found.detections = read_detections(outputs, roles, options.threshold);
  found.names = labels.empty() ? Names{known.labels, 0}
                               : names_from_file(std::move(labels), roles.zero_based);
  return found;
}

/// Detections of raw heads.
Result<Found> read_heads(const std::vector<NamedTensor>& outputs, const KnownDetector& known,
                         const DetectOptions& options, Labels labels,
                         const std::string& labels_file) {
  std::vector<HeadShape> shapes;
  for (const NamedTensor& o : outputs)
    shapes.push_back({o.name, o.tensor.dtype(), Shape(o.tensor.dims())});
  if (!options.outputs.empty() && options.outputs.size() != 2)
    return Error(ErrorCode::kUsage, "these are not the names of raw heads")
        .expected("--outputs BOXES,SCORES");
  PUMICE_TRY(const Heads heads, find_heads(shapes, options.outputs));
  const NamedTensor &boxes = outputs[heads.boxes], &scores = outputs[heads.scores];
  const int64_t rows = boxes.tensor.elements() / 4;
  const int64_t columns = scores.tensor.elements() / rows;
  PUMICE_TRY(const Tensor anchors, read_anchors(options.heads.anchors_file, rows));

  HeadOptions how = options.heads;
  how.most = std::max(how.most, options.most);
  how.background = how.background && columns > 1;
  if (labels.empty()) labels.lines = known.labels;
  std::vector<std::string> lines;
  if (!labels.empty()) {
    auto fitting = labels_of_columns(labels, columns);
    if (!fitting)
      return Error(ErrorCode::kUsage, "the labels do not fit the model's classes")
          .in(labels_file)
          .expected(std::to_string(columns) + " lines, or " + std::to_string(columns - 1) +
                    " without the background")
          .found(std::to_string(labels.lines.size()) +
                 (labels.by_id ? " (an id each, from 0 on)" : ""));
    lines = std::move(*fitting);
    how.background = columns > 1 && is_background(lines[0]);
  }
  Found found;
  PUMICE_TRY(found.detections, detect_by_heads(boxes, scores, anchors, how, options.threshold));
  found.names = {std::move(lines), 0};
  return found;
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

/// Letters, not bytes.
size_t width(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string table(const DetectReport& report) {
  if (report.detections.empty()) return "no detections\n";
  size_t wide = 5;
  for (const Detection& d : report.detections) wide = std::max(wide, width(label(d)));
  auto padded = [&](std::string text) {
    return text.append(wide - std::min(wide, width(text)), ' ');
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

void write_report(DetectReport& report, const std::string& model_path,
                  const std::string& picture_path, const std::string& how, float threshold) {
  report.text = picture_path + ": " + std::to_string(report.width) + " x " +
                std::to_string(report.height) + ", fed as " + how + "\n" + table(report);
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
          {"picture", {{"file", picture_path}, {"width", report.width}, {"height", report.height}}},
          {"fed_as", how},
          {"threshold", threshold},
          {"warnings", report.warnings},
          {"detections", std::move(found)}}
          .dump(2, ' ', false, nlohmann::json::error_handler_t::replace) +
      "\n";
}

}  // namespace

Result<DetectReport> detect(const std::string& model_path, const std::string& picture_path,
                            const DetectOptions& options) {
  Labels labels;
  if (!options.labels_file.empty()) {
    PUMICE_TRY(labels, read_labels(options.labels_file));
  }
  PUMICE_TRY(Bytes model_bytes, map_file(model_path));
  PUMICE_TRY(TfliteFile tflite, read_tflite(model_bytes, model_path));
  if (tflite.model.signatures.empty() || tflite.model.signatures[0].inputs.size() != 1)
    return Error(ErrorCode::kUnsupported, "the model takes no single picture").in(model_path);
  PUMICE_TRY(const KnownDetector known, read_metadata(tflite, model_bytes, model_path));
  PUMICE_TRY(Bytes picture_bytes, map_file(picture_path));
  PUMICE_TRY(Picture picture, decode_picture(picture_bytes, picture_path));

  const Signature& signature = tflite.model.signatures[0];
  const Graph& graph = *tflite.model.find(signature.graph);
  auto feed = make_feed(signature.inputs[0], graph.inputs()[0]->quantization.get(), picture,
                        known.normalization, options.normalization);
  if (!feed.ok()) return std::move(feed).error().in(model_path);
  auto outputs =
      run_isolated(options.litert, model_path, signature.key, {feed->tensor}, {options.threads, 0});
  if (!outputs.ok()) return std::move(outputs).error().in(model_path);
  dequantize(*outputs, signature, graph);

  const bool heads = !options.heads.anchors_file.empty();
  const std::string& labels_file = options.labels_file.empty() ? model_path : options.labels_file;
  auto found =
      heads ? read_heads(*outputs, known, options, std::move(labels), labels_file)
            : read_whole_detector(*outputs, signature, graph, known, options, std::move(labels));
  if (!found.ok()) return std::move(found).error().in(model_path);

  DetectReport report;
  report.width = picture.width;
  report.height = picture.height;
  report.warnings = feed->warnings;
  report.detections = std::move(found->detections);
  if (options.most > 0 && report.detections.size() > options.most)
    report.detections.resize(options.most);
  found->names.give(report.detections);
  write_report(report, model_path, picture_path, feed->how, options.threshold);
  if (!options.drawing_file.empty()) {
    draw(picture, report.detections);
    PUMICE_CHECK(write_png(picture, options.drawing_file));
  }
  return report;
}

}  // namespace pumice
