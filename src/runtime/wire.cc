#include "runtime/wire.h"

#include <optional>

namespace pumice::wire {
namespace {

constexpr uint32_t kTensors = 0x544d5550, kSignatures = 0x534d5550, kFailure = 0x454d5550;

class Writer {
 public:
  void u32(uint32_t v) { raw(&v, sizeof v); }
  void i64(int64_t v) { raw(&v, sizeof v); }
  void text(std::string_view s) {
    i64(static_cast<int64_t>(s.size()));
    raw(s.data(), s.size());
  }
  void error(const Error& e) {
    u32(kFailure);
    u32(static_cast<uint32_t>(e.code()));
    for (const std::string* s :
         {&e.message(), &e.file(), &e.node(), &e.op(), &e.expected(), &e.found(), &e.hint()})
      text(*s);
  }
  void raw(const void* data, size_t size) {
    const std::byte* at = static_cast<const std::byte*>(data);
    bytes.insert(bytes.end(), at, at + size);
  }
  Buffer bytes;
};

// Reads until something is wrong; then ok() is false and every value is empty.
class Reader {
 public:
  explicit Reader(const Bytes& bytes) : bytes_(bytes) {}
  bool ok() const { return ok_; }
  bool at_end() const { return ok_ && at_ == bytes_.size(); }
  uint32_t u32() { return scalar<uint32_t>(); }
  int64_t i64() { return scalar<int64_t>(); }
  /// A number of things that each take at least `least` more bytes.
  size_t count(size_t least) {
    int64_t n = i64();
    if (n < 0 || static_cast<uint64_t>(n) > (bytes_.size() - at_) / least) ok_ = false;
    return ok_ ? static_cast<size_t>(n) : 0;
  }
  Bytes block() {
    size_t size = count(1);
    Bytes block = bytes_.slice(at_, size);
    at_ += size;
    return block;
  }
  std::string text() {
    Bytes b = block();
    return std::string(reinterpret_cast<const char*>(b.data()), b.size());
  }
  DType dtype() {
    uint32_t v = u32();
    if (v > static_cast<uint32_t>(DType::kVariant)) ok_ = false;
    return ok_ ? static_cast<DType>(v) : DType::kInvalid;
  }
  void fail() { ok_ = false; }
  Error error() {
    uint32_t code = u32();
    std::string parts[7];
    for (std::string& part : parts) part = text();
    if (!at_end() || code > static_cast<uint32_t>(ErrorCode::kUnwritable)) return broken();
    return Error(static_cast<ErrorCode>(code), parts[0])
        .in(parts[1])
        .at(parts[2], parts[3])
        .expected(parts[4])
        .found(parts[5])
        .hint(parts[6]);
  }
  static Error broken() {
    return Error(ErrorCode::kInternal,
                 "the child process that ran the model answered incompletely");
  }

 private:
  template <typename T>
  T scalar() {
    T v{};
    if (!ok_ || bytes_.size() - at_ < sizeof v) {
      ok_ = false;
      return v;
    }
    std::memcpy(&v, bytes_.data() + at_, sizeof v);
    at_ += sizeof v;
    return v;
  }
  const Bytes& bytes_;
  size_t at_ = 0;
  bool ok_ = true;
};

void put_tensor(Writer& w, const SignatureTensor& t) {
  w.text(t.name);
  w.u32(static_cast<uint32_t>(t.dtype));
  w.u32(t.shape.known_rank());
  if (!t.shape.known_rank()) return;
  w.i64(static_cast<int64_t>(t.shape.rank()));
  for (Dim d : t.shape.dims()) w.i64(d.size_or_minus_one());
}

SignatureTensor get_tensor(Reader& r) {
  SignatureTensor t;
  t.name = r.text();
  t.dtype = r.dtype();
  if (r.u32() == 0) return t;
  std::vector<Dim> dims;
  for (size_t n = r.count(8); n > 0 && r.ok(); --n) dims.push_back(Dim(r.i64()));
  t.shape = Shape(std::move(dims));
  return t;
}

}  // namespace

Buffer encode(const Result<std::vector<NamedTensor>>& answer) {
  Writer w;
  if (!answer.ok()) {
    w.error(answer.error());
    return std::move(w.bytes);
  }
  size_t size = 64;
  for (const NamedTensor& t : *answer) size += t.tensor.bytes().size() + t.name.size() + 128;
  w.bytes.reserve(size);
  w.u32(kTensors);
  w.i64(static_cast<int64_t>(answer->size()));
  for (const NamedTensor& t : *answer) {
    w.text(t.name);
    w.u32(static_cast<uint32_t>(t.tensor.dtype()));
    w.i64(static_cast<int64_t>(t.tensor.rank()));
    for (int64_t d : t.tensor.dims()) w.i64(d);
    w.i64(static_cast<int64_t>(t.tensor.bytes().size()));
    w.raw(t.tensor.data(), t.tensor.bytes().size());
  }
  return std::move(w.bytes);
}

Buffer encode(const Result<std::vector<Signature>>& answer) {
  Writer w;
  if (!answer.ok()) {
    w.error(answer.error());
    return std::move(w.bytes);
  }
  w.u32(kSignatures);
  w.i64(static_cast<int64_t>(answer->size()));
  for (const Signature& s : *answer) {
    w.text(s.key);
    for (const auto* tensors : {&s.inputs, &s.outputs}) {
      w.i64(static_cast<int64_t>(tensors->size()));
      for (const SignatureTensor& t : *tensors) put_tensor(w, t);
    }
  }
  return std::move(w.bytes);
}

Result<std::vector<NamedTensor>> decode_tensors(const Bytes& bytes) {
  Reader r(bytes);
  uint32_t kind = r.u32();
  if (kind == kFailure) return r.error();
  if (kind != kTensors) return Reader::broken();
  std::vector<NamedTensor> tensors;
  for (size_t n = r.count(28); n > 0 && r.ok(); --n) {
    std::string name = r.text();
    DType dtype = r.dtype();
    Dims dims;
    for (size_t rank = r.count(8); rank > 0 && r.ok(); --rank) dims.push_back(r.i64());
    Bytes data = r.block();
    std::optional<int64_t> elements = element_count(dims);
    if (!elements || *elements > static_cast<int64_t>(bytes.size()) * 2 ||
        byte_size(dtype, *elements) != data.size() || dtype == DType::kString)
      r.fail();
    if (!r.ok()) break;
    tensors.push_back({std::move(name), Tensor(dtype, std::move(dims), std::move(data))});
  }
  if (!r.at_end()) return Reader::broken();
  return tensors;
}

Result<std::vector<Signature>> decode_signatures(const Bytes& bytes) {
  Reader r(bytes);
  uint32_t kind = r.u32();
  if (kind == kFailure) return r.error();
  if (kind != kSignatures) return Reader::broken();
  std::vector<Signature> signatures;
  for (size_t n = r.count(24); n > 0 && r.ok(); --n) {
    Signature s;
    s.key = r.text();
    for (auto* tensors : {&s.inputs, &s.outputs})
      for (size_t m = r.count(16); m > 0 && r.ok(); --m) tensors->push_back(get_tensor(r));
    signatures.push_back(std::move(s));
  }
  if (!r.at_end()) return Reader::broken();
  return signatures;
}

}  // namespace pumice::wire
