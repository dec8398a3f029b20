#include "pumice/doctor.h"

#include <cstdio>

#include "cli/command.h"
#include "pumice/optimizers.h"

namespace pumice::cli {
namespace {

struct Flags {
  std::string input, python_env;
  TagsFlag tags;
  bool json = false;
};

int run_doctor(const Flags& flags) {
  auto report = examine_environment({flags.python_env});
  if (!report.ok()) return fail(report.error());
  // Both reports, or the error of the model alone: half an answer would pass for the whole.
  std::string text = flags.json ? "{\n\"environment\": " + report->json : report->text;
  size_t conflicts = 0;
  if (!flags.input.empty()) {
    OptimizersOptions options;
    options.tags = flags.tags.list();
    auto model = analyze_optimizers(flags.input, options);
    if (!model.ok()) return fail(model.error());
    conflicts = model->conflicts;
    text += flags.json ? ",\n\"optimizers\": " + model->json
                       : "\nModel " + flags.input + "\n" + model->text;
  }
  if (flags.json) text += "}\n";
  std::fwrite(text.data(), 1, text.size(), stdout);
  return report->problems + conflicts > 0 ? exit_status(ErrorCode::kOptimizerConflict) : 0;
}

}  // namespace

void add_doctor(CLI::App& app, Run& run) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("doctor",
                                         "say why Python raises \"Duplicate registrations for type "
                                         "'experimentalOptimizer'\", and what "
                                         "cures it; reads files only, starts no Python");
  command->add_option("INPUT", flags->input, "a model whose optimizers are reported, too");
  flags->tags.add(*command);
  command->add_option("--python-env", flags->python_env,
                      "the environment's folder, or its site-packages (default: the active one)");
  command->add_flag("--json", flags->json, "print JSON");
  command->footer(
      "Exit status: 0 healthy, 5 something is wrong (with INPUT: or its optimizers conflict),\n"
      "3 the environment or INPUT cannot be read.\n"
      "Examples:\n  pumice doctor\n  pumice doctor saved_model/\n  pumice doctor --python-env "
      ".venv --json");
  command->callback([flags, &run] { run = [flags] { return run_doctor(*flags); }; });
}

}  // namespace pumice::cli
