// Says why a Python environment raises "Duplicate registrations for type 'experimentalOptimizer'",
// and what cures it. Reads files only; no Python is ever started.
#pragma once

#include <cstddef>
#include <string>

#include "pumice/error.h"

namespace pumice {

struct DoctorOptions {
  /// The environment's folder (what `python -m venv` or conda made), or its site-packages. Empty:
  /// the active one, told by VIRTUAL_ENV, CONDA_PREFIX, pyenv's version files and the python on PATH.
  std::string python_env;
};

struct DoctorReport {
  size_t problems = 0;  ///< findings that break something; notes are not counted
  std::string text;     ///< for people: the causes, the commands that cure them, what to expect
  std::string json;     ///< docs/doctor.md describes it
};

/// Examines the distributions of one environment that have to do with Keras and TensorFlow. A file
/// that cannot be read becomes a warning in the report.
/// Errors: kNotFound (no such folder, or no active environment), kUnknownFormat (the folder holds no
/// Python environment), kUnreadable.
Result<DoctorReport> examine_environment(const DoctorOptions& options = {});

}  // namespace pumice
