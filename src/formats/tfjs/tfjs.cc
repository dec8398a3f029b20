#include "formats/tfjs/tfjs.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>

#include "formats/file.h"
#include "formats/graph_def/graph_def.h"
#include "formats/json/reader.h"
#include "formats/meta_graph/meta_graph.h"
#include "formats/protobuf/json.h"
#include "formats/tfjs/constants.h"

namespace pumice {
namespace {

constexpr char kModelJson[] = "model.json";
constexpr char kOldGraph[] = "tensorflowjs_model.pb";
constexpr char kOldManifest[] = "weights_manifest.json";

/// A model.json's parts that matter here: places in its text.
struct ModelJson {
  std::string format, generated_by, converted_by;
  std::optional<JsonReader> topology, manifest, signature;
  bool has_nodes = false;  // the topology is a GraphDef
};

/// A place to come back to; the value is passed over, and so checked.
std::optional<JsonReader> mark(JsonReader* json) {
  std::optional<JsonReader> place;
  if (json->kind() == JsonKind::kObject || json->kind() == JsonKind::kArray) place = *json;
  json->skip();
  return place;
}

std::string text_or_empty(JsonReader* json) {
  if (json->kind() == JsonKind::kString) return json->string();
  json->skip();
  return {};
}

Result<ModelJson> read_parts(JsonReader json) {
  ModelJson model;
  std::string key;
  std::optional<JsonReader> user_signature;
  json.begin_object();
  while (json.next_member(&key)) {
    if (key == "format") {
      model.format = text_or_empty(&json);
    } else if (key == "generatedBy") {
      model.generated_by = text_or_empty(&json);
    } else if (key == "convertedBy") {
      model.converted_by = text_or_empty(&json);
    } else if (key == "weightsManifest") {
      model.manifest = mark(&json);
    } else if (key == "signature") {
      model.signature = mark(&json);
    } else if (key == "modelTopology") {
      if (json.kind() != JsonKind::kObject) {
        json.skip();
        continue;
      }
      model.topology = json;
      json.begin_object();
      while (json.next_member(&key)) {
        model.has_nodes |= key == "node";
        json.skip();
      }
    } else if (key == "userDefinedMetadata" && json.kind() == JsonKind::kObject) {
      json.begin_object();
      while (json.next_member(&key)) {
        if (key == "signature") {
          user_signature = mark(&json);
        } else {
          json.skip();
        }
      }
    } else {
      json.skip();
    }
  }
  json.finish();
  PUMICE_CHECK(json.status());
  if (user_signature) model.signature = user_signature;
  return model;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The order of names in which Identity_2 stands before Identity_10.
bool natural_less(std::string_view a, std::string_view b) {
  size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (!is_digit(a[i]) || !is_digit(b[j])) {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i, ++j;
      continue;
    }
    while (i < a.size() && a[i] == '0') ++i;
    while (j < b.size() && b[j] == '0') ++j;
    const size_t first = i, second = j;
    while (i < a.size() && is_digit(a[i])) ++i;
    while (j < b.size() && is_digit(b[j])) ++j;
    if (i - first != j - second) return i - first < j - second;
    if (const int order = a.substr(first, i - first).compare(b.substr(second, j - second))) {
      return order < 0;
    }
  }
  if (a.size() - i != b.size() - j) return a.size() - i < b.size() - j;
  return a < b;
}

/// The exporter names a signature's tensors as the graph does ("Identity_7:0") and in the order of
/// a hash table: callers get them without the ":0" and in the order of their numbers.
void tidy(std::vector<SourceSignature::Tensor>* tensors) {
  for (auto& tensor : *tensors) {
    if (tensor.name.size() > 2 && tensor.name.ends_with(":0")) {
      tensor.name.resize(tensor.name.size() - 2);
    }
  }
  std::stable_sort(tensors->begin(), tensors->end(),
                   [](const auto& a, const auto& b) { return natural_less(a.name, b.name); });
}

Status read_signature(JsonReader json, Source* source) {
  PUMICE_TRY(const std::string wire, json_to_wire(&json, "SignatureDef"));
  SourceSignature signature;
  bool plain = true;
  PUMICE_CHECK(read_signature_def(ProtoReader(wire), &signature, &plain));
  if (signature.outputs.empty()) return {};
  signature.key = "serving_default";
  tidy(&signature.inputs);
  tidy(&signature.outputs);
  source->signatures.push_back(std::move(signature));
  return {};
}

/// A binary graph that is cut between two nodes is a graph all the same; its weights tell.
Status check_no_weight_is_left(const Graph& graph, const TfjsWeights& weights,
                               const std::string& file) {
  std::unordered_set<std::string_view> nodes;
  for (const Node& node : graph) nodes.insert(node.name);
  for (const auto& [name, weight] : weights.by_name)
    if (!nodes.count(name))
      return Error(ErrorCode::kTruncated, "the graph lacks nodes that the weights manifest has")
          .in(file)
          .expected("a node '" + name + "'")
          .hint("The graph's file may be cut short, or the manifest belong to another model");
  return {};
}

/// Puts graph and weights together.
Status complete(GraphDefContent content, TfjsWeights weights, const std::string& file,
                Source* source) {
  source->format = "tfjs";
  source->graph = std::move(content.graph);
  if (source->graph->node_count() <= 1) {
    return Error(ErrorCode::kMalformed, "the graph has no nodes").in(file);
  }
  source->files.insert(source->files.end(), weights.files.begin(), weights.files.end());
  source->bytes += weights.bytes;
  source->facts.warnings = std::move(weights.warnings);
  PUMICE_CHECK(fill_constants(source->graph.get(), weights, file));
  if (!content.functions->empty()) {
    source->functions = with_weights(std::move(content.functions),
                                     std::make_shared<const TfjsWeights>(std::move(weights)), file);
  }
  PUMICE_TRY(source->variables,
             bind_variables(*source->graph, {}, nullptr,
                            "a TensorFlow.js model has constants only: variables keep no value"));
  return {};
}

Result<Source> read_old(const std::string& graph_path) {
  const std::string folder = folder_of(graph_path);
  const std::string manifest_path = join_path(folder, kOldManifest);
  PUMICE_TRY(const Bytes graph, map_file(graph_path));
  PUMICE_TRY(const Bytes manifest, map_file(manifest_path));
  JsonReader json(as_text(manifest.view()));
  auto groups = read_tfjs_manifest(&json);
  json.finish();
  if (groups.ok() && !json.ok()) groups = std::move(json.status()).error();
  if (!groups.ok()) return std::move(groups).error().in(manifest_path);

  auto context = std::make_shared<ProtoContext>(graph, graph_path);
  PUMICE_TRY(GraphDefContent content, read_graph_def(context->text(), context));
  PUMICE_TRY(TfjsWeights weights, load_tfjs_weights(*groups, folder, map_file));
  Source source;
  source.files = {graph_path, manifest_path};
  source.bytes = graph.size() + manifest.size();
  if (content.producer > 0) {
    source.producer = "tensorflow graph version " + std::to_string(content.producer);
  }
  if (content.functions->empty())
    PUMICE_CHECK(check_no_weight_is_left(*content.graph, weights, graph_path));
  PUMICE_CHECK(complete(std::move(content), std::move(weights), graph_path, &source));
  return source;
}

Error not_a_graph(const ModelJson& model) {
  if (model.topology && !model.has_nodes) {
    return Error(ErrorCode::kUnsupported,
                 "is a Keras model in TensorFlow.js form, not a graph model")
        .expected("\"format\": \"graph-model\"")
        .found(model.format.empty() ? "no format, and layers instead of graph nodes"
                                    : "\"format\": \"" + model.format + "\"")
        .hint("Convert the Keras model that it was made from, or export a graph model.");
  }
  return Error(ErrorCode::kUnknownFormat, "is JSON, but no TensorFlow.js model")
      .expected("modelTopology and weightsManifest")
      .found(model.topology ? "no weightsManifest" : "no modelTopology");
}

}  // namespace

bool is_tfjs_folder(const std::string& path) {
  return is_file(join_path(path, kModelJson)) || is_file(join_path(path, kOldGraph));
}

bool has_tfjs_weights(const std::string& path) {
  return is_file(join_path(folder_of(path), kOldManifest));
}

bool is_tfjs_text(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  // A binary message may begin like this, too, but it has control characters soon.
  for (const char c : text.substr(0, 4096)) {
    if (static_cast<unsigned char>(c) < 32 && !(c >= '\t' && c <= '\r')) return false;
  }
  const size_t start = text.find_first_not_of(" \t\r\n");
  return start != std::string_view::npos && text[start] == '{';
}

Result<Source> read_tfjs_json(const Bytes& bytes, const std::string& path, const OpenFile& open) {
  const auto here = [&](Error error) { return std::move(error).in(path); };
  auto parts = read_parts(JsonReader(as_text(bytes.view())));
  if (!parts.ok()) return here(std::move(parts).error());
  if (parts->format == "layers-model" || !parts->has_nodes || !parts->manifest) {
    return here(not_a_graph(*parts));
  }
  auto groups = read_tfjs_manifest(&*parts->manifest);
  if (!groups.ok()) return here(std::move(groups).error());
  Source source;
  source.files = {path};
  source.bytes = bytes.size();
  if (!parts->generated_by.empty()) source.producer = "tensorflow " + parts->generated_by;
  if (!parts->converted_by.empty()) {
    source.producer += (source.producer.empty() ? "" : ", ") + parts->converted_by;
  }
  auto wire = json_to_wire(&*parts->topology, "GraphDef");
  if (!wire.ok()) return here(std::move(wire).error());
  auto owner = std::make_shared<const std::string>(std::move(wire).value());
  const Bytes graph(owner, std::as_bytes(std::span<const char>(owner->data(), owner->size())));
  auto context = std::make_shared<ProtoContext>(graph, path);
  PUMICE_TRY(GraphDefContent content, read_graph_def(context->text(), context));
  if (parts->signature) {
    if (Status s = read_signature(*parts->signature, &source); !s.ok()) {
      return here(std::move(s).error());
    }
  }
  PUMICE_TRY(TfjsWeights weights, load_tfjs_weights(*groups, folder_of(path), open));
  PUMICE_CHECK(complete(std::move(content), std::move(weights), path, &source));
  return source;
}

Result<Source> read_tfjs(const std::string& path, const ReadOptions&) {
  std::string file = path;
  if (is_folder(path)) {
    file = join_path(path, kModelJson);
    if (!is_file(file)) return read_old(join_path(path, kOldGraph));
  }
  PUMICE_TRY(const Bytes bytes, map_file(file));
  if (!is_tfjs_text(as_text(bytes.view()))) return read_old(file);
  return read_tfjs_json(bytes, file, map_file);
}

}  // namespace pumice
