// What is installed in an environment: distributions, and the files that they say are theirs.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "doctor/environment.h"
#include "doctor/versions.h"
#include "graph/tensor.h"

namespace pumice {

/// The import packages that are looked into; everything else is only counted.
inline constexpr std::array<std::string_view, 3> kPackages = {"keras", "tf_keras", "tensorflow"};
enum PackageIndex : size_t { kKeras, kTfKeras, kTensorFlow };

/// One line of a RECORD. Views into the mapped file or the distribution's `unquoted`.
struct OwnedFile {
  std::string_view path;    // relative to the root: "keras/__init__.py"
  std::string_view digest;  // sha256 as the RECORD writes it; empty where it gives none
  int64_t size = -1;        // bytes; -1 where it gives none
};

struct Distribution {
  std::string name;        // as its metadata writes it
  std::string normalized;  // PEP 503
  std::string version;
  PythonVersion parsed;
  std::string folder;  // its .dist-info or .egg-info
  size_t root = 0;     // index in Environment::roots
  std::vector<Requirement> requirements;
  /// Its files below each of kPackages; only of distributions that are `relevant`.
  std::array<std::vector<OwnedFile>, kPackages.size()> files;
  bool relevant = false;  // has a name of the family, or owns a file of one of kPackages
  std::vector<std::string> top_level;  // top_level.txt
  bool by_conda = false;               // conda installed it, so conda has to remove it

  Bytes record;                      // keeps `files` alive
  std::deque<std::string> unquoted;  // what `files` views that stands in no mapped file

  /// Says of itself that `package` is its own.
  bool owns(PackageIndex package) const;
};

/// What conda's own records say of a package of the family.
struct CondaPackage {
  std::string name, version;  // as conda has them
  std::string normalized;
  std::string file;  // conda-meta/NAME-VERSION-BUILD.json
};

struct Installed {
  std::deque<Distribution> distributions;  // relevant ones; stable addresses
  size_t roots = 0;                        // that could be listed
  size_t count = 0;                        // of all, relevant or not
  std::vector<CondaPackage> conda;
  std::vector<std::string> leftovers;  // "~eras-2.12.0.dist-info": what a broken pip run left
  std::vector<std::string> warnings;
};

/// Whether a normalized name is one of TensorFlow's builds (tensorflow, tensorflow-cpu,
/// tf-nightly…).
bool is_tensorflow(const std::string& normalized);
/// keras or keras-nightly.
bool is_keras(const std::string& normalized);
bool is_tf_keras(const std::string& normalized);

/// Reads every root. Nothing here fails: what cannot be read is a warning.
Installed read_installed(const Environment& environment);

}  // namespace pumice
