#include "doctor/distributions.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "formats/file.h"

namespace pumice {
namespace {

// Limits against hostile or broken trees. The largest real ones: 25,000 lines and 3 MB (TensorFlow
// with headers), 100 KB of metadata, some thousand distributions.
constexpr size_t kRecordBytes = 64 << 20;
constexpr size_t kFilesOfOne = 200'000;
constexpr size_t kHeaderBytes = 256 << 10;
constexpr size_t kDistributions = 20'000;
constexpr size_t kRelevant = 200;
constexpr size_t kWarnings = 50;

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

bool starts_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

std::string_view next_line(std::string_view& text) {
  const size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

/// Index in kPackages of the package that a path lies in; kPackages.size() for others.
size_t package_of(std::string_view path) {
  for (size_t i = 0; i < kPackages.size(); ++i) {
    if (path.size() > kPackages[i].size() && path[kPackages[i].size()] == '/' &&
        starts_with(path, kPackages[i]))
      return i;
  }
  return kPackages.size();
}

/// Whether some line of the list begins with "PACKAGE/__init__.py" (after `prefix`).
bool lists_a_package(std::string_view text, std::string_view prefix) {
  for (std::string_view package : kPackages) {
    std::string wanted = "\n" + std::string(prefix) + std::string(package) + "/__init__.py";
    if (starts_with(text, std::string_view(wanted).substr(1)) ||
        memmem(text.data(), text.size(), wanted.data(), wanted.size()) != nullptr)
      return true;
  }
  return false;
}

class Reader {
 public:
  Reader(const Environment& environment, Installed& installed)
      : environment_(environment), installed_(installed) {}

  void read_root(size_t root) {
    const std::string& path = environment_.roots[root].path;
    auto names = list_folder(path);
    if (!names.ok()) return warn(names.error().text());
    for (const std::string& name : *names) {
      const bool dist = ends_with(name, ".dist-info");
      if (!dist && !ends_with(name, ".egg-info")) continue;
      if (name[0] == '~') {
        installed_.leftovers.push_back(join_path(path, name));
        continue;
      }
      if (++installed_.count > kDistributions) {
        return warn(path + ": more than " + std::to_string(kDistributions) +
                    " distributions; the rest was not read");
      }
      read_one(root, join_path(path, name), name, dist);
    }
  }

 private:
  void warn(std::string text) {
    if (installed_.warnings.size() < kWarnings) installed_.warnings.push_back(std::move(text));
  }

  /// A file of the distribution that may be missing; a missing one is no warning.
  std::string_view optional_text(const std::string& path, Bytes& keep) {
    auto bytes = map_file(path);
    if (!bytes.ok()) {
      if (bytes.error().code() != ErrorCode::kNotFound) warn(bytes.error().text());
      return {};
    }
    keep = std::move(*bytes);
    return as_text(keep.view());
  }

  void read_one(size_t root, const std::string& folder, const std::string& entry, bool dist) {
    Distribution d;
    d.root = root;
    d.folder = folder;
    // "keras-2.12.0.dist-info", "keras-2.4.3-py3.8.egg-info": right in all but the spelling.
    const std::string stem = entry.substr(0, entry.size() - 10 + (dist ? 0 : 1));
    const size_t dash = stem.find('-');
    d.name = stem.substr(0, dash);
    if (dash != std::string::npos) {
      d.version = stem.substr(dash + 1);
      if (const size_t tag = d.version.find("-py"); tag != std::string::npos)
        d.version.resize(tag);
    }
    d.normalized = normalized_name(d.name);
    d.relevant =
        is_tensorflow(d.normalized) || is_keras(d.normalized) || is_tf_keras(d.normalized);

    Bytes list;
    std::string_view files;
    const std::string list_path = join_path(folder, dist ? "RECORD" : "installed-files.txt");
    if (dist || is_folder(folder)) files = optional_text(list_path, list);
    if (files.size() > kRecordBytes) {
      warn(list_path + ": longer than " + std::to_string(kRecordBytes) + " bytes; not read");
      files = {};
    }
    if (!d.relevant && !lists_a_package(files, dist ? "" : "../")) return;
    d.relevant = true;
    if (installed_.distributions.size() >= kRelevant)
      return warn(folder + ": too many distributions own Keras or TensorFlow; not read");
    if (dist && list.size() == 0)
      warn(folder + ": has no RECORD; which files are its own is not known");

    read_metadata(d, dist ? join_path(folder, "METADATA")
                          : is_folder(folder) ? join_path(folder, "PKG-INFO") : folder);
    d.parsed = parse_version(d.version);
    Bytes top;
    std::string_view lines = is_folder(folder)
                                 ? optional_text(join_path(folder, "top_level.txt"), top)
                                 : std::string_view();
    lines = lines.substr(0, kHeaderBytes);
    while (!lines.empty() && d.top_level.size() < 100) d.top_level.emplace_back(next_line(lines));

    installed_.distributions.push_back(std::move(d));
    Distribution& kept = installed_.distributions.back();
    kept.record = std::move(list);
    std::string what;
    if (dist && !read_record(files, kept, &what)) warn(list_path + ": " + what);
    if (!dist) read_installed_files(files, kept);
  }

  void read_metadata(Distribution& d, const std::string& path) {
    auto bytes = map_file(path);
    if (!bytes.ok()) {
      return warn(bytes.error().text() + " The name and version are taken from the folder's name.");
    }
    std::string_view text =
        as_text(bytes->view().first(std::min(bytes->size(), kHeaderBytes)));
    std::string name, version;
    while (!text.empty()) {
      const std::string_view line = next_line(text);
      if (line.empty()) break;  // the description begins
      const size_t colon = line.find(": ");
      if (colon == std::string_view::npos) continue;
      const std::string_view key = line.substr(0, colon), value = line.substr(colon + 2);
      if (key == "Name") name = value.substr(0, 200);
      if (key == "Version") version = value.substr(0, 200);
      if (key == "Requires-Dist" && d.requirements.size() < 1000)
        d.requirements.push_back(parse_requirement(value));
    }
    if (name.empty() || version.empty()) {
      warn(path + ": has no name or version; they are taken from the folder's name");
    }
    if (!name.empty()) d.name = name;
    if (!version.empty()) d.version = version;
    d.normalized = normalized_name(d.name);
  }

  /// setuptools' list: one path a line, relative to the .egg-info folder, without hashes.
  void read_installed_files(std::string_view text, Distribution& d) {
    for (size_t count = 0; !text.empty() && count < kFilesOfOne; ++count) {
      std::string_view line = next_line(text);
      if (!starts_with(line, "../")) continue;
      line.remove_prefix(3);
      const size_t package = package_of(line);
      if (package < kPackages.size()) d.files[package].push_back({line, {}, -1});
    }
  }

  const Environment& environment_;
  Installed& installed_;
};

/// Takes one CSV field off `line` (up to a comma). False where a quote does not close.
bool take_field(std::string_view& line, std::string_view* field, std::deque<std::string>& unquoted) {
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

bool Distribution::owns(PackageIndex package) const {
  if (!files[package].empty()) return true;
  return std::find(top_level.begin(), top_level.end(), kPackages[package]) != top_level.end();
}

bool is_tensorflow(const std::string& normalized) {
  constexpr std::string_view kNames[] = {
      "tensorflow",         "tensorflow-cpu",     "tensorflow-gpu", "tensorflow-intel",
      "tensorflow-macos",   "tensorflow-rocm",    "tf-nightly",     "tf-nightly-cpu",
      "tf-nightly-gpu",     "tf-nightly-intel",   "tf-nightly-macos", "tensorflow-cpu-aws",
      "tensorflow-aarch64", "tensorflow-directml"};
  return std::find(std::begin(kNames), std::end(kNames), normalized) != std::end(kNames);
}

bool is_keras(const std::string& normalized) {
  return normalized == "keras" || normalized == "keras-nightly";
}

bool is_tf_keras(const std::string& normalized) {
  return normalized == "tf-keras" || normalized == "tf-keras-nightly";
}

bool read_record(std::string_view text, Distribution& distribution, std::string* what) {
  size_t number = 0, kept = 0, broken = 0, first_broken = 0;
  while (!text.empty()) {
    std::string_view line = next_line(text);
    ++number;
    if (line.empty()) continue;
    // Most lines are of other packages, or pass without unquoting.
    if (line[0] != '"' && package_of(line) == kPackages.size()) continue;
    OwnedFile file;
    std::string_view hash, size;
    if (!take_field(line, &file.path, distribution.unquoted) ||
        !take_field(line, &hash, distribution.unquoted) ||
        !take_field(line, &size, distribution.unquoted)) {
      if (broken++ == 0) first_broken = number;
      continue;
    }
    const size_t package = package_of(file.path);
    // A path with ".." in it would lead elsewhere; an embedded zero is no path.
    if (package == kPackages.size() || file.path.find("..") != std::string_view::npos ||
        file.path.find('\0') != std::string_view::npos)
      continue;
    if (starts_with(hash, "sha256=")) file.digest = hash.substr(7);
    while (!file.digest.empty() && file.digest.back() == '=') file.digest.remove_suffix(1);
    if (!size.empty()) {
      auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), file.size);
      if (error != std::errc() || end != size.data() + size.size() || file.size < 0) {
        file.size = -1;
        if (broken++ == 0) first_broken = number;
      }
    }
    if (++kept > kFilesOfOne) {
      *what = "lists more than " + std::to_string(kFilesOfOne) + " files; the rest was not read";
      return false;
    }
    distribution.files[package].push_back(file);
  }
  if (broken == 0) return true;
  *what = "line " + std::to_string(first_broken) + " is broken (" + std::to_string(broken) +
          " in all); the others were read";
  return false;
}

Installed read_installed(const Environment& environment) {
  Installed installed;
  Reader reader(environment, installed);
  for (size_t root = 0; root < environment.roots.size(); ++root) reader.read_root(root);
  return installed;
}

}  // namespace pumice
