#include "pumice/inspect.h"

#include <cstdio>

#include "cli/command.h"

namespace pumice::cli {
namespace {

struct Flags {
  std::string input;
  TagsFlag tags;
  bool json = false;
};

int run_inspect(const Flags& flags) {
  auto report = inspect(flags.input, {flags.tags.list()});
  if (!report.ok()) return fail(report.error());
  const std::string& text = flags.json ? report->json : report->text;
  std::fwrite(text.data(), 1, text.size(), stdout);
  return 0;
}

}  // namespace

void add_inspect(CLI::App& app, Run& run) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("inspect", "say what is in a model file");
  command->add_option("INPUT", flags->input, "any model that pumice reads, .tflite too")
      ->required();
  flags->tags.add(*command);
  command->add_flag("--json", flags->json, "print JSON");
  command->footer("Examples:\n  pumice inspect saved_model/\n  pumice inspect --json ssd.tflite");
  command->callback([flags, &run] { run = [flags] { return run_inspect(*flags); }; });
}

}  // namespace pumice::cli
