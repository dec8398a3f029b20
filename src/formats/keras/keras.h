// `.keras` files: a zip with config.json, metadata.json and the weights as HDF5.
#pragma once

#include <string>

#include "formats/source.h"

namespace pumice {

/// Reads the configs as documents; the graph is empty and the weights stay unread, which is a
/// warning in the facts. kUnknownFormat for other zip archives.
Result<Source> read_keras(const Bytes& bytes, const std::string& path);

}  // namespace pumice
