#include "pumice/detect.h"

#include <cstdio>

#include "cli/command.h"

namespace pumice::cli {
namespace {

struct Flags {
  std::string model, picture;
  std::vector<float> normalize;
  bool json = false;
  DetectOptions options;
};

int run_detect(Flags& flags) {
  if (flags.normalize.size() == 2) {
    flags.options.mean = flags.normalize[0];
    flags.options.deviation = flags.normalize[1];
  }
  if (!(flags.options.deviation != 0))
    return fail(Error(ErrorCode::kUsage, "--normalize divides by zero"));
  if (!flags.options.outputs.empty() && flags.options.outputs.size() < 3)
    return fail(Error(ErrorCode::kUsage, "--outputs names too few")
                    .expected("BOXES,CLASSES,SCORES or BOXES,CLASSES,SCORES,COUNT"));
  auto report = detect(flags.model, flags.picture, flags.options);
  if (!report.ok()) return fail(report.error());
  const std::string& text = flags.json ? report->json : report->text;
  std::fwrite(text.data(), 1, text.size(), stdout);
  return 0;
}

}  // namespace

void add_detect(CLI::App& app, Run& run) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("detect", "run a converted detector on a picture");
  command->add_option("MODEL", flags->model, "the .tflite: a whole detector")->required();
  command->add_option("IMAGE", flags->picture, "a PNG or JPEG")->required();
  command->add_option("-o,--output", flags->options.drawing_file, "PNG with the boxes drawn");
  command->add_option("--threshold", flags->options.threshold, "lowest score that counts")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command->add_option("--labels", flags->options.labels_file,
                      "names, one a line; a first line 'background' is class 0's");
  command
      ->add_option("--outputs", flags->options.outputs,
                   "the model's BOXES,CLASSES,SCORES[,COUNT], where pumice cannot tell them")
      ->delimiter(',')
      ->expected(1, 4)
      ->allow_extra_args(false);
  command
      ->add_option(
          "--normalize", flags->normalize,
          "MEAN,DEVIATION: a float model gets (pixel - MEAN) / DEVIATION (default: 127.5,127.5)")
      ->delimiter(',')
      ->expected(2)
      ->allow_extra_args(false);
  command->add_option(
      "--litert", flags->options.litert,
      "libLiteRt.so (default: PUMICE_LITERT, .cache/litert, the active environment)");
  command->add_option("--threads", flags->options.threads, "LiteRT's threads")
      ->capture_default_str();
  command->add_flag("--json", flags->json, "print JSON");
  command->footer(
      "A picture is turned upright as its EXIF data tell, scaled (bilinear) to a model of fixed "
      "size, and\n"
      "fed as it is to a model of open size. Boxes are printed in pixels of the picture.\n\n"
      "Examples:\n"
      "  pumice detect person.tflite photo.jpg -o boxes.png\n"
      "  pumice detect person.tflite photo.png --json --threshold 0.3 --labels labels.txt");
  command->callback([flags, &run] { run = [flags] { return run_detect(*flags); }; });
}

}  // namespace pumice::cli
