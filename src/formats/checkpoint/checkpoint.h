// Checkpoints as sources: a TF1 one (.meta, .index, .data-*), or one without a graph, for its facts.
#pragma once

#include <optional>
#include <string>

#include "formats/source.h"

namespace pumice {

/// The prefix of the checkpoint that `path` means: PREFIX.meta, PREFIX.index, PREFIX.data-*, PREFIX
/// itself, or a folder with a `checkpoint` file that names the latest; nullopt when it is none.
std::optional<std::string> checkpoint_prefix(const std::string& path);

/// Reads PREFIX.meta's graph and binds its variables through the saver's restore op. Without a .meta
/// file the graph is empty, and only the facts are there.
Result<Source> read_checkpoint(const std::string& prefix);

}  // namespace pumice
