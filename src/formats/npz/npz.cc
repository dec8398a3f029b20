#include "formats/npz/npz.h"

#include <unordered_set>

#include "formats/file.h"
#include "formats/output_file.h"
#include "formats/zip/zip.h"

namespace pumice {
namespace {

constexpr std::string_view kSuffix = ".npy";

Tensor float32_of(const Tensor& bfloat16) {
  std::vector<float> values;
  values.reserve(static_cast<size_t>(bfloat16.elements()));
  for (int64_t i = 0; i < bfloat16.elements(); ++i)
    values.push_back(bfloat16_to_float(bfloat16.at<uint16_t>(i)));
  return Tensor::of<float>(DType::kFloat32, bfloat16.dims(), values);
}

Status write_arrays(ZipWriter* writer, const std::vector<NamedTensor>& tensors) {
  std::unordered_set<std::string> names;
  for (const NamedTensor& t : tensors) {
    if (!names.insert(t.name).second)
      return Error(ErrorCode::kUsage, "two tensors have the same name").found("'" + t.name + "'");
    Tensor tensor = t.tensor.dtype() == DType::kBFloat16 ? float32_of(t.tensor) : t.tensor;
    PUMICE_TRY(std::string header, npy_header(tensor.dtype(), tensor.dims()));
    PUMICE_CHECK(writer->add(t.name + std::string(kSuffix),
                             {std::as_bytes(std::span(header)), tensor.bytes().view()}));
  }
  return writer->finish();
}

}  // namespace

Result<std::vector<NamedTensor>> parse_npz(const Bytes& archive) {
  PUMICE_TRY(ZipReader zip, ZipReader::open(archive));
  std::vector<NamedTensor> tensors;
  for (const ZipEntry& entry : zip.entries()) {
    std::string_view name = entry.name;
    if (name.size() <= kSuffix.size() || name.substr(name.size() - kSuffix.size()) != kSuffix) {
      return Error(ErrorCode::kMalformed, "npz archive: an entry is no array")
          .expected("a name ending in .npy")
          .found("'" + entry.name + "'");
    }
    name.remove_suffix(kSuffix.size());
    PUMICE_TRY(Bytes document, zip.read(entry));
    Result<Tensor> tensor = parse_npy(document);
    if (!tensor.ok()) return std::move(tensor).error().in(entry.name);
    tensors.push_back({std::string(name), *std::move(tensor)});
  }
  return tensors;
}

Result<std::vector<NamedTensor>> read_npz(const std::string& path) {
  PUMICE_TRY(Bytes archive, map_file(path));
  Result<std::vector<NamedTensor>> tensors = parse_npz(archive);
  if (!tensors.ok()) return std::move(tensors).error().in(path);
  return tensors;
}

Status write_npz(const std::string& path, const std::vector<NamedTensor>& tensors) {
  PUMICE_TRY(OutputFile file, OutputFile::create(path));
  ZipWriter writer([&](std::span<const std::byte> bytes) { return file.write(bytes); }, 64);
  Status status = write_arrays(&writer, tensors);
  if (!status.ok()) return std::move(status).error().in(path);
  return file.commit();
}

}  // namespace pumice
