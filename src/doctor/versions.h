// Versions of Python distributions and what a requirement asks of them (PEP 440 and 508, as far as
// the pairs of TensorFlow and Keras need it).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pumice {

/// The release numbers of a version; "2.13.0.dev20230502" is 2.13.0, a development version.
struct PythonVersion {
  std::vector<int> release;
  bool development = false;  // .dev, a, b or rc

  int major() const { return release.empty() ? -1 : release[0]; }
  int minor() const { return release.size() < 2 ? 0 : release[1]; }
  /// Release numbers only; missing ones are zero.
  int compare(const PythonVersion& other) const;
  bool same_minor(const PythonVersion& other) const {
    return major() == other.major() && minor() == other.minor();
  }
  bool at_least(int want_major, int want_minor) const {
    return major() > want_major || (major() == want_major && minor() >= want_minor);
  }
};

/// No release numbers where the text has none.
PythonVersion parse_version(std::string_view text);

/// PEP 503: lower case, runs of "-", "_" and "." become "-".
std::string normalized_name(std::string_view name);

/// One Requires-Dist: "keras (<2.14,>=2.13.1) ; marker".
struct Requirement {
  std::string name;          // normalized
  std::string specifiers;    // "<2.14,>=2.13.1"; empty where any version will do
  bool conditional = false;  // has an environment marker
};
Requirement parse_requirement(std::string_view text);

/// Whether a version's release numbers satisfy the specifiers. A development version is taken for
/// the release it leads to. A clause that is not understood is taken as satisfied.
bool satisfies(const PythonVersion& version, std::string_view specifiers);

}  // namespace pumice
