// The text files of a .dist-info or .egg-info folder. Their content is nobody's promise: whatever
// the bytes, these give what can be read, in memory bounded by the text and the limits below.
#pragma once

#include <string>
#include <string_view>

#include "doctor/distributions.h"

namespace pumice {

/// The lines of a RECORD (CSV: path, hash, size) whose path lies below one of kPackages go into
/// `files`. False, with what was read so far kept, where a line is broken or there are too many;
/// `what` then says how.
bool read_record(std::string_view text, Distribution& distribution, std::string* what);

/// setuptools' installed-files.txt: one path a line, relative to the .egg-info folder, no hashes.
void read_installed_files(std::string_view text, Distribution& distribution);

/// METADATA or PKG-INFO: name, version and requirements, up to the description. False where it has
/// no name or no version; those that it has replace the distribution's.
bool read_metadata(std::string_view text, Distribution& distribution);

/// Whether some line begins with "PACKAGE/__init__.py", for one of kPackages, after `prefix`. It
/// costs a fraction of reading the lines: most distributions have nothing to do with Keras.
bool lists_a_package(std::string_view text, std::string_view prefix);

/// Index in kPackages of the package that a path lies in; kPackages.size() for others.
size_t package_of(std::string_view path);

/// Takes the first line off `text`, without its end.
std::string_view next_line(std::string_view& text);

}  // namespace pumice
