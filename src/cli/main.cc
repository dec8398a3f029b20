#include <cstdio>

#include "cli/command.h"
#include "pumice/version.h"

int main(int argc, char** argv) {
  using namespace pumice::cli;
  CLI::App app{
      "pumice converts TensorFlow and Keras object detectors to TensorFlow Lite, without "
      "TensorFlow "
      "and without Python.",
      "pumice"};
  app.set_version_flag("--version", std::string("pumice ") + pumice::version());
  app.require_subcommand(1);
  app.footer(
      "Exit status: 0 done, 1 a fault of pumice, 2 usage, 3 the input cannot be read, 4 something "
      "is\n"
      "not supported, 5 optimizers conflict, 6 verification found a difference, 7 the output "
      "cannot\n"
      "be written. `pumice VERB --help` shows a verb's options with examples.");
  Run run;
  add_convert(app, run);
  add_inspect(app, run);
  add_verify(app, run);
  add_detect(app, run);
  add_optimizers(app, run);
  add_doctor(app, run);
  add_ops(app, run);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {  // --help, --version
    return app.exit(asked);
  } catch (const CLI::ParseError& wrong) {
    std::fprintf(stderr, "pumice: %s. Run `pumice --help`\n", wrong.what());
    return 2;
  }
  return run ? run() : 2;
}
