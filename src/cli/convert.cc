#include <cstdio>
#include <cstdlib>

#include "cli/command.h"
#include "cli/detector_flags.h"
#include "cli/heap.h"

namespace pumice::cli {
namespace {

struct Flags {
  std::string input, output, report, optimizers = "strip", normalize;
  DetectorOptions detector;
  bool allow_custom_ops = false;
  SelectionFlags selection;
  DetectorFlags ends;
  ProgressFlags progress;
};

int run_convert(const Flags& flags) {
  auto selection = flags.selection.selection();
  if (!selection.ok()) return fail(selection.error());
  prepare_heap();
  ConvertOptions options;
  options.leave_memory = true;
  options.selection = std::move(*selection);
  auto policy = policy_from_name(flags.optimizers);
  if (!policy.ok()) return fail(policy.error());
  options.optimizers = *policy;
  options.allow_custom_ops = flags.allow_custom_ops;
  options.detector = flags.detector;
  if (!flags.normalize.empty()) {
    auto normalization = parse_normalization(flags.normalize);
    if (!normalization.ok()) return fail(normalization.error());
    options.detector.normalization = std::move(*normalization);
  }
  auto ends = flags.ends.options();
  if (!ends.ok()) return fail(ends.error());
  options.ends = std::move(*ends);
  Terminal terminal(flags.progress);
  options.observer = &terminal;
  auto report = convert(flags.input, flags.output, options);
  terminal.progress("done", 1);
  if (!report.ok()) return fail(report.error());
  if (!flags.report.empty())
    if (auto status = write_text(flags.report, report->json); !status.ok())
      return fail(status.error());
  if (!flags.progress.quiet && flags.report != "-") std::fputs(report->text.c_str(), stdout);
  std::fflush(nullptr);
  std::_Exit(0);  // as leave_memory promises
}

}  // namespace

void add_convert(CLI::App& app, Run& run) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("convert", "convert a model to TensorFlow Lite");
  command
      ->add_option("INPUT", flags->input,
                   "SavedModel folder, GraphDef (.pb, .pbtxt), checkpoint (.meta), TFJS model")
      ->required();
  command->add_option("-o,--output", flags->output, "the .tflite to write, whole or not at all")
      ->required();
  flags->selection.add(*command);
  command->add_flag("--allow-custom-ops", flags->allow_custom_ops,
                    "an unsupported op becomes a custom op of the same name");
  command->add_option(
      "--labels", flags->detector.labels_file,
      "the classes' names, one a line, or a label_map.pbtxt: written into the model's "
      "metadata");
  command->add_option("--normalize", flags->normalize,
                      "MEAN,STD: the input is (pixel - MEAN) / STD, as its metadata will say; one "
                      "pair a channel: MEAN,STD:MEAN,STD:MEAN,STD");
  command
      ->add_option("--detector-outputs", flags->detector.outputs,
                   "BOXES,CLASSES,SCORES[,COUNT] among the outputs, where pumice cannot tell them")
      ->delimiter(',')
      ->expected(1, 4)
      ->allow_extra_args(false);
  command
      ->add_option("--optimizers", flags->optimizers,
                   "what becomes of the model's optimizers: strip, keep-first, keep-last, unify, "
                   "namespace, or error (exit 5 when something conflicts)")
      ->capture_default_str();
  command->add_option("--report", flags->report,
                      "write the JSON report here (- for standard output)");
  flags->ends.add(*command);
  flags->progress.add(*command);
  command->footer(
      "Examples:\n"
      "  pumice convert saved_model/ -o ssd.tflite\n"
      "  pumice convert saved_model/ -o ssd.tflite --optimizers unify --report report.json\n"
      "  pumice convert ssd.pb -o ssd.tflite --labels coco.txt --normalize 127.5,127.5\n"
      "  pumice convert ssd.pb -o ssd.tflite --postprocess custom-op --preprocess strip\n"
      "  pumice convert heads.pb -o ssd.tflite --output-arrays boxes,scores \\\n"
      "      --postprocess custom-op --anchors anchors.npy --scales 10,10,5,5\n"
      "  pumice convert frozen_inference_graph.pb -o heads.tflite \\\n"
      "      --input-arrays Preprocessor/sub --input-shapes 1,300,300,3 \\\n"
      "      --output-arrays Squeeze,concat_1");
  command->callback([flags, &run] { run = [flags] { return run_convert(*flags); }; });
}

}  // namespace pumice::cli
