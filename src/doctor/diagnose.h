// The rules: what is wrong with the Keras and TensorFlow of an environment, and what cures it.
#pragma once

#include <string>
#include <vector>

#include "doctor/distributions.h"
#include "doctor/environment.h"

namespace pumice {

enum class FindingKind {
  kSharedFiles,     // two distributions own the same files, with different content
  kTwoLayouts,      // keras/optimizers/optimizer.py beside keras/src/optimizers/optimizer.py
  kSecondCopy,      // another Keras earlier on the path
  kDuplicate,       // one distribution installed in two versions
  kKerasVersion,    // Keras and TensorFlow do not fit
  kTfKerasVersion,  // tf_keras and TensorFlow do not fit
  kChangedFiles,    // files differ from what their RECORD says
  kSameContent,     // two distributions own the same files, alike (a note)
  kCondaRecord,     // conda's record says another version than pip installed (a note)
  kLeftover,        // folders that a broken pip run left (a note)
};
const char* finding_name(FindingKind kind);  // "shared_files", …

struct Finding {
  FindingKind kind;
  bool problem = true;  // else a note: worth knowing, breaks nothing
  std::string explanation;
  std::vector<const Distribution*> distributions;
  std::vector<std::string> files;  // examples, relative to their root or absolute
  size_t file_count = 0;           // of all
};

struct Diagnosis {
  std::vector<Finding> findings;
  const Distribution* tensorflow = nullptr;  // the one that Python imports
  /// TensorFlow's revived_types.py; empty where there is none.
  std::string assertion_file;
  bool assertion = false;  // it can raise "Duplicate registrations"
  /// Files that register 'experimentalOptimizer' with TensorFlow, of the Keras packages found.
  std::vector<std::string> registering_files;
  /// Two of them can be imported in one process, and the assertion is there.
  bool raises = false;
  std::vector<std::string> commands;  // for a shell, in order
  std::vector<std::string> expect;    // sentences: what happens after them

  size_t problems() const;
};

/// Environment variables matter where an earlier copy stands on PYTHONPATH.
Diagnosis diagnose(const Environment& environment, const Installed& installed,
                   const Surroundings& surroundings);

/// What TensorFlow asks of Keras: its own Requires-Dist, else the rule for its version. Empty name
/// where it carries Keras itself (before 2.6).
Requirement keras_requirement(const Distribution& tensorflow);

/// The commands and the outlook for what was found.
void prescribe(const Environment& environment, const Installed& installed,
               const Surroundings& surroundings, Diagnosis& diagnosis);

/// The root that Python imports `package` from; roots.size() where none has it.
size_t root_of(const Environment& environment, PackageIndex package);

}  // namespace pumice
