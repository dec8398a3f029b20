// Data that do not lie together in the file: in chunks, or never written.
#pragma once

#include <memory>
#include <vector>

#include "formats/hdf5/messages.h"
#include "formats/hdf5/reader.h"

namespace pumice {

/// Reads the index of a chunked dataset (a version 1 B-tree); the chunks themselves are unpacked by
/// load(). `data` gives type and shape, `fill` the value of what was never written (empty: zeros).
/// kTooLarge beyond the limits, kMalformed where index and shape disagree.
Result<std::shared_ptr<const Hdf5Chunks>> read_hdf5_chunks(Hdf5Blocks& blocks, const Hdf5Data& data,
                                                           const Hdf5Layout& layout,
                                                           std::vector<Hdf5Filter> filters,
                                                           std::span<const std::byte> fill,
                                                           const Hdf5Limits& limits);

/// A dataset that was never written: the fill value everywhere.
Result<std::shared_ptr<const Hdf5Chunks>> unwritten_hdf5_data(const Hdf5Data& data,
                                                              std::span<const std::byte> fill,
                                                              const Hdf5Limits& limits);

}  // namespace pumice
