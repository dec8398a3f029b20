// The command line: one file a verb; each adds its subcommand to the parser.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "pumice/convert.h"
#include "pumice/error.h"

namespace pumice::cli {

/// Runs a verb; returns the exit status.
using Run = std::function<int()>;

/// Each declares its options on a new subcommand and sets `run` when that subcommand was given.
void add_convert(CLI::App& app, Run& run);
void add_inspect(CLI::App& app, Run& run);
void add_verify(CLI::App& app, Run& run);
void add_detect(CLI::App& app, Run& run);
void add_doctor(CLI::App& app, Run& run);
void add_ops(CLI::App& app, Run& run);
void add_optimizers(CLI::App& app, Run& run);

/// Prints "pumice: …" to standard error and gives the exit status.
int fail(const Error& error);

/// --tags.
struct TagsFlag {
  std::string tags = "serve";
  void add(CLI::App& command);
  std::vector<std::string> list() const;
};

/// --quiet and --progress.
struct ProgressFlags {
  std::string mode = "auto";
  bool quiet = false;
  void add(CLI::App& command);
};

/// --litert and --threads.
void add_litert(CLI::App& command, std::string& library, int& threads);

/// --tags, --signature, --input-arrays, --output-arrays, --input-shapes.
struct SelectionFlags {
  TagsFlag tags;
  std::string input_arrays, output_arrays, input_shapes;
  std::vector<std::string> signatures;
  void add(CLI::App& command);
  Result<Selection> selection() const;
};

/// "127.5,127.5", or one pair a channel: "123.7,58.4:116.8,57.1:103.9,57.4". `text` may not be empty.
Result<Normalization> parse_normalization(const std::string& text);

/// Standard output or a file ("-" is standard output).
Status write_text(const std::string& path, const std::string& text);

/// A progress bar on a terminal, lines elsewhere if asked for, and warnings on standard error.
class Terminal : public Observer {
 public:
  explicit Terminal(const ProgressFlags& flags);
  ~Terminal() override;
  void progress(const std::string& stage, double fraction) override;
  void warning(const Warning& warning) override;

 private:
  void clear();
  bool bar_ = false, lines_ = false, quiet_ = false, drawn_ = false;
};

}  // namespace pumice::cli
