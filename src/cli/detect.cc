#include "pumice/detect.h"

#include <cmath>
#include <cstdio>

#include "cli/command.h"

namespace pumice::cli {
namespace {

struct Flags {
  std::string model, picture, normalize, score = "none";
  std::vector<float> scales;
  bool no_background = false;
  bool json = false;
  DetectOptions options;
};

int run_detect(Flags& flags) {
  if (!flags.normalize.empty()) {
    auto normalization = parse_normalization(flags.normalize);
    if (!normalization.ok()) return fail(normalization.error());
    flags.options.normalization = std::move(*normalization);
  }
  HeadOptions& heads = flags.options.heads;
  if (!flags.scales.empty()) heads.scales = flags.scales;
  for (float scale : heads.scales)
    if (!(scale > 0) || !std::isfinite(scale))
      return fail(Error(ErrorCode::kUsage, "--scales holds something that is no scale")
                      .expected("four numbers above 0: Y,X,HEIGHT,WIDTH"));
  if (flags.score == "sigmoid") heads.scores = HeadOptions::Scores::kSigmoid;
  if (flags.score == "softmax") heads.scores = HeadOptions::Scores::kSoftmax;
  heads.background = !flags.no_background;
  auto report = detect(flags.model, flags.picture, flags.options);
  if (!report.ok()) return fail(report.error());
  for (const std::string& warning : report->warnings)
    std::fprintf(stderr, "pumice: warning: %s\n", warning.c_str());
  const std::string& text = flags.json ? report->json : report->text;
  std::fwrite(text.data(), 1, text.size(), stdout);
  return 0;
}

}  // namespace

void add_detect(CLI::App& app, Run& run) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("detect", "run a converted detector on a picture");
  command
      ->add_option("MODEL", flags->model,
                   "the .tflite: a whole detector, or raw heads with --anchors")
      ->required();
  command->add_option("IMAGE", flags->picture, "a PNG or JPEG")->required();
  command->add_option("-o,--output", flags->options.drawing_file, "PNG with the boxes drawn");
  command->add_option("--threshold", flags->options.threshold, "lowest score that counts")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command->add_option("--max", flags->options.most, "at most so many detections, the best")
      ->check(CLI::Range(size_t{1}, size_t{100'000}));
  command->add_option("--labels", flags->options.labels_file,
                      "names, one a line (a first line 'background' or '?\?\?' is class 0's), or a "
                      "label_map.pbtxt (default: those in the model)");
  command
      ->add_option("--outputs", flags->options.outputs,
                   "the model's BOXES,CLASSES,SCORES[,COUNT], or a raw model's BOXES,SCORES, where "
                   "pumice cannot tell them")
      ->delimiter(',')
      ->expected(1, 4)
      ->allow_extra_args(false);
  command->add_option("--normalize", flags->normalize,
                      "MEAN,STD: the model gets (pixel - MEAN) / STD; one pair a channel: "
                      "MEAN,STD:MEAN,STD:MEAN,STD (default: as its metadata tell)");
  command->add_option("--anchors", flags->options.heads.anchors_file,
                      "the model has raw heads: their anchors, centre y, centre x, height, width "
                      "(.npy, .npz, text)");
  command
      ->add_option("--scales", flags->scales, "of raw heads: Y,X,HEIGHT,WIDTH (default: 10,10,5,5)")
      ->delimiter(',')
      ->expected(4)
      ->allow_extra_args(false);
  command
      ->add_option("--score", flags->score, "how raw heads become scores: none, sigmoid, softmax")
      ->check(CLI::IsMember({"none", "sigmoid", "softmax"}))
      ->capture_default_str();
  command
      ->add_option("--iou", flags->options.heads.iou_threshold,
                   "of raw heads: boxes of a class that overlap more are one object")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command->add_flag("--no-background", flags->no_background,
                    "of raw heads: column 0 of the scores is a class, not the background");
  add_litert(*command, flags->options.litert, flags->options.threads);
  command->add_flag("--json", flags->json, "print JSON");
  command->footer(
      "A picture is turned upright as its EXIF data tell, scaled (bilinear) to a model of fixed "
      "size, and\n"
      "fed as it is to a model of open size. Boxes are printed in pixels of the picture.\n\n"
      "Examples:\n"
      "  pumice detect person.tflite photo.jpg -o boxes.png\n"
      "  pumice detect person.tflite photo.png --json --threshold 0.3 --labels labels.txt\n"
      "  pumice detect heads.tflite photo.jpg -o boxes.png --anchors anchors.npy --score sigmoid");
  command->callback([flags, &run] { run = [flags] { return run_detect(*flags); }; });
}

}  // namespace pumice::cli
