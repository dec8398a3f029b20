// The checksum of HDF5's newer metadata blocks: Bob Jenkins' lookup3, as the format specification
// names it ("Jenkins' lookup3"), with an initial value of 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace pumice {

uint32_t hdf5_checksum(std::span<const std::byte> bytes);

}  // namespace pumice
