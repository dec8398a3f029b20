// Links and attributes that are too many for their object's header: messages in a fractal heap,
// listed by a version 2 B-tree. libhdf5 writes them so above eight, in files of its newer forms.
#pragma once

#include <functional>

#include "formats/hdf5/blocks.h"

namespace pumice {

/// Calls `each` with the body of every message (or why it cannot be read), in the index's order.
/// Fails where heap or index cannot be read at all; kUnsupported for filtered heaps.
Status read_dense_messages(Hdf5Blocks& blocks, uint64_t heap, uint64_t index,
                           const std::function<void(Result<std::span<const std::byte>>)>& each);

}  // namespace pumice
