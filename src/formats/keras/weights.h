// Keras's weights in HDF5, as facts.
#pragma once

#include <memory>
#include <string>

#include "formats/hdf5/reader.h"
#include "formats/source.h"

namespace pumice {

/// Adds the datasets as checkpoint entries, the groups' names, and what could not be read as
/// warnings. `file` is what places call the file; its tree is kept for checkpoint_value.
void add_hdf5_facts(std::shared_ptr<const Hdf5File> file, const std::string& name,
                    SourceFacts& facts);

}  // namespace pumice
