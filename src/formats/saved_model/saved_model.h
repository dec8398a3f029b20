// SavedModel folders: saved_model.pb (or .pbtxt), variables/, keras_metadata.pb.
#pragma once

#include <string>

#include "formats/source.h"

namespace pumice {

/// Whether the folder has a saved_model.pb or saved_model.pbtxt.
bool is_saved_model(const std::string& folder);

/// Reads the graph with the wanted tags. Variables are bound by the graph's restore op or, where it
/// leaves one out, by the object graph; never by name or order.
Result<Source> read_saved_model(const std::string& folder, const ReadOptions& options);

}  // namespace pumice
