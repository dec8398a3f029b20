// LiteRT's compiled model behind the Runtime interface. The order of a run:
//   input layouts → resize what differs → output layouts → buffers → run → copy out.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>

#include "runtime/litert_api.h"
#include "runtime/runtime.h"

namespace pumice {
namespace {

using litert::Api;

// An owned handle that the API destroys.
template <typename T>
using Handle = std::unique_ptr<T, void (*)(T*)>;

// Host memory as LiteRT wants it: aligned, and with room behind it (XNNPACK reads whole vectors).
class AlignedBytes {
 public:
  explicit AlignedBytes(size_t size) : size_(size) {
    const size_t a = litert::kBufferAlignment;
    if (size <= SIZE_MAX - 3 * a)
      data_.reset(static_cast<std::byte*>(std::aligned_alloc(a, (size / a + 2) * a)));
  }
  bool ok() const { return data_ != nullptr; }
  std::byte* data() const { return data_.get(); }
  size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(void* p) const { std::free(p); }
  };
  std::unique_ptr<std::byte, Free> data_;
  size_t size_;
};

struct TensorInfo {
  SignatureTensor tensor;
  int32_t element_type = 0;
};

struct SignatureInfo {
  std::string key;
  std::vector<TensorInfo> inputs, outputs;
};

// LiteRT prints its reasons to standard error only; the status name is all that it returns.
Error refusal(const char* action, int status) {
  return Error(ErrorCode::kUnsupported, std::string("LiteRT cannot ") + action)
      .found(litert::status_name(status));
}

Shape shape_of(const litert::Layout& layout) {
  std::vector<Dim> dims;
  for (int i = 0; i < std::min(layout.rank(), litert::kMaxRank); ++i)
    dims.push_back(layout.dimensions[i] < 0 ? Dim::unknown() : Dim(layout.dimensions[i]));
  return Shape(std::move(dims));
}

class LiteRtRuntime : public Runtime {
 public:
  LiteRtRuntime(const Api& api, std::string path)
      : api_(api),
        path_(std::move(path)),
        environment_(nullptr, api.LiteRtDestroyEnvironment),
        model_(nullptr, api.LiteRtDestroyModel),
        compiled_(nullptr, api.LiteRtDestroyCompiledModel) {}

  Status load(const RuntimeOptions& options);

  Result<std::vector<Signature>> signatures() override;
  Result<std::vector<NamedTensor>> run(const std::string& signature,
                                       const std::vector<NamedTensor>& inputs) override;

 private:
  using BufferHandle = Handle<litert::TensorBuffer>;

  Status read_signatures();
  Result<TensorInfo> describe(const char* name, litert::TensorObject* tensor) const;
  Status fit_input(size_t signature, size_t index, const TensorInfo& info, const Tensor& tensor);
  Result<BufferHandle> wrap(int32_t element_type, const Dims& dims,
                            const AlignedBytes& bytes) const;

  Api api_;
  std::string path_;
  // Destroyed in reverse order: the compiled model first, the environment last.
  Handle<litert::Environment> environment_;
  Handle<litert::ModelObject> model_;
  Handle<litert::CompiledModel> compiled_;
  std::vector<SignatureInfo> signatures_;
};

Status LiteRtRuntime::load(const RuntimeOptions& options) {
  litert::Environment* environment = nullptr;
  if (int s = api_.LiteRtCreateEnvironment(0, nullptr, &environment))
    return refusal("create its environment", s);
  environment_.reset(environment);
  litert::ModelObject* model = nullptr;
  if (int s = api_.LiteRtCreateModelFromFile(environment, path_.c_str(), &model))
    return refusal("read the model", s).in(path_);
  model_.reset(model);
  PUMICE_CHECK(read_signatures());

  litert::Options* made = nullptr;
  if (int s = api_.LiteRtCreateOptions(&made)) return refusal("create its options", s);
  Handle<litert::Options> compile_options(made, api_.LiteRtDestroyOptions);
  if (int s = api_.LiteRtSetOptionsHardwareAccelerators(made, litert::kCpuAccelerator))
    return refusal("choose the CPU", s);
  // The XNNPACK delegate takes its options as a TOML document, which LiteRT frees.
  std::string toml = "num_threads = " + std::to_string(std::max(1, options.threads)) + "\n";
  char* payload = strdup(toml.c_str());
  litert::OpaqueOptions* opaque = nullptr;
  if (int s = api_.LiteRtCreateOpaqueOptions("xnnpack", payload, std::free, &opaque)) {
    std::free(payload);
    return refusal("take the number of threads", s);
  }
  if (int s = api_.LiteRtAddOpaqueOptions(made, opaque)) {
    api_.LiteRtDestroyOpaqueOptions(opaque);
    return refusal("take the number of threads", s);
  }
  litert::CompiledModel* compiled = nullptr;
  if (int s = api_.LiteRtCreateCompiledModel(environment, model, made, &compiled))
    return refusal("prepare the model", s).in(path_);
  compiled_.reset(compiled);
  return {};
}

Result<TensorInfo> LiteRtRuntime::describe(const char* name, litert::TensorObject* tensor) const {
  TensorInfo info;
  info.tensor.name = name ? name : "";
  int kind = 0;
  if (int s = api_.LiteRtGetTensorTypeId(tensor, &kind))
    return refusal("tell a tensor's type", s).at(info.tensor.name);
  if (kind == litert::kRankedTensor) {
    litert::RankedTensorType type;
    if (int s = api_.LiteRtGetRankedTensorType(tensor, &type))
      return refusal("tell a tensor's type", s).at(info.tensor.name);
    info.element_type = type.element_type;
    info.tensor.shape = shape_of(type.layout);
  } else if (int s = api_.LiteRtGetUnrankedTensorType(tensor, &info.element_type)) {
    return refusal("tell a tensor's type", s).at(info.tensor.name);
  }
  info.tensor.dtype = litert::dtype_from_element_type(info.element_type);
  return info;
}

Status LiteRtRuntime::read_signatures() {
  size_t count = 0;
  if (int s = api_.LiteRtGetNumModelSignatures(model_.get(), &count))
    return refusal("list the signatures", s).in(path_);
  for (size_t i = 0; i < count; ++i) {
    SignatureInfo info;
    litert::SignatureObject* signature = nullptr;
    const char* key = nullptr;
    size_t inputs = 0, outputs = 0;
    int s = api_.LiteRtGetModelSignature(model_.get(), i, &signature);
    if (s == 0) s = api_.LiteRtGetSignatureKey(signature, &key);
    if (s == 0) s = api_.LiteRtGetNumSignatureInputs(signature, &inputs);
    if (s == 0) s = api_.LiteRtGetNumSignatureOutputs(signature, &outputs);
    if (s != 0) return refusal("read a signature", s).in(path_);
    info.key = key ? key : "";
    for (size_t t = 0; t < inputs + outputs; ++t) {
      const bool input = t < inputs;
      const size_t at = input ? t : t - inputs;
      const char* name = nullptr;
      litert::TensorObject* tensor = nullptr;
      s = input ? api_.LiteRtGetSignatureInputName(signature, at, &name)
                : api_.LiteRtGetSignatureOutputName(signature, at, &name);
      if (s == 0) {
        s = input ? api_.LiteRtGetSignatureInputTensorByIndex(signature, at, &tensor)
                  : api_.LiteRtGetSignatureOutputTensorByIndex(signature, at, &tensor);
      }
      if (s != 0) return refusal("read a signature", s).in(path_);
      PUMICE_TRY(TensorInfo described, describe(name, tensor));
      (input ? info.inputs : info.outputs).push_back(std::move(described));
    }
    signatures_.push_back(std::move(info));
  }
  return {};
}

Result<std::vector<Signature>> LiteRtRuntime::signatures() {
  std::vector<Signature> all;
  for (const SignatureInfo& info : signatures_) {
    Signature s;
    s.key = info.key;
    for (const TensorInfo& t : info.inputs) s.inputs.push_back(t.tensor);
    for (const TensorInfo& t : info.outputs) s.outputs.push_back(t.tensor);
    all.push_back(std::move(s));
  }
  return all;
}

// Checks dtype and shape of one input and resizes the model's tensor where it is of another size.
Status LiteRtRuntime::fit_input(size_t signature, size_t index, const TensorInfo& info,
                                const Tensor& tensor) {
  const std::string& name = info.tensor.name;
  if (tensor.dtype() != info.tensor.dtype) {
    return Error(ErrorCode::kUsage, "the input has another dtype than the model's")
        .at(name)
        .expected(std::string(dtype_name(info.tensor.dtype)))
        .found(std::string(dtype_name(tensor.dtype())));
  }
  if (element_size(tensor.dtype()) == 0 && tensor.dtype() != DType::kInt4) {
    return Error(ErrorCode::kUnsupported, "the compiled-model API takes no such input")
        .at(name)
        .found(std::string(dtype_name(tensor.dtype())));
  }
  litert::Layout now;
  if (int s = api_.LiteRtGetCompiledModelInputTensorLayout(compiled_.get(), signature, index, &now))
    return refusal("tell an input's shape", s).at(name);
  if (shape_of(now) == Shape(tensor.dims())) return {};
  std::vector<int> dims;
  for (int64_t d : tensor.dims()) {
    if (d > INT32_MAX) return Error(ErrorCode::kUsage, "a dimension is too large").at(name);
    dims.push_back(static_cast<int>(d));
  }
  const bool ranked = info.tensor.shape.known_rank();
  if (ranked && !merge(info.tensor.shape, Shape(tensor.dims()))) {
    return Error(ErrorCode::kUsage, "the input has another shape than the model's")
        .at(name)
        .expected(to_string(info.tensor.shape))
        .found(to_string(tensor.dims()));
  }
  auto resize = ranked ? api_.LiteRtCompiledModelResizeInputTensor
                       : api_.LiteRtCompiledModelResizeInputTensorNonStrict;
  if (int s = resize(compiled_.get(), signature, index, dims.data(), dims.size()))
    return refusal(("resize the input to " + to_string(tensor.dims())).c_str(), s).at(name);
  return {};
}

Result<LiteRtRuntime::BufferHandle> LiteRtRuntime::wrap(int32_t element_type, const Dims& dims,
                                                        const AlignedBytes& bytes) const {
  if (!bytes.ok()) return Error(ErrorCode::kTooLarge, "there is no memory for a tensor");
  if (dims.size() > static_cast<size_t>(litert::kMaxRank)) {
    return Error(ErrorCode::kUnsupported, "the compiled-model API takes no such rank")
        .expected("at most " + std::to_string(litert::kMaxRank))
        .found(std::to_string(dims.size()));
  }
  litert::RankedTensorType type;
  type.element_type = element_type;
  type.layout.rank_and_flags = static_cast<uint32_t>(dims.size());
  for (size_t i = 0; i < dims.size(); ++i)
    type.layout.dimensions[i] = static_cast<int32_t>(dims[i]);
  litert::TensorBuffer* buffer = nullptr;
  if (int s = api_.LiteRtCreateTensorBufferFromHostMemory(&type, bytes.data(), bytes.size(),
                                                          nullptr, &buffer))
    return refusal("wrap a tensor's memory", s);
  return BufferHandle(buffer, api_.LiteRtDestroyTensorBuffer);
}

Result<std::vector<NamedTensor>> LiteRtRuntime::run(const std::string& signature,
                                                    const std::vector<NamedTensor>& inputs) {
  size_t index = 0;
  if (signature.empty() ? signatures_.size() != 1 : true) {
    while (index < signatures_.size() && signatures_[index].key != signature) ++index;
  }
  if (index == signatures_.size()) {
    std::string keys;
    for (const SignatureInfo& s : signatures_) keys += (keys.empty() ? "'" : ", '") + s.key + "'";
    return Error(ErrorCode::kUsage, "the model has no such signature")
        .in(path_)
        .expected("one of " + keys)
        .found("'" + signature + "'");
  }
  const SignatureInfo& info = signatures_[index];

  std::vector<const Tensor*> bound;
  for (const TensorInfo& wanted : info.inputs) {
    auto it = std::find_if(inputs.begin(), inputs.end(),
                           [&](const NamedTensor& t) { return t.name == wanted.tensor.name; });
    if (it == inputs.end()) {
      return Error(ErrorCode::kUsage, "an input of the signature is missing")
          .in(path_)
          .expected("'" + wanted.tensor.name + "'");
    }
    bound.push_back(&it->tensor);
  }
  if (inputs.size() != info.inputs.size()) {
    return Error(ErrorCode::kUsage, "the signature takes another number of inputs")
        .in(path_)
        .expected(std::to_string(info.inputs.size()))
        .found(std::to_string(inputs.size()));
  }
  for (size_t i = 0; i < bound.size(); ++i)
    PUMICE_CHECK(fit_input(index, i, info.inputs[i], *bound[i]));

  std::vector<litert::Layout> layouts(info.outputs.size());
  if (int s = api_.LiteRtGetCompiledModelOutputTensorLayouts(compiled_.get(), index, layouts.size(),
                                                             layouts.data(), true))
    return refusal("tell the outputs' shapes", s).in(path_);

  std::vector<AlignedBytes> memory;
  std::vector<BufferHandle> handles;
  std::vector<litert::TensorBuffer*> in, out;
  std::vector<Dims> out_dims;
  for (size_t i = 0; i < bound.size(); ++i) {
    const Tensor& t = *bound[i];
    AlignedBytes bytes(t.bytes().size());
    PUMICE_TRY(BufferHandle handle, wrap(info.inputs[i].element_type, t.dims(), bytes));
    if (bytes.size() > 0) std::memcpy(bytes.data(), t.data(), bytes.size());
    in.push_back(handle.get());
    handles.push_back(std::move(handle));
    memory.push_back(std::move(bytes));
  }
  for (size_t i = 0; i < layouts.size(); ++i) {
    const TensorInfo& wanted = info.outputs[i];
    Shape shape = shape_of(layouts[i]);
    std::optional<int64_t> elements = shape.elements();
    if (!elements || element_size(wanted.tensor.dtype) == 0) {
      return Error(ErrorCode::kUnsupported, "the compiled-model API gives no such output")
          .in(path_)
          .at(wanted.tensor.name)
          .found(std::string(dtype_name(wanted.tensor.dtype)) + to_string(shape))
          .hint("TensorFlow Lite's Interpreter may run it.");
    }
    AlignedBytes bytes(byte_size(wanted.tensor.dtype, *elements));
    PUMICE_TRY(BufferHandle handle, wrap(wanted.element_type, shape.sizes(), bytes));
    if (bytes.size() > 0) std::memset(bytes.data(), 0, bytes.size());
    out_dims.push_back(shape.sizes());
    out.push_back(handle.get());
    handles.push_back(std::move(handle));
    memory.push_back(std::move(bytes));
  }
  if (int s = api_.LiteRtRunCompiledModel(compiled_.get(), index, in.size(), in.data(), out.size(),
                                          out.data()))
    return refusal("run the model", s).in(path_);

  std::vector<NamedTensor> results;
  for (size_t i = 0; i < out.size(); ++i) {
    const AlignedBytes& bytes = memory[in.size() + i];
    results.push_back({info.outputs[i].tensor.name,
                       Tensor(info.outputs[i].tensor.dtype, out_dims[i],
                              Bytes::own({bytes.data(), bytes.data() + bytes.size()}))});
  }
  return results;
}

}  // namespace

Result<std::unique_ptr<Runtime>> load_litert(const std::string& library_path,
                                             const std::string& model_path,
                                             const RuntimeOptions& options) {
  PUMICE_TRY(litert::Api api, litert::open_library(find_litert(library_path)));
  auto runtime = std::make_unique<LiteRtRuntime>(api, model_path);
  PUMICE_CHECK(runtime->load(options));
  return std::unique_ptr<Runtime>(std::move(runtime));
}

}  // namespace pumice
