// conda's records: PREFIX/conda-meta/NAME-VERSION-BUILD.json, one a package.
#pragma once

#include "doctor/distributions.h"
#include "doctor/environment.h"

namespace pumice {

/// Fills installed.conda with the packages of Keras's and TensorFlow's names. One that has neither
/// a .dist-info nor an .egg-info becomes a distribution with the files that conda lists. What
/// cannot be read is a warning.
void read_conda(const Environment& environment, Installed& installed);

/// The files below kPackages of one record. False where it is no such JSON; what was read stays.
bool read_conda_record(std::string_view json, Distribution& distribution);

}  // namespace pumice
