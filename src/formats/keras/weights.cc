#include "formats/keras/weights.h"

namespace pumice {
namespace {

using Datasets = std::map<std::string, const Hdf5Data*>;

void walk(const Hdf5Object& object, const std::string& path, const std::string& file,
          Datasets& datasets, SourceFacts& facts) {
  if (object.dataset) {
    facts.checkpoint.push_back(
        {path, object.data.type.dtype, object.data.dims, object.data.byte_size(), file});
    datasets.emplace(path, &object.data);
    return;
  }
  if (auto name = object.text_attribute("name")) facts.group_names.emplace(path, std::move(*name));
  for (const Hdf5Link& link : object.links)
    walk(link.object, path.empty() ? link.name : path + "/" + link.name, file, datasets, facts);
}

}  // namespace

void add_hdf5_facts(std::shared_ptr<const Hdf5File> file, const std::string& name,
                    SourceFacts& facts) {
  auto datasets = std::make_shared<Datasets>();
  walk(file->root, "", name, *datasets, facts);
  for (const auto& fault : file->faults)
    facts.warnings.push_back(name + ": " + (fault.path.empty() ? "/" : fault.path) + ": " +
                             fault.error.text());
  // Weights in several files: those that were added before are asked next.
  auto before = std::move(facts.checkpoint_value);
  facts.checkpoint_value = [file = std::move(file), datasets,
                            before = std::move(before)](const std::string& key) -> Result<Tensor> {
    const auto at = datasets->find(key);
    if (at == datasets->end()) {
      if (before) return before(key);
      return Error(ErrorCode::kNotFound, "there is no such dataset").at(key);
    }
    const Hdf5Data& data = *at->second;
    PUMICE_TRY(Bytes bytes, data.load());
    if (data.type.kind != Hdf5Type::Kind::kNumber ||
        element_size(data.type.dtype) != data.type.size || bytes.size() != data.byte_size())
      return Error(ErrorCode::kUnsupported, "a dataset of no number type").at(key);
    return Tensor(data.type.dtype, data.dims, std::move(bytes));
  };
}

}  // namespace pumice
