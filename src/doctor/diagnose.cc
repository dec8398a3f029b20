#include "doctor/diagnose.h"

#include <algorithm>
#include <cstring>

#include "doctor/rules.h"
#include "formats/file.h"

namespace pumice {

Rules::Rules(const Environment& environment, const Installed& installed, Diagnosis& out)
    : environment_(environment), installed_(installed), out_(out) {
  for (size_t p = 0; p < kPackages.size(); ++p)
    root_[p] = root_of(environment, static_cast<PackageIndex>(p));
}

void Rules::run() {
  choose_tensorflow();
  duplicates();
  for (size_t p = 0; p < kPackages.size(); ++p) shared_files(static_cast<PackageIndex>(p));
  two_layouts();
  second_copy();
  keras_version();
  tf_keras_version();
  changed_files();
  conda_records();
  leftovers();
  out_.raises = out_.assertion && out_.registering_files.size() >= 2;
}

std::string Rules::path_in(size_t root, std::string_view file) const {
  return join_path(environment_.roots[root].path, file);
}

Finding& Rules::add(FindingKind kind, std::string explanation) {
  out_.findings.push_back({kind, true, std::move(explanation), {}, {}, 0});
  return out_.findings.back();
}

std::vector<const Distribution*> Rules::owners(PackageIndex package,
                                               bool (*has_name)(const std::string&)) const {
  std::vector<const Distribution*> found;
  for (const Distribution& d : installed_.distributions)
    if (d.root == root_[package] && (has_name(d.normalized) || d.owns(package)))
      found.push_back(&d);
  return found;
}

std::string label(const Distribution& d) { return d.name + " " + d.version; }

Bytes source_of(const std::string& path) {
  constexpr size_t kSourceBytes = 4 << 20;  // no Python source that is looked into is longer
  auto bytes = map_file(path);
  return bytes.ok() && bytes->size() <= kSourceBytes ? std::move(*bytes) : Bytes();
}

bool contains(const Bytes& bytes, std::string_view words) {
  return bytes.size() > 0 &&
         memmem(bytes.data(), bytes.size(), words.data(), words.size()) != nullptr;
}

const char* finding_name(FindingKind kind) {
  switch (kind) {
    case FindingKind::kSharedFiles: return "shared_files";
    case FindingKind::kTwoLayouts: return "two_layouts";
    case FindingKind::kSecondCopy: return "second_copy";
    case FindingKind::kDuplicate: return "duplicate_distribution";
    case FindingKind::kKerasVersion: return "keras_version";
    case FindingKind::kTfKerasVersion: return "tf_keras_version";
    case FindingKind::kChangedFiles: return "changed_files";
    case FindingKind::kSameContent: return "same_files";
    case FindingKind::kCondaRecord: return "conda_record";
    case FindingKind::kLeftover: return "leftover";
  }
  return "unknown";
}

size_t Diagnosis::problems() const {
  return static_cast<size_t>(
      std::count_if(findings.begin(), findings.end(), [](const Finding& f) { return f.problem; }));
}

size_t root_of(const Environment& environment, PackageIndex package) {
  size_t root = 0;
  while (root < environment.roots.size() &&
         !is_file(join_path(environment.roots[root].path,
                            std::string(kPackages[package]) + "/__init__.py")))
    ++root;
  return root;
}

Diagnosis diagnose(const Environment& environment, const Installed& installed,
                   const Surroundings& surroundings) {
  Diagnosis diagnosis;
  Rules(environment, installed, diagnosis).run();
  prescribe(environment, installed, surroundings, diagnosis);
  return diagnosis;
}

}  // namespace pumice
