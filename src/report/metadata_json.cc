#include "detection/normalization.h"
#include "report/json.h"

namespace pumice {
namespace {

const char* content_name(const TensorMetadata& tensor) {
  switch (tensor.content) {
    case TensorMetadata::kFeature: return "feature";
    case TensorMetadata::kImage: return "image";
    case TensorMetadata::kBoundingBox: return "bounding box";
    case TensorMetadata::kAudio: return "audio";
    default: return nullptr;
  }
}

Json number_list(const std::vector<float>& values) {
  Json list = Json::array();
  for (float v : values) list.push_back(v);
  return list;
}

Json tensors(const std::vector<TensorMetadata>& all) {
  Json list = Json::array();
  for (const TensorMetadata& t : all) {
    Json entry = {{"name", t.name}};
    if (!t.description.empty()) entry["description"] = t.description;
    if (const char* content = content_name(t)) entry["content"] = content;
    if (!t.mean.empty())
      entry["normalization"] = {{"mean", number_list(t.mean)}, {"std", number_list(t.deviation)}};
    if (!t.min.empty() || !t.max.empty())
      entry["stats"] = {{"min", number_list(t.min)}, {"max", number_list(t.max)}};
    Json files = Json::array();
    for (const AssociatedFile& f : t.files) files.push_back(f.name);
    if (!files.empty()) entry["files"] = files;
    list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace

Json to_json(const ModelMetadata& m, const std::vector<std::string>& labels) {
  const SubgraphMetadata none;
  const SubgraphMetadata& first = m.subgraphs.empty() ? none : m.subgraphs[0];
  Json groups = Json::array();
  for (const TensorGroup& g : first.output_groups)
    groups.push_back({{"name", g.name}, {"tensors", g.tensors}});
  return {{"name", m.name},
          {"description", m.description},
          {"version", m.version},
          {"author", m.author},
          {"license", m.license},
          {"min_parser_version", m.min_parser_version},
          {"inputs", tensors(first.inputs)},
          {"outputs", tensors(first.outputs)},
          {"output_groups", groups},
          {"labels", labels}};
}

std::string metadata_text(const ModelMetadata& m, const std::vector<std::string>& labels) {
  std::string text = "  metadata";
  if (!m.name.empty()) text += " " + m.name;
  text += "\n";
  if (m.subgraphs.empty()) return text;
  const auto line = [&text](const char* kind, const TensorMetadata& t) {
    text += std::string("    ") + kind + " " + t.name;
    if (const char* content = content_name(t)) text += std::string(": ") + content;
    if (!t.mean.empty()) text += ", " + to_string(Normalization{t.mean, t.deviation});
    for (const AssociatedFile& f : t.files) text += ", " + f.name;
    text += "\n";
  };
  for (const TensorMetadata& t : m.subgraphs[0].inputs) line("in ", t);
  for (const TensorMetadata& t : m.subgraphs[0].outputs) line("out", t);
  if (!labels.empty()) {
    constexpr size_t kShown = 6;
    text += "    " + std::to_string(labels.size()) + (labels.size() == 1 ? " label:" : " labels:");
    for (size_t i = 0; i < labels.size() && i < kShown; ++i) text += (i ? ", " : " ") + labels[i];
    if (labels.size() > kShown) text += ", …";
    text += "\n";
  }
  return text;
}

}  // namespace pumice
