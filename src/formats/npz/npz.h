// NumPy's `.npy` and `.npz` files: named tensors in and out of tests, verify and calibration.
#pragma once

#include <string>
#include <vector>

#include "graph/tensor.h"
#include "pumice/error.h"

namespace pumice {

/// A tensor with the name that callers use for it.
struct NamedTensor {
  std::string name;
  Tensor tensor;
};

/// One `.npy` document. Little-endian bool, int8–64, uint8–64, float16–64, complex64/128;
/// big-endian and Fortran-ordered arrays are put in order; strings (`S`, `U`) become string
/// tensors. Objects are refused (they would need pickle). The tensor shares the document's bytes
/// where it can.
Result<Tensor> parse_npy(const Bytes& document);
/// The header of a `.npy` document (version 1.0), padded so that data begin at a multiple of 64.
/// kUnsupported for dtypes that NumPy lacks (bfloat16, int4, resource, variant) and for strings.
Result<std::string> npy_header(DType dtype, const Dims& dims);

/// All arrays of an `.npz` in file order, their names without `.npy`.
Result<std::vector<NamedTensor>> parse_npz(const Bytes& archive);
Result<std::vector<NamedTensor>> read_npz(const std::string& path);

/// Writes an uncompressed `.npz`: whole or not at all, the same bytes for the same tensors.
/// bfloat16 is written as float32 (exact).
Status write_npz(const std::string& path, const std::vector<NamedTensor>& tensors);

}  // namespace pumice
