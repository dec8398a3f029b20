// Writes an HDF5 file from a tree. libhdf5 1.8 and later, h5py, Keras 3 and tf_keras read it.
//
// Superblock 2, version 2 object headers, links as messages, data contiguous; variable-length data
// in global heaps. No times, no free space: the same tree gives the same bytes.
#pragma once

#include <vector>

#include "formats/hdf5/tree.h"

namespace pumice {

/// The file as parts that stand one after the other: metadata in memory, and data as they are in
/// the tree (views of a mapped source stay views). Chunked data are put together, uncompressed.
/// Errors: kTooLarge (an attribute of fixed size above 64 KiB, a name above 64 KiB), kUnsupported,
/// and those of Hdf5Data::load().
Result<std::vector<Bytes>> write_hdf5(const Hdf5Object& root);

}  // namespace pumice
