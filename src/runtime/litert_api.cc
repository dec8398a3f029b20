#include "runtime/litert_api.h"

#include <algorithm>
#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/runtime.h"

namespace pumice::litert {
namespace {

constexpr const char* kHowToGet =
    "Get it with `pip install ai-edge-litert` (2.1.6 or newer) in an active virtual environment, "
    "or "
    "set PUMICE_LITERT to the libLiteRt.so of that package.";

template <typename F>
void look_up(void* library, const char* name, F* function, const char** missing) {
  *function = reinterpret_cast<F>(dlsym(library, name));
  if (*function == nullptr && *missing == nullptr) *missing = name;
}

struct StatusName {
  int number;
  const char* name;
};
constexpr StatusName kStatuses[] = {
    {1, "InvalidArgument"},
    {2, "MemoryAllocationFailure"},
    {3, "RuntimeFailure"},
    {4, "MissingInputTensor"},
    {5, "Unsupported"},
    {6, "NotFound"},
    {7, "TimeoutExpired"},
    {8, "WrongVersion"},
    {9, "Unknown"},
    {10, "AlreadyExists"},
    {100, "Cancelled"},
    {500, "FileIO"},
    {501, "InvalidFlatbuffer"},
    {502, "DynamicLoading"},
    {503, "Serialization"},
    {504, "Compilation"},
    {1000, "IndexOutOfBounds"},
    {1001, "InvalidIrType"},
    {1002, "InvalidGraphInvariant"},
    {1003, "GraphModification"},
    {1500, "InvalidToolConfig"},
    {4000, "UnsupportedRuntimeVersion"},
    {5000, "UnsupportedOpShapeInferer"},
    {5001, "ShapeInferenceFailed"},
};

struct ElementType {
  int32_t number;
  DType dtype;
};
constexpr ElementType kElementTypes[] = {
    {1, DType::kFloat32}, {2, DType::kInt32},     {3, DType::kUInt8},     {4, DType::kInt64},
    {5, DType::kString},  {6, DType::kBool},      {7, DType::kInt16},     {8, DType::kComplex64},
    {9, DType::kInt8},    {10, DType::kFloat16},  {11, DType::kFloat64},  {12, DType::kComplex128},
    {13, DType::kUInt64}, {14, DType::kResource}, {15, DType::kVariant},  {16, DType::kUInt32},
    {17, DType::kUInt16}, {18, DType::kInt4},     {19, DType::kBFloat16},
};

}  // namespace

std::string status_name(int status) {
  for (const StatusName& s : kStatuses)
    if (s.number == status) return s.name;
  return "status " + std::to_string(status);
}

DType dtype_from_element_type(int32_t element_type) {
  for (const ElementType& e : kElementTypes)
    if (e.number == element_type) return e.dtype;
  return DType::kInvalid;
}

int32_t element_type_of(DType dtype) {
  for (const ElementType& e : kElementTypes)
    if (e.dtype == dtype) return e.number;
  return -1;
}

Result<Api> open_library(const std::string& path) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) {
    const char* reason = dlerror();
    return Error(ErrorCode::kNotFound, "the LiteRT library cannot be loaded")
        .in(path)
        .found(reason ? reason : "no reason")
        .hint(kHowToGet);
  }
  // Several functions changed their parameters in 2.1.6; this one came with it.
  if (dlsym(library, "LiteRtCreateModelFromFd") == nullptr) {
    return Error(ErrorCode::kUnsupported, "this LiteRT library is too old")
        .in(path)
        .expected("LiteRT 2.1.6 or newer")
        .found("an older version")
        .hint(kHowToGet);
  }
  Api api{};
  const char* missing = nullptr;
#define PUMICE_LOOK_UP(name) look_up(library, #name, &api.name, &missing)
  PUMICE_LOOK_UP(LiteRtCreateEnvironment);
  PUMICE_LOOK_UP(LiteRtDestroyEnvironment);
  PUMICE_LOOK_UP(LiteRtCreateModelFromFile);
  PUMICE_LOOK_UP(LiteRtDestroyModel);
  PUMICE_LOOK_UP(LiteRtGetNumModelSignatures);
  PUMICE_LOOK_UP(LiteRtGetModelSignature);
  PUMICE_LOOK_UP(LiteRtGetSignatureKey);
  PUMICE_LOOK_UP(LiteRtGetNumSignatureInputs);
  PUMICE_LOOK_UP(LiteRtGetSignatureInputName);
  PUMICE_LOOK_UP(LiteRtGetSignatureInputTensorByIndex);
  PUMICE_LOOK_UP(LiteRtGetNumSignatureOutputs);
  PUMICE_LOOK_UP(LiteRtGetSignatureOutputName);
  PUMICE_LOOK_UP(LiteRtGetSignatureOutputTensorByIndex);
  PUMICE_LOOK_UP(LiteRtGetTensorTypeId);
  PUMICE_LOOK_UP(LiteRtGetRankedTensorType);
  PUMICE_LOOK_UP(LiteRtGetUnrankedTensorType);
  PUMICE_LOOK_UP(LiteRtCreateOptions);
  PUMICE_LOOK_UP(LiteRtDestroyOptions);
  PUMICE_LOOK_UP(LiteRtSetOptionsHardwareAccelerators);
  PUMICE_LOOK_UP(LiteRtCreateOpaqueOptions);
  PUMICE_LOOK_UP(LiteRtDestroyOpaqueOptions);
  PUMICE_LOOK_UP(LiteRtAddOpaqueOptions);
  PUMICE_LOOK_UP(LiteRtCreateCompiledModel);
  PUMICE_LOOK_UP(LiteRtDestroyCompiledModel);
  PUMICE_LOOK_UP(LiteRtGetCompiledModelInputTensorLayout);
  PUMICE_LOOK_UP(LiteRtGetCompiledModelOutputTensorLayouts);
  PUMICE_LOOK_UP(LiteRtCompiledModelResizeInputTensor);
  PUMICE_LOOK_UP(LiteRtCompiledModelResizeInputTensorNonStrict);
  PUMICE_LOOK_UP(LiteRtCreateTensorBufferFromHostMemory);
  PUMICE_LOOK_UP(LiteRtDestroyTensorBuffer);
  PUMICE_LOOK_UP(LiteRtRunCompiledModel);
#undef PUMICE_LOOK_UP
  if (missing != nullptr) {
    return Error(ErrorCode::kUnsupported, "this LiteRT library lacks a function")
        .in(path)
        .expected(missing)
        .hint(kHowToGet);
  }
  return api;
}

}  // namespace pumice::litert

namespace pumice {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLibraryName = "libLiteRt.so";

// A library found in a folder that nobody named is loaded only if this user or root has put it
// there.
bool is_trusted_file(const fs::path& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) &&
         (info.st_uid == geteuid() || info.st_uid == 0);
}

// The library in a Python environment; empty when it is not installed there.
std::string in_python_environment(const fs::path& prefix) {
  std::string found;
  std::error_code code;
  for (fs::directory_iterator it(prefix / "lib", code), end; !code && it != end;
       it.increment(code)) {
    fs::path file = it->path() / "site-packages" / "ai_edge_litert" / kLibraryName;
    if (is_trusted_file(file)) found = std::max(found, file.string());
  }
  return found;
}

// The library in a folder's .cache, as the project's makefile fills it; empty when there is none.
std::string in_cache_of(const fs::path& folder) {
  fs::path file = folder / ".cache" / "litert" / kLibraryName;
  if (is_trusted_file(file)) return file.string();
  return in_python_environment(folder / ".cache" / "venv");
}

}  // namespace

std::string find_litert(const std::string& library_path) {
  if (!library_path.empty()) return library_path;
  std::error_code code;
  if (const char* named = std::getenv("PUMICE_LITERT"); named != nullptr && *named != '\0') {
    fs::path path(named);
    return fs::is_directory(path, code) ? (path / kLibraryName).string() : path.string();
  }
  std::string found = in_cache_of(fs::current_path(code));
  // A built binary stands in build/PRESET: the cache is beside `build`.
  fs::path folder = fs::read_symlink("/proc/self/exe", code).parent_path();
  for (int up = 0; found.empty() && up < 3 && folder.has_relative_path(); ++up) {
    found = in_cache_of(folder);
    folder = folder.parent_path();
  }
  for (const char* variable : {"VIRTUAL_ENV", "CONDA_PREFIX"}) {
    const char* prefix = std::getenv(variable);
    if (found.empty() && prefix != nullptr && *prefix != '\0')
      found = in_python_environment(prefix);
  }
  return found.empty() ? kLibraryName : found;
}

Status preload_litert(const std::string& library_path) {
  Result<litert::Api> api = litert::open_library(find_litert(library_path));
  if (!api.ok()) return std::move(api).error();
  return {};
}

}  // namespace pumice
