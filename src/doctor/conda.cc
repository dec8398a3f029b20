#include "doctor/conda.h"

#include <algorithm>

#include "doctor/record.h"
#include "doctor/sha256.h"
#include "formats/file.h"
#include "formats/json/reader.h"

namespace pumice {
namespace {

constexpr size_t kRecordBytes = 64 << 20;  // TensorFlow's has 6 MB
constexpr size_t kFilesOfOne = 200'000;
constexpr size_t kPackagesOfConda = 100;  // of the family

/// "lib/python3.11/site-packages/keras/a.py" -> "keras/a.py"; empty for others.
std::string_view below_site(std::string_view path) {
  constexpr std::string_view kSite = "site-packages/";
  const size_t at = path.find(kSite);
  if (at == std::string_view::npos || (at > 0 && path[at - 1] != '/')) return {};
  return path.substr(at + kSite.size());
}

void add_file(const std::string& path, const std::string& sha256, int64_t size, Distribution& d) {
  const std::string_view rest = below_site(path);
  const size_t package = package_of(rest);
  if (package == kPackages.size() || rest.find("..") != std::string_view::npos ||
      rest.find('\0') != std::string_view::npos)
    return;
  d.unquoted.emplace_back(rest);
  OwnedFile file;
  file.path = d.unquoted.back();
  d.unquoted.push_back(record_digest_of_hex(sha256));
  file.digest = d.unquoted.back();
  file.size = size;
  d.files[package].push_back(file);
}

/// {"paths": [{"_path": "…", "sha256_in_prefix": "…", "size_in_bytes": 1}, …]}
void read_paths(JsonReader& json, Distribution& d) {
  std::string key;
  json.begin_object();
  while (json.next_member(&key)) {
    if (key != "paths") {
      json.skip();
      continue;
    }
    json.begin_array();
    for (size_t count = 0; json.next_element(); ++count) {
      std::string path, sha256, in_prefix, field;
      int64_t size = -1;
      json.begin_object();
      while (json.next_member(&field)) {
        if (field == "_path")
          path = json.string();
        else if (field == "sha256")
          sha256 = json.string();
        else if (field == "sha256_in_prefix")
          in_prefix = json.string();
        else if (field == "size_in_bytes")
          size = json.integer();
        else
          json.skip();
      }
      // conda rewrites paths in some files; the second hash is of what it wrote.
      if (json.ok() && count < kFilesOfOne)
        add_file(path, in_prefix.empty() ? sha256 : in_prefix, std::max<int64_t>(size, -1), d);
    }
  }
}

/// NAME-VERSION-BUILD: a name may have dashes, the others have none. False for other files.
bool take_apart(const std::string& entry, CondaPackage& package) {
  constexpr std::string_view kEnd = ".json";
  if (entry.size() <= kEnd.size() ||
      entry.compare(entry.size() - kEnd.size(), kEnd.size(), kEnd) != 0)
    return false;
  const std::string stem = entry.substr(0, entry.size() - kEnd.size());
  const size_t build = stem.rfind('-');
  if (build == std::string::npos || build == 0) return false;
  const size_t version = stem.rfind('-', build - 1);
  if (version == std::string::npos) return false;
  package.name = stem.substr(0, version);
  package.version = stem.substr(version + 1, build - version - 1);
  package.normalized = normalized_name(package.name);
  return true;
}

/// Whether one is there by any of the family's names: conda's tensorflow-base is pip's tensorflow.
bool is_installed(const Installed& installed, const Environment& environment,
                  const std::string& normalized) {
  return std::any_of(installed.distributions.begin(), installed.distributions.end(),
                     [&](const Distribution& d) {
                       if (environment.roots[d.root].kind != PackageRoot::Kind::kSite) return false;
                       return d.normalized == normalized ||
                              (is_tensorflow(d.normalized) && is_tensorflow(normalized));
                     });
}

}  // namespace

bool read_conda_record(std::string_view text, Distribution& distribution) {
  JsonReader json(text);
  std::string key;
  json.begin_object();
  while (json.next_member(&key)) {
    if (key == "paths_data" && json.kind() == JsonKind::kObject)
      read_paths(json, distribution);
    else
      json.skip();
  }
  return json.ok();
}

void read_conda(const Environment& environment, Installed& installed) {
  const std::string folder = join_path(environment.prefix, "conda-meta");
  if (!is_folder(folder)) return;
  auto names = list_folder(folder);
  if (!names.ok()) return installed.warnings.push_back(names.error().text());
  const auto root =
      std::find_if(environment.roots.begin(), environment.roots.end(),
                   [](const PackageRoot& r) { return r.kind == PackageRoot::Kind::kSite; });
  for (const std::string& entry : *names) {
    CondaPackage package;
    if (!take_apart(entry, package)) continue;
    const std::string& name = package.normalized;
    if (!is_tensorflow(name) && !is_keras(name) && !is_tf_keras(name)) continue;
    if (installed.conda.size() == kPackagesOfConda) return;
    package.file = join_path(folder, entry);
    installed.conda.push_back(package);
    if (root == environment.roots.end() || is_installed(installed, environment, name)) continue;
    auto bytes = map_file(package.file);
    if (!bytes.ok() || bytes->size() > kRecordBytes) {
      installed.warnings.push_back(bytes.ok() ? package.file + ": too long; not read"
                                              : bytes.error().text());
      continue;
    }
    Distribution d;
    if (!read_conda_record(as_text(bytes->view()), d))
      installed.warnings.push_back(package.file + ": is no record of conda's; read in part");
    // A package without files of its own only asks for others (conda's `tensorflow`).
    if (std::all_of(d.files.begin(), d.files.end(), [](const auto& f) { return f.empty(); }))
      continue;
    d.name = package.name;
    d.normalized = name;
    d.version = package.version;
    d.parsed = parse_version(d.version);
    d.folder = package.file;
    d.root = static_cast<size_t>(root - environment.roots.begin());
    d.relevant = d.by_conda = true;
    ++installed.count;
    installed.distributions.push_back(std::move(d));
  }
}

}  // namespace pumice
