// A bounded reader of HDF5 files as h5py writes them for Keras.
//
// Read: superblocks 0 to 3; object headers 1 and 2 with continuations; groups as symbol tables and as
// links; links and attributes in headers and in fractal heaps; variable-length data in global
// heaps; datasets compact, contiguous and in chunks (version 1 B-tree) with deflate and shuffle.
// Source: the HDF5 File Format Specification 3.0.
// Refused by name: newer chunk indices, other filters, filtered heaps, soft and external links,
// committed datatypes, references, compound and array types, user blocks.
#pragma once

#include <string>
#include <vector>

#include "formats/hdf5/tree.h"

namespace pumice {

struct Hdf5Limits {
  uint32_t max_depth = 512;                 // groups in groups
  uint64_t free_size = uint64_t{64} << 20;  // a chunked dataset may grow to this, or to
  uint64_t max_ratio = 200;                 // that many times its bytes in the file,
  uint64_t max_size = uint64_t{8} << 30;    // and never beyond this
  bool checksums = true;                    // false: not compared (for fuzzing)
};

/// A file's tree, and what in it could not be read. An object that is at fault is left out.
struct Hdf5File {
  Hdf5Object root;
  struct Fault {
    std::string path;  // "layers/dense/vars/0", "optimizer_weights@weight_names"
    Error error;
  };
  std::vector<Fault> faults;  // a bounded number; the last one says that there are more
};

/// Whether the bytes begin as an HDF5 file.
bool looks_like_hdf5(std::span<const std::byte> file);

/// Reads the tree; data stay views of `file`. Fails where not even the root can be read
/// (kMalformed, kTruncated, kUnsupported); anything below it becomes a fault.
Result<Hdf5File> read_hdf5(const Bytes& file, const Hdf5Limits& limits = {});

/// The same for a caller who needs all of it: the first fault is the error.
Result<Hdf5Object> read_whole_hdf5(const Bytes& file, const Hdf5Limits& limits = {});

}  // namespace pumice
