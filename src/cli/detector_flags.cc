#include "cli/detector_flags.h"

#include <charconv>

namespace pumice::cli {
namespace {

constexpr char kGroup[] = "Detectors";

Result<std::vector<float>> parse_scales(const std::string& text) {
  std::vector<float> scales;
  const char *at = text.data(), *end = at + text.size();
  for (;;) {
    float value = 0;
    auto [next, error] = std::from_chars(at, end, value);
    const bool more = error == std::errc() && next != end;
    if (error != std::errc() || (more && *next != ',') || !(value > 0)) break;
    scales.push_back(value);
    if (!more) {
      if (scales.size() == 4) return scales;
      break;
    }
    at = next + 1;
  }
  return Error(ErrorCode::kUsage, "--scales")
      .expected("four positive numbers y,x,h,w: 10,10,5,5")
      .found("'" + text + "'");
}

}  // namespace

void DetectorFlags::add(CLI::App& command) {
  command
      .add_option(
          "--postprocess", post_process,
          "builtin: as the graph spells it; custom-op: LiteRT's TFLite_Detection_PostProcess, "
          "recognized in "
          "the graph (or added, with --anchors); none: cut off, the raw heads are the outputs")
      ->check(CLI::IsMember({"builtin", "custom-op", "none"}))
      ->capture_default_str()
      ->group(kGroup);
  command
      .add_option("--preprocess", pre_process,
                  "keep: the model takes pictures; strip: resizing and normalization move out, the "
                  "model takes "
                  "float [1,height,width,3]")
      ->check(CLI::IsMember({"keep", "strip"}))
      ->capture_default_str()
      ->group(kGroup);
  add_heads(command);
}

void DetectorFlags::add_heads(CLI::App& command) {
  command
      .add_option(
          "--anchors", anchors,
          "adds the operator to raw heads: anchors ycenter,xcenter,h,w as .npy, .npz or text")
      ->group(kGroup);
  command
      .add_option("--scales", scales,
                  "with --anchors: what y,x,h,w of the encodings are divided by (10,10,5,5)")
      ->group(kGroup);
  command.add_option("--score-threshold", score_threshold, "with --anchors: lowest score (1e-8)")
      ->group(kGroup);
  command
      .add_option("--iou-threshold", iou_threshold,
                  "with --anchors: largest overlap of two detections (0.6)")
      ->group(kGroup);
  command
      .add_option("--max-detections", max_detections, "with --anchors: how many detections (100)")
      ->group(kGroup);
  command
      .add_option(
          "--num-classes", num_classes,
          "with --anchors: classes without the background (the class output's columns less one)")
      ->group(kGroup);
  command
      .add_option("--score-conversion", score_conversion,
                  "with --anchors: sigmoid, softmax or none; without it, the graph must end in one "
                  "of the former")
      ->check(CLI::IsMember({"sigmoid", "softmax", "none"}))
      ->group(kGroup);
  command
      .add_option("--nms", nms, "with --anchors: per-class (the default), or one for all classes")
      ->check(CLI::IsMember({"per-class", "one"}))
      ->group(kGroup);
}

Result<DetectorEnds> DetectorFlags::options() const {
  DetectorEnds options;
  options.post_process = post_process == "custom-op" ? PostProcess::kCustomOp
                         : post_process == "none"    ? PostProcess::kNone
                                                     : PostProcess::kBuiltin;
  options.pre_process = pre_process == "strip" ? PreProcess::kStrip : PreProcess::kKeep;
  options.anchors_file = anchors;
  if (!scales.empty()) {
    PUMICE_TRY(options.scales, parse_scales(scales));
  }
  options.score_threshold = score_threshold;
  options.iou_threshold = iou_threshold;
  options.max_detections = max_detections;
  options.num_classes = num_classes;
  if (!score_conversion.empty())
    options.score_conversion = score_conversion == "sigmoid"   ? ScoreConversion::kSigmoid
                               : score_conversion == "softmax" ? ScoreConversion::kSoftmax
                                                               : ScoreConversion::kNone;
  if (!nms.empty()) options.one_nms = nms == "one";
  return options;
}

}  // namespace pumice::cli
