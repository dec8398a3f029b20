// Writes a checkpoint that holds a part of another one: entries copied bit by bit, some left out, some
// strings replaced. One data file, whatever the source had.
#pragma once

#include <map>
#include <string>
#include <unordered_set>

#include "formats/tensor_bundle/bundle.h"

namespace pumice {

struct BundleEdit {
  std::unordered_set<std::string> removed;     // keys; with the parts of partitioned tensors
  std::map<std::string, std::string> strings;  // key of a scalar string → its new value
};

/// Writes `prefix`.index and `prefix`.data-00000-of-00001. The folder must exist and is the
/// caller's: a failure may leave files in it. Errors: those of reading, kUnwritable.
Status write_bundle(const Bundle& source, const BundleEdit& edit, const std::string& prefix);

}  // namespace pumice
