#include "pumice/ops.h"

#include <cstdio>
#include <string>

#include "cli/command.h"

namespace pumice::cli {

void add_ops(CLI::App& app, Run& run) {
  auto json = std::make_shared<bool>(false);
  CLI::App* command = app.add_subcommand("ops", "list the TensorFlow ops that pumice knows");
  command->add_flag("--json", *json, "as JSON");
  command->footer("Examples:\n  pumice ops | grep Resize\n  pumice ops --json");
  command->callback([json, &run] {
    run = [json] {
      std::string text = *json ? ops_json() : ops_text();
      std::fwrite(text.data(), 1, text.size(), stdout);
      return 0;
    };
  });
}

}  // namespace pumice::cli
