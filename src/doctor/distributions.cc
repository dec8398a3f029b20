#include "doctor/distributions.h"

#include <algorithm>

#include "doctor/conda.h"
#include "doctor/record.h"
#include "formats/file.h"

namespace pumice {
namespace {

// Limits against hostile or broken trees. The largest real ones: 3 MB of a RECORD (TensorFlow with
// headers), 100 KB of metadata, some thousand distributions.
constexpr size_t kRecordBytes = 64 << 20;
constexpr size_t kAllRecordBytes = 1 << 30;
constexpr size_t kHeaderBytes = 256 << 10;
constexpr size_t kDistributions = 20'000;
constexpr size_t kRelevant = 200;
constexpr size_t kWarnings = 50;

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

class Reader {
 public:
  Reader(const Environment& environment, Installed& installed)
      : environment_(environment), installed_(installed) {}

  void read_root(size_t root) {
    const std::string& path = environment_.roots[root].path;
    auto names = list_folder(path);
    if (!names.ok()) return warn(names.error().text());
    ++installed_.roots;
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
      if (const size_t tag = d.version.find("-py"); tag != std::string::npos) d.version.resize(tag);
    }
    d.normalized = normalized_name(d.name);
    d.relevant = is_tensorflow(d.normalized) || is_keras(d.normalized) || is_tf_keras(d.normalized);

    Bytes list;
    std::string_view files;
    const std::string list_path = join_path(folder, dist ? "RECORD" : "installed-files.txt");
    if (dist || is_folder(folder)) files = optional_text(list_path, list);
    if (files.size() > kRecordBytes || files.size() > kAllRecordBytes - record_bytes_) {
      warn(list_path + ": " + std::to_string(files.size()) +
           " bytes are more than a list of files takes; not read");
      files = {};
    }
    record_bytes_ += files.size();
    if (!d.relevant && !lists_a_package(files, dist ? "" : "../")) return;
    d.relevant = true;
    if (installed_.distributions.size() >= kRelevant)
      return warn(folder + ": too many distributions own Keras or TensorFlow; not read");
    if (dist && files.empty())
      warn(folder + ": without its RECORD, which files are its own is not known");

    metadata(d, dist                ? join_path(folder, "METADATA")
                : is_folder(folder) ? join_path(folder, "PKG-INFO")
                                    : folder);
    Bytes top, installer;
    std::string_view lines;
    if (is_folder(folder)) {
      lines = optional_text(join_path(folder, "top_level.txt"), top).substr(0, kHeaderBytes);
      std::string_view text = optional_text(join_path(folder, "INSTALLER"), installer);
      d.by_conda = next_line(text) == "conda";
    }
    while (!lines.empty() && d.top_level.size() < 100) d.top_level.emplace_back(next_line(lines));

    installed_.distributions.push_back(std::move(d));
    Distribution& kept = installed_.distributions.back();
    kept.record = std::move(list);
    std::string what;
    if (dist && !read_record(files, kept, &what)) warn(list_path + ": " + what);
    if (!dist) read_installed_files(files, kept);
  }

  /// Without them the folder's name has to do for name and version.
  void metadata(Distribution& d, const std::string& path) {
    d.parsed = parse_version(d.version);
    auto bytes = map_file(path);
    if (!bytes.ok()) {
      return warn(bytes.error().text() + " The name and version are taken from the folder's name.");
    }
    const std::string_view text = as_text(bytes->view()).substr(0, kHeaderBytes);
    if (!read_metadata(text, d))
      warn(path + ": has no name or version; they are taken from the folder's name");
  }

  const Environment& environment_;
  Installed& installed_;
  size_t record_bytes_ = 0;
};

}  // namespace

bool Distribution::owns(PackageIndex package) const {
  if (!files[package].empty()) return true;
  return std::find(top_level.begin(), top_level.end(), kPackages[package]) != top_level.end();
}

bool is_tensorflow(const std::string& normalized) {
  constexpr std::string_view kNames[] = {
      "tensorflow",       "tensorflow-cpu",  "tensorflow-gpu",     "tensorflow-intel",
      "tensorflow-macos", "tensorflow-rocm", "tensorflow-cpu-aws", "tensorflow-aarch64",
      "intel-tensorflow", "tensorflow-base", "tensorflow-directml"};
  // tf-nightly, tf-nightly-gpu, tf-nightly-macos…
  constexpr std::string_view kNightly = "tf-nightly";
  return normalized.compare(0, kNightly.size(), kNightly) == 0 ||
         std::find(std::begin(kNames), std::end(kNames), normalized) != std::end(kNames);
}

bool is_keras(const std::string& normalized) {
  return normalized == "keras" || normalized == "keras-nightly";
}

bool is_tf_keras(const std::string& normalized) {
  return normalized == "tf-keras" || normalized == "tf-keras-nightly";
}

Installed read_installed(const Environment& environment) {
  Installed installed;
  Reader reader(environment, installed);
  for (size_t root = 0; root < environment.roots.size(); ++root) reader.read_root(root);
  read_conda(environment, installed);
  return installed;
}

}  // namespace pumice
