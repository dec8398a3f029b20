// Finds a Python environment on disk. No Python is started: the variables, marker files and folder
// names that Python itself goes by are enough.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "pumice/error.h"

namespace pumice {

/// What the search may look at outside the file system; tests pass their own.
struct Surroundings {
  std::function<std::string(const char*)> variable;  // empty text where it is not set
  std::string working_folder;

  static Surroundings of_process();
};

/// A folder that Python imports packages from.
struct PackageRoot {
  enum class Kind { kPythonPath, kUser, kSite, kSystem };
  Kind kind = Kind::kSite;
  std::string path;
};

struct Environment {
  std::string prefix;
  std::string found_by;  // "--python-env", "VIRTUAL_ENV", "CONDA_PREFIX", "PYENV_VERSION", …
  std::string python;    // its executable; empty where there is none
  std::string python_version;  // "3.11", from pyvenv.cfg or the folder's name; may be empty
  /// In the order in which Python searches them.
  std::vector<PackageRoot> roots;
  std::vector<std::string> warnings;
};

/// `python_env` as DoctorOptions has it. Errors: kNotFound, kUnknownFormat.
Result<Environment> find_environment(const std::string& python_env,
                                     const Surroundings& surroundings);

/// The first line of pyenv's choice for `folder` ("3.11.7", "system"), and the file or variable
/// that made it; both empty where nothing chooses.
struct PyenvChoice {
  std::string version, made_by;
};
PyenvChoice pyenv_choice(const std::string& pyenv_root, const Surroundings& surroundings);

}  // namespace pumice
