// Keras's own files: `.keras` (a zip with config.json, metadata.json and the weights as HDF5) and
// `.h5` (HDF5 with the configs as attributes). Configs become documents, datasets checkpoint
// entries; the graph is empty.
#pragma once

#include <string>

#include "formats/source.h"

namespace pumice {

/// A place inside that cannot be read is a warning in the facts. kUnknownFormat for other zip
/// archives.
Result<Source> read_keras(const Bytes& bytes, const std::string& path);

/// Whole models and weights alone, of Keras 3 and tf_keras. kUnknownFormat for other HDF5 files.
Result<Source> read_keras_h5(const Bytes& bytes, const std::string& path);

}  // namespace pumice
