#include "doctor/record.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace pumice {
namespace {

// The longest real list has 25,000 lines (TensorFlow with headers).
constexpr size_t kFilesOfOne = 200'000;
constexpr size_t kRequirements = 1000;
constexpr size_t kFieldBytes = 200;  // of a name or a version

bool starts_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

/// Neither leads out of its root nor has an embedded zero.
bool is_plain_path(std::string_view path) {
  return path.find("..") == std::string_view::npos && path.find('\0') == std::string_view::npos;
}

/// Takes one CSV field off `line` (up to a comma). False where a quote does not close.
bool take_field(std::string_view& line, std::string_view* field,
                std::deque<std::string>& unquoted) {
  if (line.empty() || line[0] != '"') {
    const size_t comma = line.find(',');
    *field = line.substr(0, comma);
    line.remove_prefix(comma == std::string_view::npos ? line.size() : comma + 1);
    return true;
  }
  std::string text;
  for (size_t i = 1; i < line.size(); ++i) {
    if (line[i] != '"') {
      text += line[i];
    } else if (i + 1 < line.size() && line[i + 1] == '"') {
      text += line[i++];
    } else {
      if (i + 1 < line.size() && line[i + 1] != ',') return false;
      line.remove_prefix(std::min(line.size(), i + 2));
      unquoted.push_back(std::move(text));
      *field = unquoted.back();
      return true;
    }
  }
  return false;
}

}  // namespace

std::string_view next_line(std::string_view& text) {
  const size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

size_t package_of(std::string_view path) {
  for (size_t i = 0; i < kPackages.size(); ++i) {
    if (path.size() > kPackages[i].size() && path[kPackages[i].size()] == '/' &&
        starts_with(path, kPackages[i]))
      return i;
  }
  return kPackages.size();
}

bool lists_a_package(std::string_view text, std::string_view prefix) {
  for (std::string_view package : kPackages) {
    std::string wanted = "\n" + std::string(prefix) + std::string(package) + "/__init__.py";
    if (starts_with(text, std::string_view(wanted).substr(1)) ||
        memmem(text.data(), text.size(), wanted.data(), wanted.size()) != nullptr)
      return true;
  }
  return false;
}

bool read_record(std::string_view text, Distribution& distribution, std::string* what) {
  size_t number = 0, taken = 0, broken = 0, first_broken = 0;
  while (!text.empty()) {
    std::string_view line = next_line(text);
    ++number;
    if (line.empty()) continue;
    // Most lines are of other packages.
    if (package_of(line.substr(line[0] == '"' ? 1 : 0)) == kPackages.size()) continue;
    if (++taken > kFilesOfOne) {
      *what = "lists more than " + std::to_string(kFilesOfOne) + " files; the rest was not read";
      return false;
    }
    OwnedFile file;
    std::string_view hash, size;
    if (!take_field(line, &file.path, distribution.unquoted) ||
        !take_field(line, &hash, distribution.unquoted) ||
        !take_field(line, &size, distribution.unquoted)) {
      if (broken++ == 0) first_broken = number;
      continue;
    }
    const size_t package = package_of(file.path);
    if (package == kPackages.size() || !is_plain_path(file.path)) continue;
    if (starts_with(hash, "sha256=")) file.digest = hash.substr(7);
    while (!file.digest.empty() && file.digest.back() == '=') file.digest.remove_suffix(1);
    if (!size.empty()) {
      auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), file.size);
      if (error != std::errc() || end != size.data() + size.size() || file.size < 0) {
        file.size = -1;
        if (broken++ == 0) first_broken = number;
      }
    }
    distribution.files[package].push_back(file);
  }
  if (broken == 0) return true;
  *what = "line " + std::to_string(first_broken) + " is broken (" + std::to_string(broken) +
          " in all); the others were read";
  return false;
}

void read_installed_files(std::string_view text, Distribution& distribution) {
  for (size_t count = 0; !text.empty() && count < kFilesOfOne; ++count) {
    std::string_view line = next_line(text);
    if (!starts_with(line, "../")) continue;
    line.remove_prefix(3);
    if (!is_plain_path(line)) continue;
    const size_t package = package_of(line);
    if (package < kPackages.size()) distribution.files[package].push_back({line, {}, -1});
  }
}

bool read_metadata(std::string_view text, Distribution& distribution) {
  std::string name, version;
  while (!text.empty()) {
    const std::string_view line = next_line(text);
    if (line.empty()) break;  // the description begins
    const size_t colon = line.find(": ");
    if (colon == std::string_view::npos) continue;
    const std::string_view key = line.substr(0, colon), value = line.substr(colon + 2);
    if (key == "Name") name = value.substr(0, kFieldBytes);
    if (key == "Version") version = value.substr(0, kFieldBytes);
    if (key == "Requires-Dist" && distribution.requirements.size() < kRequirements)
      distribution.requirements.push_back(parse_requirement(value));
  }
  const bool complete = !name.empty() && !version.empty();
  if (!name.empty()) distribution.name = std::move(name);
  if (!version.empty()) distribution.version = std::move(version);
  distribution.normalized = normalized_name(distribution.name);
  distribution.parsed = parse_version(distribution.version);
  return complete;
}

}  // namespace pumice
