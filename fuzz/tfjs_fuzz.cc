// model.json of TensorFlow.js: whatever the text, an error or a graph whose constants can be read.
#include <cstdint>

#include "formats/tfjs/tfjs.h"

namespace {

/// A weights file of some size that its name decides, so that weights straddle files and files are
/// too short.
pumice::Result<pumice::Bytes> open(const std::string& path) {
  static const std::vector<std::byte> kContent = [] {
    std::vector<std::byte> content(4096);
    for (size_t i = 0; i < content.size(); ++i) content[i] = static_cast<std::byte>(i % 7);
    return content;
  }();
  if (path.ends_with('!')) return pumice::Error(pumice::ErrorCode::kNotFound, "none").in(path);
  const size_t size = path.size() * 97 % kContent.size();
  return pumice::Bytes::own({kContent.begin(), kContent.begin() + static_cast<ptrdiff_t>(size)});
}

void look_at(const pumice::Graph& graph) {
  for (const pumice::Node& node : graph) {
    const auto* value = node.attributes.find<pumice::Constant>("value");
    if (value && value->elements() < 100000) (void)value->materialize();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto* begin = reinterpret_cast<const std::byte*>(data);
  const pumice::Bytes bytes = pumice::Bytes::own({begin, begin + size});
  auto source = pumice::read_tfjs_json(bytes, "model.json", open);
  if (!source.ok()) return 0;
  look_at(*source->graph);
  if (!source->functions) return 0;
  for (const std::string& name : source->functions->names()) {
    auto graph = source->functions->find(name);
    if (graph.ok() && *graph) look_at(**graph);
    (void)source->functions->attributes(name);
  }
  return 0;
}
