#include "pumice/optimizers.h"

#include <cstdio>

#include "cli/command.h"

namespace pumice::cli {
namespace {

struct Flags {
  std::string input, output, policy = "strip", explain;
  TagsFlag tags;
  bool json = false, fix = false;
};

int run_optimizers(const Flags& flags) {
  if (!flags.explain.empty()) {
    auto page = explain_conflict(flags.explain);
    if (!page.ok()) return fail(page.error());
    std::fputs(page->c_str(), stdout);
    return 0;
  }
  if (flags.input.empty())
    return fail(
        Error(ErrorCode::kUsage, "INPUT is missing").hint("Run `pumice optimizers --help`"));
  auto policy = policy_from_name(flags.policy);
  if (!policy.ok()) return fail(policy.error());
  if (flags.fix != !flags.output.empty())
    return fail(Error(ErrorCode::kUsage,
                      flags.fix ? "--fix needs to know where to write" : "-o goes with --fix")
                    .hint("pumice optimizers INPUT --fix --policy POLICY -o OUT"));
  auto report = flags.fix ? fix_optimizers(flags.input, flags.output, {flags.tags.list(), *policy})
                          : analyze_optimizers(flags.input, {flags.tags.list(), *policy});
  if (!report.ok()) return fail(report.error());
  const std::string& text = flags.json ? report->json : report->text;
  std::fwrite(text.data(), 1, text.size(), stdout);
  return 0;
}

}  // namespace

void add_optimizers(CLI::App& app, Run& run) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command =
      app.add_subcommand("optimizers", "find the optimizers in a model, and what conflicts");
  command->add_option(
      "INPUT", flags->input,
      "SavedModel folder, GraphDef, checkpoint (.meta, .index), .keras, .h5, TFJS model");
  command
      ->add_option("--policy", flags->policy,
                   "what becomes of them: strip, keep-first, keep-last, unify, namespace, "
                   "error (exit 5 when something conflicts)")
      ->capture_default_str();
  command->add_flag(
      "--fix", flags->fix,
      "write a clean source to OUT: the same model with the optimizers that the policy "
      "leaves, for Keras or TensorFlow to load and train on");
  command->add_option("-o,--output", flags->output, "where --fix writes; whole or not at all");
  flags->tags.add(*command);
  command->add_flag("--json", flags->json, "print JSON");
  command->add_option("--explain", flags->explain,
                      "print the page on a kind of conflict: duplicate, hyperparameters, override, "
                      "merged, slot_collision, orphan_slots, generation, kinds");
  command->footer(
      "Examples:\n"
      "  pumice optimizers saved_model/\n"
      "  pumice optimizers model.keras --policy unify --json\n"
      "  pumice optimizers saved_model/ --fix --policy strip -o clean/\n"
      "  pumice optimizers model.keras --fix --policy keep-first -o trains_on.keras\n"
      "  pumice optimizers --explain merged");
  command->callback([flags, &run] { run = [flags] { return run_optimizers(*flags); }; });
}

}  // namespace pumice::cli
