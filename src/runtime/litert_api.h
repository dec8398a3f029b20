// LiteRT's compiled-model C API, as libLiteRt.so 2.1.6 to 2.3.0 exports it: our own declarations of
// the few functions used, looked up at run time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "graph/dtype.h"
#include "pumice/error.h"

namespace pumice::litert {

// Handles are opaque pointers.
struct Environment;
struct ModelObject;
struct SignatureObject;
struct TensorObject;
struct Options;
struct OpaqueOptions;
struct CompiledModel;
struct TensorBuffer;

constexpr int kCpuAccelerator = 1;
constexpr size_t kBufferAlignment = 64;
constexpr int kMaxRank = 8;
constexpr int kRankedTensor = 0, kUnrankedTensor = 1;

/// A shape. Bits 0–6 of the first word are the rank, bit 7 says whether strides are given.
struct Layout {
  uint32_t rank_and_flags = 0;
  int32_t dimensions[kMaxRank] = {};
  uint32_t strides[kMaxRank] = {};

  int rank() const { return static_cast<int>(rank_and_flags & 0x7f); }
};

struct RankedTensorType {
  int32_t element_type = 0;
  Layout layout;
};

struct Api {
  int (*LiteRtCreateEnvironment)(int, const void*, Environment**);
  void (*LiteRtDestroyEnvironment)(Environment*);
  int (*LiteRtCreateModelFromFile)(Environment*, const char*, ModelObject**);
  void (*LiteRtDestroyModel)(ModelObject*);
  int (*LiteRtGetNumModelSignatures)(ModelObject*, size_t*);
  int (*LiteRtGetModelSignature)(ModelObject*, size_t, SignatureObject**);
  int (*LiteRtGetSignatureKey)(SignatureObject*, const char**);
  int (*LiteRtGetNumSignatureInputs)(SignatureObject*, size_t*);
  int (*LiteRtGetSignatureInputName)(SignatureObject*, size_t, const char**);
  int (*LiteRtGetSignatureInputTensorByIndex)(SignatureObject*, size_t, TensorObject**);
  int (*LiteRtGetNumSignatureOutputs)(SignatureObject*, size_t*);
  int (*LiteRtGetSignatureOutputName)(SignatureObject*, size_t, const char**);
  int (*LiteRtGetSignatureOutputTensorByIndex)(SignatureObject*, size_t, TensorObject**);
  int (*LiteRtGetTensorTypeId)(TensorObject*, int*);
  int (*LiteRtGetRankedTensorType)(TensorObject*, RankedTensorType*);
  int (*LiteRtGetUnrankedTensorType)(TensorObject*, int32_t*);
  int (*LiteRtCreateOptions)(Options**);
  void (*LiteRtDestroyOptions)(Options*);
  int (*LiteRtSetOptionsHardwareAccelerators)(Options*, int);
  int (*LiteRtCreateOpaqueOptions)(const char*, void*, void (*)(void*), OpaqueOptions**);
  void (*LiteRtDestroyOpaqueOptions)(OpaqueOptions*);
  int (*LiteRtAddOpaqueOptions)(Options*, OpaqueOptions*);
  int (*LiteRtCreateCompiledModel)(Environment*, ModelObject*, Options*, CompiledModel**);
  void (*LiteRtDestroyCompiledModel)(CompiledModel*);
  int (*LiteRtGetCompiledModelInputTensorLayout)(CompiledModel*, size_t, size_t, Layout*);
  int (*LiteRtGetCompiledModelOutputTensorLayouts)(CompiledModel*, size_t, size_t, Layout*, bool);
  int (*LiteRtCompiledModelResizeInputTensor)(CompiledModel*, size_t, size_t, const int*, size_t);
  int (*LiteRtCompiledModelResizeInputTensorNonStrict)(CompiledModel*, size_t, size_t, const int*,
                                                       size_t);
  int (*LiteRtCreateTensorBufferFromHostMemory)(const RankedTensorType*, void*, size_t,
                                                void (*)(void*), TensorBuffer**);
  void (*LiteRtDestroyTensorBuffer)(TensorBuffer*);
  int (*LiteRtRunCompiledModel)(CompiledModel*, size_t, size_t, TensorBuffer**, size_t,
                                TensorBuffer**);
};

/// Opens the library and looks all functions up. It stays loaded for the life of the process (its
/// worker threads outlive its objects). Errors: kNotFound, kUnsupported (an older version).
Result<Api> open_library(const std::string& path);

/// "RuntimeFailure" for status number 3, ….
std::string status_name(int status);

/// TfLiteType numbers, as LiteRT's element types are; kInvalid / -1 when there is none.
DType dtype_from_element_type(int32_t element_type);
int32_t element_type_of(DType dtype);

}  // namespace pumice::litert
