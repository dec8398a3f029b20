// Zip archives and NumPy arrays: whatever the bytes, an error or tensors, within the limits.
#include <cstdint>

#include "formats/npz/npz.h"
#include "formats/zip/zip.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto* begin = reinterpret_cast<const std::byte*>(data);
  pumice::Bytes bytes = pumice::Bytes::own({begin, begin + size});
  (void)pumice::parse_npy(bytes);
  (void)pumice::parse_npz(bytes);
  pumice::ZipLimits limits;
  limits.free_size = 1 << 20;
  pumice::Result<pumice::ZipReader> zip = pumice::ZipReader::open(bytes, limits);
  if (!zip.ok()) return 0;
  for (const pumice::ZipEntry& entry : zip->entries()) (void)zip->read(entry);
  return 0;
}
