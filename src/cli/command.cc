#include "cli/command.h"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <unistd.h>

namespace pumice::cli {
namespace {

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  if (text.empty()) return parts;
  size_t start = 0;
  for (size_t at; (at = text.find(separator, start)) != std::string::npos; start = at + 1)
    parts.push_back(text.substr(start, at - start));
  parts.push_back(text.substr(start));
  return parts;
}

Result<InputShape> parse_shape(const std::string& text) {
  InputShape shape;
  if (text == "?") return InputShape{false, {}};
  for (const std::string& part : split(text, ',')) {
    int64_t size = 0;
    auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), size);
    if (error != std::errc() || end != part.data() + part.size() || size < -1)
      return Error(ErrorCode::kUsage, "--input-shapes holds something that is no size")
          .expected("sizes like 1,300,300,3 (-1 for unknown), ':' between shapes")
          .found("'" + part + "'");
    shape.sizes.push_back(size);
  }
  return shape;
}

}  // namespace

int fail(const Error& error) {
  std::fprintf(stderr, "pumice: %s\n", error.text().c_str());
  return exit_status(error.code());
}

void TagsFlag::add(CLI::App& command) {
  command.add_option("--tags", tags, "SavedModel tags, comma-separated")->capture_default_str();
}

std::vector<std::string> TagsFlag::list() const { return split(tags, ','); }

void ProgressFlags::add(CLI::App& command) {
  command.add_flag("--quiet", quiet, "print nothing but errors");
  command.add_option("--progress", mode, "progress on standard error; auto: on a terminal")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->capture_default_str();
}

void add_litert(CLI::App& command, std::string& library, int& threads) {
  command.add_option(
      "--litert", library,
      "libLiteRt.so (default: PUMICE_LITERT, .cache/litert, the active environment)");
  command.add_option("--threads", threads, "LiteRT's threads")->capture_default_str();
}

void SelectionFlags::add(CLI::App& command) {
  tags.add(command);
  command.add_option("--signature", signatures, "signature to take; repeatable (default: all)")
      ->allow_extra_args(false);
  command.add_option("--input-arrays", input_arrays,
                     "tensors that become the inputs, comma-separated; cuts the graph there");
  command.add_option("--output-arrays", output_arrays, "tensors that become the outputs");
  command.add_option(
      "--input-shapes", input_shapes,
      "one per input, ':' between them: 1,300,300,3:1,2; -1 leaves a size unknown, an "
      "empty shape is a scalar, ? leaves the rank unknown");
}

Result<Selection> SelectionFlags::selection() const {
  Selection selection;
  selection.tags = tags.list();
  selection.signatures = signatures;
  selection.input_arrays = split(input_arrays, ',');
  selection.output_arrays = split(output_arrays, ',');
  if (!input_shapes.empty())
    for (const std::string& text : split(input_shapes, ':')) {
      PUMICE_TRY(InputShape shape, parse_shape(text));
      selection.input_shapes.push_back(std::move(shape));
    }
  return selection;
}

Result<Normalization> parse_normalization(const std::string& text) {
  Normalization n;
  for (const std::string& pair : split(text, ':')) {
    float values[2];
    const std::vector<std::string> parts = split(pair, ',');
    bool numbers = parts.size() == 2;
    for (size_t i = 0; numbers && i < 2; ++i) {
      char* end = nullptr;
      values[i] = std::strtof(parts[i].c_str(), &end);
      numbers = !parts[i].empty() && *end == '\0' && std::isfinite(values[i]);
    }
    if (!numbers || values[1] == 0)
      return Error(ErrorCode::kUsage, "--normalize makes no sense")
          .expected("MEAN,STD or one pair a channel, ':' between them; STD is not 0")
          .found("'" + pair + "'");
    n.mean.push_back(values[0]);
    n.std.push_back(values[1]);
  }
  return n;
}

Status write_text(const std::string& path, const std::string& text) {
  if (path == "-") {
    std::fwrite(text.data(), 1, text.size(), stdout);
    return {};
  }
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
  file.close();
  if (!file) return Error(ErrorCode::kUnwritable, "the file cannot be written").in(path);
  return {};
}

Terminal::Terminal(const ProgressFlags& flags) : quiet_(flags.quiet) {
  bool terminal = isatty(STDERR_FILENO) != 0;
  bar_ = !quiet_ && terminal && flags.mode != "never";
  lines_ = !quiet_ && !terminal && flags.mode == "always";
}

Terminal::~Terminal() { clear(); }

void Terminal::clear() {
  if (drawn_) std::fprintf(stderr, "\r\033[K");
  drawn_ = false;
}

void Terminal::progress(const std::string& stage, double fraction) {
  if (lines_) std::fprintf(stderr, "%3.0f%% %s\n", fraction * 100, stage.c_str());
  if (!bar_) return;
  if (fraction >= 1) return clear();
  constexpr int kWidth = 30;
  int full = static_cast<int>(fraction * kWidth);
  std::fprintf(stderr, "\r\033[K[%.*s%*s] %3.0f%% %s", full, "##############################",
               kWidth - full, "", fraction * 100, stage.c_str());
  std::fflush(stderr);
  drawn_ = true;
}

void Terminal::warning(const Warning& warning) {
  if (quiet_) return;
  clear();
  std::fprintf(stderr, "pumice: warning: %s%s\n",
               warning.node.empty() ? "" : ("node '" + warning.node + "': ").c_str(),
               warning.message.c_str());
}

}  // namespace pumice::cli
