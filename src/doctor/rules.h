// What diagnose() goes through. The rules are grouped by what they look at: file_rules.cc the files
// that distributions own, copy_rules.cc the copies of Keras, version_rules.cc the versions.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "doctor/diagnose.h"

namespace pumice {

class Rules {
 public:
  /// Examples that a finding names.
  static constexpr size_t kExamples = 5;

  Rules(const Environment& environment, const Installed& installed, Diagnosis& out);
  void run();

 private:
  // file_rules.cc
  void duplicates();
  /// Files that two distributions of one root both list.
  void shared_files(PackageIndex package);
  using ByPath = std::unordered_map<std::string_view, const OwnedFile*>;
  void compare_owners(PackageIndex package, const Distribution& a, const Distribution& b,
                      const ByPath& files_of_a);
  std::string whose(const OwnedFile& of_a, const OwnedFile& of_b, const Distribution& a,
                    const Distribution& b) const;
  /// Compares with the disk: sizes of all files of Keras and tf_keras, hashes of a few.
  void changed_files();
  void compare_with_disk(const Distribution& d, const OwnedFile& file, bool hashed, bool& missing,
                         bool& changed) const;
  bool is_overwritten(const Distribution& d) const;
  void leftovers();

  // copy_rules.cc
  void two_layouts();
  void second_copy();

  // version_rules.cc
  void choose_tensorflow();
  void keras_version();
  void tf_keras_version();
  /// conda believes in another version than pip installed.
  void conda_records();

  std::string path_in(size_t root, std::string_view file) const;
  Finding& add(FindingKind kind, std::string explanation);
  /// Distributions in the package's root that own it or have its name.
  std::vector<const Distribution*> owners(PackageIndex package,
                                          bool (*has_name)(const std::string&)) const;

  const Environment& environment_;
  const Installed& installed_;
  Diagnosis& out_;
  /// Where each package is imported from; roots.size() where nowhere.
  std::array<size_t, kPackages.size()> root_{};
};

/// "keras 2.12.0".
std::string label(const Distribution& d);

/// The bytes of a Python source, empty where it cannot be read or is absurdly long.
Bytes source_of(const std::string& path);
bool contains(const Bytes& bytes, std::string_view words);

}  // namespace pumice
