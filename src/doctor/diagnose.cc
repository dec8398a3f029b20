#include "doctor/diagnose.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "doctor/sha256.h"
#include "formats/file.h"

namespace pumice {
namespace {

constexpr size_t kExamples = 5;            // files named in a finding
constexpr size_t kSourceBytes = 4 << 20;   // no Python source that is looked into is longer
constexpr size_t kStats = 20'000;          // files compared with the disk by size

/// Where each generation of Keras registers 'experimentalOptimizer'.
struct Layout {
  const char *file, *versions;
};
constexpr Layout kLayouts[] = {
    {"keras/optimizers/optimizer_experimental/optimizer.py", "2.11 or older"},
    {"keras/optimizers/optimizer.py", "2.12"},
    {"keras/src/optimizers/optimizer.py", "2.13 or newer"}};
// What a fault of the installation shows first; small enough to hash on every run.
constexpr const char* kHashed[] = {"keras/__init__.py",
                                   "keras/optimizers/__init__.py",
                                   "keras/optimizers/optimizer.py",
                                   "keras/src/optimizers/optimizer.py",
                                   "tf_keras/__init__.py",
                                   "tf_keras/src/optimizers/optimizer.py",
                                   "tensorflow/__init__.py",
                                   "tensorflow/python/saved_model/revived_types.py"};

std::string label(const Distribution& d) { return d.name + " " + d.version; }

/// The source text of a file, empty where it cannot be read or is absurdly long.
Bytes source(const std::string& path) {
  auto bytes = map_file(path);
  return bytes.ok() && bytes->size() <= kSourceBytes ? std::move(*bytes) : Bytes();
}

bool contains(const Bytes& bytes, std::string_view words) {
  return bytes.size() > 0 &&
         memmem(bytes.data(), bytes.size(), words.data(), words.size()) != nullptr;
}

bool registers_optimizer(const std::string& path) {
  const Bytes text = source(path);
  return contains(text, "register_revived_type") && contains(text, "experimentalOptimizer");
}

class Rules {
 public:
  Rules(const Environment& environment, const Installed& installed, Diagnosis& out)
      : environment_(environment), installed_(installed), out_(out) {
    for (size_t p = 0; p < kPackages.size(); ++p)
      root_[p] = root_of(environment, static_cast<PackageIndex>(p));
  }

  void run() {
    choose_tensorflow();
    duplicates();
    for (size_t p = 0; p < kPackages.size(); ++p) shared_files(static_cast<PackageIndex>(p));
    two_layouts();
    second_copy();
    keras_version();
    tf_keras_version();
    changed_files();
    leftovers();
    out_.raises = out_.assertion && out_.registering_files.size() >= 2;
  }

 private:
  std::string path_in(size_t root, std::string_view file) const {
    return join_path(environment_.roots[root].path, file);
  }

  Finding& add(FindingKind kind, std::string explanation) {
    out_.findings.push_back({kind, true, std::move(explanation), {}, {}, 0});
    return out_.findings.back();
  }

  /// Distributions in the package's root that own it or have its name.
  template <typename Name>
  std::vector<const Distribution*> owners(PackageIndex package, Name has_name) const {
    std::vector<const Distribution*> found;
    for (const Distribution& d : installed_.distributions)
      if (d.root == root_[package] && (has_name(d.normalized) || d.owns(package)))
        found.push_back(&d);
    return found;
  }

  void choose_tensorflow() {
    if (root_[kTensorFlow] == environment_.roots.size()) return;
    // `tensorflow` may be an empty shell around tensorflow-intel or -macos: the one with files counts.
    for (const Distribution* d : owners(kTensorFlow, is_tensorflow)) {
      if (!is_tensorflow(d->normalized)) continue;
      const Distribution* best = out_.tensorflow;
      const bool better =
          best == nullptr || (best->files[kTensorFlow].empty() && !d->files[kTensorFlow].empty()) ||
          (!d->files[kTensorFlow].empty() && (d->parsed.compare(best->parsed) > 0));
      if (better) out_.tensorflow = d;
    }
    out_.assertion_file =
        path_in(root_[kTensorFlow], "tensorflow/python/saved_model/revived_types.py");
    const Bytes text = source(out_.assertion_file);
    if (text.size() == 0) out_.assertion_file.clear();
    out_.assertion = contains(text, "Duplicate registrations");
  }

  void duplicates() {
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

  /// Files that two distributions of one root both list.
  void shared_files(PackageIndex package) {
    std::vector<const Distribution*> own;
    for (const Distribution& d : installed_.distributions)
      if (d.root == root_[package] && !d.files[package].empty()) own.push_back(&d);
    for (size_t i = 0; i < own.size(); ++i) {
      std::unordered_map<std::string_view, const OwnedFile*> mine;
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

  void compare_owners(PackageIndex package, const Distribution& a, const Distribution& b,
                      const std::unordered_map<std::string_view, const OwnedFile*>& mine) {
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
    Finding& finding = add(
        FindingKind::kSharedFiles,
        label(a) + " and " + label(b) + " are both installed as the package " +
            std::string(kPackages[package]) + ": " + std::to_string(different) +
            " files belong to both, with different content, and whichever was installed last "
            "overwrote the other." + on_disk);
    finding.distributions = {&a, &b};
    finding.file_count = different;
    finding.files = std::move(examples);
  }

  /// " On disk lies …'s FILE."
  std::string whose(const OwnedFile& of_a, const OwnedFile& of_b, const Distribution& a,
                    const Distribution& b) const {
    const Bytes bytes = source(path_in(a.root, of_b.path));
    const std::string digest = record_digest(bytes.view());
    const Distribution* owner = digest == of_b.digest ? &b : digest == of_a.digest ? &a : nullptr;
    if (owner == nullptr) return {};
    return " On disk lies " + owner->name + "'s " + std::string(of_b.path) + ".";
  }

  void two_layouts() {
    const size_t root = root_[kKeras];
    if (root == environment_.roots.size()) return;
    std::vector<std::string> found;
    std::string named;
    for (const Layout& layout : kLayouts) {
      const std::string path = path_in(root, layout.file);
      if (!is_file(path)) continue;
      found.emplace_back(layout.file);
      named += (named.empty() ? "" : " and ") + found.back() + " (" + layout.versions + ")";
      if (registers_optimizer(path)) out_.registering_files.push_back(path);
    }
    if (found.size() < 2) return;
    Finding& finding = add(FindingKind::kTwoLayouts,
                           "keras/ holds the files of more than one Keras: " + named +
                               ". Each registers 'experimentalOptimizer' when it is imported.");
    finding.files = found;
    finding.file_count = found.size();
    for (const Distribution* d : owners(kKeras, is_keras))
      for (const std::string& file : found)
        if (owns_file(*d, file)) {
          finding.distributions.push_back(d);
          break;
        }
  }

  static bool owns_file(const Distribution& d, std::string_view path) {
    return std::any_of(d.files[kKeras].begin(), d.files[kKeras].end(),
                       [&](const OwnedFile& file) { return file.path == path; });
  }

  void second_copy() {
    const size_t first = root_[kKeras];
    const auto& roots = environment_.roots;
    if (first == roots.size() || (roots[first].kind != PackageRoot::Kind::kPythonPath &&
                                  roots[first].kind != PackageRoot::Kind::kUser))
      return;
    for (size_t later = first + 1; later < roots.size(); ++later) {
      const std::string other = path_in(later, "keras");
      if (!is_file(join_path(other, "__init__.py"))) continue;
      const bool user = roots[first].kind == PackageRoot::Kind::kUser;
      Finding& finding =
          add(FindingKind::kSecondCopy,
              "Python imports Keras from " + path_in(first, "keras") +
                  (user ? " (packages installed with pip install --user)" : " (on PYTHONPATH)") +
                  ", not the one installed at " + other +
                  ". Code that reaches both imports Keras twice.");
      finding.files = {path_in(first, "keras/__init__.py"), join_path(other, "__init__.py")};
      finding.file_count = 2;
      for (const Distribution& d : installed_.distributions)
        if ((d.root == first || d.root == later) && d.owns(kKeras))
          finding.distributions.push_back(&d);
      for (const Layout& layout : kLayouts) {
        const std::string path = path_in(later, layout.file);
        if (registers_optimizer(path)) out_.registering_files.push_back(path);
      }
      return;
    }
  }

  void keras_version() {
    if (out_.tensorflow == nullptr) return;
    const Distribution& tf = *out_.tensorflow;
    const Requirement wanted = keras_requirement(tf);
    if (wanted.name.empty()) return;
    const std::string wants = "TensorFlow " + tf.version + " needs " + wanted.name +
                              wanted.specifiers;
    const auto found = owners(kKeras, is_keras);
    if (found.empty()) {
      if (root_[kKeras] != environment_.roots.size()) return;  // a copy that no one declares
      Finding& finding =
          add(FindingKind::kKerasVersion, "Keras is not installed; " + wants + ".");
      finding.distributions = {&tf};
      return;
    }
    for (const Distribution* d : found) {
      if (!is_keras(d->normalized) || d->parsed.release.empty()) continue;
      const bool fits = tf.parsed.at_least(2, 16)
                            ? d->parsed.major() >= 3 &&
                                  (d->parsed.development ||
                                   satisfies(d->parsed, wanted.specifiers))
                            : d->parsed.same_minor(tf.parsed);
      if (fits) continue;
      Finding& finding = add(
          FindingKind::kKerasVersion,
          label(*d) + " does not fit " + label(tf) + ": " + wants +
              (tf.parsed.at_least(2, 16) ? "." : " (before 2.16, the same minor version)."));
      finding.distributions = {d, &tf};
    }
  }

  void tf_keras_version() {
    if (out_.tensorflow == nullptr) return;
    for (const Distribution* d : owners(kTfKeras, is_tf_keras)) {
      if (!is_tf_keras(d->normalized) || d->parsed.same_minor(out_.tensorflow->parsed)) continue;
      if (d->parsed.release.empty() || out_.tensorflow->parsed.release.empty()) continue;
      Finding& finding =
          add(FindingKind::kTfKerasVersion,
              label(*d) + " does not fit " + label(*out_.tensorflow) +
                  ": tf_keras must have TensorFlow's minor version.");
      finding.distributions = {d, out_.tensorflow};
    }
  }

  /// Compares with the disk: sizes of all files of Keras and tf_keras, hashes of a few.
  void changed_files() {
    size_t left = kStats;
    for (const Distribution& d : installed_.distributions) {
      const bool overwritten = std::any_of(
          out_.findings.begin(), out_.findings.end(), [&](const Finding& f) {
            return std::find(f.distributions.begin(), f.distributions.end(), &d) !=
                       f.distributions.end() &&
                   (f.kind == FindingKind::kSharedFiles || f.kind == FindingKind::kDuplicate ||
                    f.kind == FindingKind::kSameContent);
          });
      if (overwritten) continue;  // the reason is known
      std::vector<std::string> files;
      size_t changed = 0, missing = 0;
      for (size_t p = 0; p < kPackages.size(); ++p) {
        for (const OwnedFile& file : d.files[p]) {
          const bool hashed = std::find(std::begin(kHashed), std::end(kHashed), file.path) !=
                              std::end(kHashed);
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
      Finding& finding = add(FindingKind::kChangedFiles,
                             "Of " + label(d) + ", " + what + " what its RECORD says.");
      finding.distributions = {&d};
      finding.files = std::move(files);
      finding.file_count = changed + missing;
    }
  }

  void compare_with_disk(const Distribution& d, const OwnedFile& file, bool hashed, bool& missing,
                         bool& changed) const {
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
      const Bytes bytes = source(path);
      changed = static_cast<off_t>(bytes.size()) == status.st_size &&
                record_digest(bytes.view()) != file.digest;
    }
  }

  void leftovers() {
    if (installed_.leftovers.empty()) return;
    Finding& finding =
        add(FindingKind::kLeftover,
            "pip left renamed folders behind when it was interrupted; they can be deleted.");
    finding.problem = false;
    finding.file_count = installed_.leftovers.size();
    for (const std::string& folder : installed_.leftovers)
      if (finding.files.size() < kExamples) finding.files.push_back(folder);
  }

  const Environment& environment_;
  const Installed& installed_;
  Diagnosis& out_;
  std::array<size_t, kPackages.size()> root_{};
};

}  // namespace

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
    case FindingKind::kLeftover: return "leftover";
  }
  return "unknown";
}

size_t Diagnosis::problems() const {
  return static_cast<size_t>(std::count_if(findings.begin(), findings.end(),
                                           [](const Finding& f) { return f.problem; }));
}

size_t root_of(const Environment& environment, PackageIndex package) {
  size_t root = 0;
  while (root < environment.roots.size() &&
         !is_file(join_path(environment.roots[root].path,
                            std::string(kPackages[package]) + "/__init__.py")))
    ++root;
  return root;
}

Requirement keras_requirement(const Distribution& tensorflow) {
  const PythonVersion& version = tensorflow.parsed;
  for (const Requirement& requirement : tensorflow.requirements)
    if (is_keras(requirement.name)) return requirement;
  Requirement rule;
  if (!version.at_least(2, 6)) return rule;
  rule.name = "keras";
  rule.specifiers =
      version.at_least(2, 16) ? ">=3" : "==2." + std::to_string(version.minor()) + ".*";
  return rule;
}

Diagnosis diagnose(const Environment& environment, const Installed& installed,
                   const Surroundings& surroundings) {
  Diagnosis diagnosis;
  Rules(environment, installed, diagnosis).run();
  prescribe(environment, installed, surroundings, diagnosis);
  return diagnosis;
}

}  // namespace pumice
