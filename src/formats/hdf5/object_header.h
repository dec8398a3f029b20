// Object headers, versions 1 and 2, with their continuation blocks.
#pragma once

#include <vector>

#include "formats/hdf5/blocks.h"

namespace pumice {

struct Hdf5Message {
  uint8_t type, flags;  // flag 2: shared, the body is an address
  std::span<const std::byte> body;
};

/// The messages of the header at an address, in the file's order; without continuations and gaps.
/// kMalformed also for a header that was read before.
Result<std::vector<Hdf5Message>> read_hdf5_header(Hdf5Blocks& blocks, uint64_t address);

}  // namespace pumice
