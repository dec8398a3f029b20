#include <algorithm>
#include <sys/stat.h>

#include "doctor/rules.h"
#include "doctor/sha256.h"

namespace pumice {
namespace {

constexpr size_t kStats = 20'000;  // files compared with the disk by size

// What a fault of the installation shows first; small enough to hash on every run.
constexpr const char* kHashed[] = {"keras/__init__.py",
                                   "keras/optimizers/__init__.py",
                                   "keras/optimizers/optimizer.py",
                                   "keras/src/optimizers/optimizer.py",
                                   "tf_keras/__init__.py",
                                   "tf_keras/src/optimizers/optimizer.py",
                                   "tensorflow/__init__.py",
                                   "tensorflow/python/saved_model/revived_types.py"};

}  // namespace

void Rules::duplicates() {
  const auto& all = installed_.distributions;
  for (size_t i = 0; i < all.size(); ++i) {
    for (size_t j = i + 1; j < all.size(); ++j) {  // `relevant` ones only: 200 at most
      if (all[i].root != all[j].root || all[i].normalized != all[j].normalized) continue;
      Finding& finding =
          add(FindingKind::kDuplicate, all[i].name + " is installed in two versions, " +
                                           all[i].version + " and " + all[j].version +
                                           ", in one folder; files of both lie mixed.");
      finding.distributions = {&all[i], &all[j]};
    }
  }
}

void Rules::shared_files(PackageIndex package) {
  std::vector<const Distribution*> own;
  for (const Distribution& d : installed_.distributions)
    if (d.root == root_[package] && !d.files[package].empty()) own.push_back(&d);
  for (size_t i = 0; i < own.size(); ++i) {
    ByPath mine;
    if (i + 1 < own.size()) {
      mine.reserve(own[i]->files[package].size());
      for (const OwnedFile& file : own[i]->files[package]) mine.emplace(file.path, &file);
    }
    for (size_t j = i + 1; j < own.size(); ++j) {
      if (own[i]->normalized == own[j]->normalized) continue;  // said by duplicates()
      compare_owners(package, *own[i], *own[j], mine);
    }
  }
}

void Rules::compare_owners(PackageIndex package, const Distribution& a, const Distribution& b,
                           const ByPath& mine) {
  size_t same = 0, different = 0;
  std::vector<std::string> examples;
  std::string on_disk;
  for (const OwnedFile& file : b.files[package]) {
    if (file.path.find("__pycache__") != std::string_view::npos) continue;
    auto found = mine.find(file.path);
    if (found == mine.end()) continue;
    if (file.digest == found->second->digest && !file.digest.empty()) {
      ++same;
      continue;
    }
    ++different;
    if (examples.size() < kExamples) examples.emplace_back(file.path);
    if (on_disk.empty() && !file.digest.empty()) on_disk = whose(*found->second, file, a, b);
  }
  if (same + different == 0) return;
  const std::string folder = std::string(kPackages[package]) + "/";
  // One version's builds of TensorFlow differ in their binaries; Python imports one of them.
  const bool builds = package == kTensorFlow && a.parsed.compare(b.parsed) == 0;
  if (different == 0 || builds) {
    Finding& finding = add(
        FindingKind::kSameContent,
        label(a) + " and " + label(b) + " lie over one another in " + folder + " (" +
            std::to_string(same + different) + " files in common" +
            (different > 0 ? ", " + std::to_string(different) + " of them different" : "") +
            "). They are of one version, so it works; but uninstalling either breaks the other.");
    finding.problem = false;
    finding.distributions = {&a, &b};
    finding.file_count = same + different;
    finding.files = examples;
    return;
  }
  Finding& finding =
      add(FindingKind::kSharedFiles,
          label(a) + " and " + label(b) + " are both installed as the package " +
              std::string(kPackages[package]) + ": " + std::to_string(different) +
              " files belong to both, with different content, and whichever was installed last "
              "overwrote the other." +
              on_disk);
  finding.distributions = {&a, &b};
  finding.file_count = different;
  finding.files = std::move(examples);
}

/// " On disk lies …'s FILE."
std::string Rules::whose(const OwnedFile& of_a, const OwnedFile& of_b, const Distribution& a,
                         const Distribution& b) const {
  const Bytes bytes = source_of(path_in(a.root, of_b.path));
  const std::string digest = record_digest(bytes.view());
  const Distribution* owner = digest == of_b.digest ? &b : digest == of_a.digest ? &a : nullptr;
  if (owner == nullptr) return {};
  return " On disk lies " + owner->name + "'s " + std::string(of_b.path) + ".";
}

void Rules::changed_files() {
  size_t left = kStats;
  for (const Distribution& d : installed_.distributions) {
    if (is_overwritten(d)) continue;  // the reason is known
    std::vector<std::string> files;
    size_t changed = 0, missing = 0;
    for (size_t p = 0; p < kPackages.size(); ++p) {
      for (const OwnedFile& file : d.files[p]) {
        const bool hashed =
            std::find(std::begin(kHashed), std::end(kHashed), file.path) != std::end(kHashed);
        if (!hashed && (p == kTensorFlow || left == 0 || file.size < 0)) continue;
        if (left > 0) --left;
        bool is_missing = false, is_changed = false;
        compare_with_disk(d, file, hashed, is_missing, is_changed);
        if (!is_missing && !is_changed) continue;
        missing += is_missing;
        changed += is_changed;
        if (files.size() < kExamples) files.emplace_back(file.path);
      }
    }
    if (files.empty()) continue;
    std::string what;
    if (changed > 0) what = std::to_string(changed) + " files differ from";
    if (missing > 0)
      what += (what.empty() ? "" : " and ") + std::to_string(missing) + " are missing against";
    Finding& finding =
        add(FindingKind::kChangedFiles, "Of " + label(d) + ", " + what + " what its RECORD says.");
    finding.distributions = {&d};
    finding.files = std::move(files);
    finding.file_count = changed + missing;
  }
}

bool Rules::is_overwritten(const Distribution& d) const {
  return std::any_of(out_.findings.begin(), out_.findings.end(), [&](const Finding& f) {
    return (f.kind == FindingKind::kSharedFiles || f.kind == FindingKind::kDuplicate ||
            f.kind == FindingKind::kSameContent) &&
           std::find(f.distributions.begin(), f.distributions.end(), &d) != f.distributions.end();
  });
}

void Rules::compare_with_disk(const Distribution& d, const OwnedFile& file, bool hashed,
                              bool& missing, bool& changed) const {
  const std::string path = path_in(d.root, file.path);
  struct stat status;
  if (stat(path.c_str(), &status) != 0) {
    // Compiled files come and go without harm.
    missing = file.path.find("__pycache__") == std::string_view::npos;
    return;
  }
  if (file.path.find("__pycache__") != std::string_view::npos) return;
  if (file.size >= 0 && status.st_size != file.size) {
    changed = true;
  } else if (hashed && file.digest.size() == 43) {
    const Bytes bytes = source_of(path);
    changed = static_cast<off_t>(bytes.size()) == status.st_size &&
              record_digest(bytes.view()) != file.digest;
  }
}

void Rules::leftovers() {
  if (installed_.leftovers.empty()) return;
  Finding& finding =
      add(FindingKind::kLeftover,
          "pip left renamed folders behind when it was interrupted; they can be deleted.");
  finding.problem = false;
  finding.file_count = installed_.leftovers.size();
  for (const std::string& folder : installed_.leftovers)
    if (finding.files.size() < kExamples) finding.files.push_back(folder);
}

}  // namespace pumice
