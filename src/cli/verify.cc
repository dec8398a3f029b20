#include "pumice/verify.h"

#include <cstdio>

#include "cli/command.h"
#include "cli/detector_flags.h"

namespace pumice::cli {
namespace {

struct Flags {
  std::string source, model;
  bool json = false;
  SelectionFlags selection;
  DetectorFlags heads;
  ProgressFlags progress;
  VerifyOptions options;
};

int run_verify(Flags& flags) {
  auto selection = flags.selection.selection();
  if (!selection.ok()) return fail(selection.error());
  flags.options.selection = std::move(*selection);
  auto ends = flags.heads.options();
  if (!ends.ok()) return fail(ends.error());
  flags.options.ends = std::move(*ends);
  Terminal terminal(flags.progress);
  flags.options.observer = &terminal;
  auto report = verify(flags.source, flags.model, flags.options);
  terminal.progress("done", 1);
  if (!report.ok()) return fail(report.error());
  const std::string& text = flags.json ? report->json : report->text;
  if (!flags.progress.quiet || flags.json) std::fwrite(text.data(), 1, text.size(), stdout);
  if (report->not_compared) return fail(*report->not_compared);
  return report->agrees ? 0 : exit_status(ErrorCode::kDifference);
}

}  // namespace

void add_verify(CLI::App& app, Run& run) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command =
      app.add_subcommand("verify", "run source and converted model on the same input and compare");
  command->add_option("SRC", flags->source, "what the model was converted from")->required();
  command->add_option("OUT", flags->model, "the .tflite")->required();
  flags->selection.add(*command);
  command
      ->add_option("--tolerance", flags->options.tolerance,
                   "largest difference allowed, as a part of the reference's largest magnitude")
      ->capture_default_str();
  command->add_option("--inputs", flags->options.inputs_file, ".npz with one array per input");
  command->add_option("--seed", flags->options.seed, "seed of made-up inputs")
      ->capture_default_str();
  command
      ->add_option("--batch", flags->options.batch, "what unknown sizes of made-up inputs become")
      ->capture_default_str();
  command->add_option("--save", flags->options.save_file,
                      "write reference/NAME and runtime/NAME arrays to this .npz");
  add_litert(*command, flags->options.litert, flags->options.threads);
  command->add_flag("--json", flags->json, "print JSON");
  flags->heads.add_heads(*command);
  flags->progress.add(*command);
  command->footer(
      "A model of --postprocess custom-op is compared by its detections: the source's are brought "
      "into the\n"
      "operator's form. Of raw heads that convert gave the operator (--anchors), name the same "
      "flags here.\n\n"
      "Examples:\n"
      "  pumice verify saved_model/ ssd.tflite\n"
      "  pumice verify frozen.pb heads.tflite --inputs picture.npz --tolerance 1e-3\n"
      "  pumice verify heads.pb ssd.tflite --output-arrays boxes,scores --anchors anchors.npy");
  command->callback([flags, &run] { run = [flags] { return run_verify(*flags); }; });
}

}  // namespace pumice::cli
