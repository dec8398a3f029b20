#include "formats/saved_model/saved_model.h"

#include <algorithm>
#include <set>

#include "formats/file.h"
#include "formats/meta_graph/meta_graph.h"
#include "formats/meta_graph/object_graph.h"
#include "formats/protobuf/text.h"

namespace pumice {
namespace {

/// The SavedModel message's bytes: the mapped .pb, or what the .pbtxt's text becomes.
Result<Bytes> read_message(const std::string& path, uint64_t* file_bytes) {
  PUMICE_TRY(Bytes bytes, map_file(path));
  *file_bytes = bytes.size();
  if (bytes.size() == 0) return Error(ErrorCode::kTruncated, "the file is empty").in(path);
  if (!path.ends_with(".pbtxt")) return bytes;
  auto wire = text_to_wire(as_text(bytes.view()), "SavedModel");
  if (!wire.ok()) return std::move(wire).error().in(path);
  auto owner = std::make_shared<const std::string>(std::move(wire).value());
  return Bytes(owner, std::as_bytes(std::span<const char>(owner->data(), owner->size())));
}

std::string braced(const std::vector<std::string>& tags) {
  std::string text = "{";
  for (size_t i = 0; i < tags.size(); ++i) text += (i ? ", " : "") + tags[i];
  return text + "}";
}

/// The MetaGraphDef with exactly these tags.
Result<std::string_view> choose_graph(const Bytes& bytes, const ReadOptions& options) {
  const std::set<std::string> wanted(options.tags.begin(), options.tags.end());
  std::string there;
  std::string first;
  ProtoReader r(as_text(bytes.view()));
  while (r.next()) {
    if (r.field() != 2) continue;
    const std::string_view message = r.bytes();
    PUMICE_TRY(const auto tags, read_tags(message));
    if (std::set<std::string>(tags.begin(), tags.end()) == wanted) return message;
    there += (there.empty() ? "" : ", ") + braced(tags);
    if (first.empty()) {
      for (const std::string& tag : tags) first += (first.empty() ? "" : ",") + tag;
    }
  }
  PUMICE_CHECK(r.status());
  if (there.empty()) return Error(ErrorCode::kMalformed, "the SavedModel holds no graph");
  return Error(ErrorCode::kUsage, "the SavedModel has no graph with these tags")
      .expected(there)
      .found(braced(options.tags))
      .hint("Name its tags: --tags " + first);
}

/// Adds where variables stand that the restore op leaves out (Keras 3 saved with
/// tf.saved_model.save: its functions capture other handles than the saver restores): the arguments
/// that a function captured are objects, and an object has a key.
void bind_by_objects(const Graph& graph, const SavedObjects& saved,
                     const std::vector<ObjectNode>& checkpoint,
                     std::map<std::string, RestoredFrom>* keys) {
  if (saved.objects.empty() || checkpoint.empty()) return;
  const std::vector<int64_t> match = match_objects(saved.objects, checkpoint);
  for (const Node& node : graph) {
    const auto* f = node.attributes.find<FunctionRef>("f");
    const auto bound = f ? saved.bound_inputs.find(f->name) : saved.bound_inputs.end();
    if (bound == saved.bound_inputs.end()) continue;
    const std::vector<int64_t>& captured = bound->second;
    if (captured.size() > node.operand_count()) continue;
    const size_t first = node.operand_count() - captured.size();
    for (size_t i = 0; i < captured.size(); ++i) {
      const Node* handle = node.operand(first + i)->node();
      const int64_t object = captured[i];
      if (!is_variable_op(handle->op) || object < 0 ||
          object >= static_cast<int64_t>(match.size()) || match[object] < 0) {
        continue;
      }
      std::string key = value_key(checkpoint[match[object]]);
      if (!key.empty()) keys->try_emplace(handle->name, RestoredFrom{std::move(key), {}});
    }
  }
}

/// Two handles with one container and shared name are one resource to TensorFlow's runtime: what
/// restores the one restores the other.
void bind_shared_handles(const Graph& graph, std::map<std::string, RestoredFrom>* keys) {
  const auto identity = [](const Node& node) {
    return node.attributes.string("container") + '\n' + node.attributes.string("shared_name");
  };
  std::map<std::string, RestoredFrom> by_identity;
  for (const Node& node : graph) {
    if (!node.is("VarHandleOp") || node.attributes.string("shared_name").empty()) continue;
    if (auto it = keys->find(node.name); it != keys->end())
      by_identity.emplace(identity(node), it->second);
  }
  for (const Node& node : graph) {
    if (!node.is("VarHandleOp") || node.attributes.string("shared_name").empty()) continue;
    if (auto it = by_identity.find(identity(node)); it != by_identity.end()) {
      keys->try_emplace(node.name, it->second);
    }
  }
}

/// keras_metadata.pb: each node's JSON.
Status read_keras_metadata(const std::string& path, Source* source) {
  PUMICE_TRY(const Bytes bytes, map_file(path));
  source->files.push_back(path);
  source->bytes += bytes.size();
  ProtoReader r(as_text(bytes.view()));
  while (r.next()) {
    if (r.field() != 1) continue;
    SourceFacts::Document document;
    int64_t id = 0;
    ProtoReader node = r.message();
    while (node.next()) {
      if (node.field() == 2) id = node.integer();
      if (node.field() == 3) document.pointer = node.bytes();
      if (node.field() == 5) document.json = node.bytes();
    }
    PUMICE_CHECK(node.status());
    document.file = "keras_metadata.pb#" + std::to_string(id);
    source->facts.documents.push_back(std::move(document));
  }
  return r.status();
}

}  // namespace

bool is_saved_model(const std::string& folder) {
  return is_file(join_path(folder, "saved_model.pb")) ||
         is_file(join_path(folder, "saved_model.pbtxt"));
}

Result<Source> read_saved_model(const std::string& folder, const ReadOptions& options) {
  std::string path = join_path(folder, "saved_model.pb");
  if (!is_file(path)) path = join_path(folder, "saved_model.pbtxt");
  const auto in_file = [&](Error error) { return std::move(error).in(path); };

  Source source;
  source.format = "saved_model";
  source.files = {path};
  PUMICE_TRY(const Bytes bytes, read_message(path, &source.bytes));
  auto context = std::make_shared<ProtoContext>(bytes, path);
  auto message = choose_graph(bytes, options);
  if (!message.ok()) return in_file(std::move(message).error());
  auto read = read_meta_graph(*message, context);
  if (!read.ok()) return in_file(std::move(read).error());
  MetaGraph& meta = *read;

  auto saved = read_saved_objects(meta.object_graph, &meta.warnings);
  if (!saved.ok()) return in_file(std::move(saved).error());
  source.facts.warnings = std::move(meta.warnings);
  source.facts.collections = std::move(meta.collections);

  const std::string prefix = join_path(folder, "variables/variables");
  std::shared_ptr<const Bundle> bundle;
  std::string why_none = "there is no " + prefix + ".index";
  if (is_file(prefix + ".index")) {
    PUMICE_TRY(bundle, Bundle::open(prefix));
    source.files.insert(source.files.end(), bundle->files().begin(), bundle->files().end());
    source.bytes += bundle->bytes();
    PUMICE_CHECK(add_checkpoint_facts(bundle, &source.facts));
  } else if (!is_folder(join_path(folder, "variables"))) {
    why_none = "there is no folder " + join_path(folder, "variables");
  }

  const Graph& graph = *meta.content.graph;
  std::map<std::string, RestoredFrom> keys;
  if (bundle) {
    if (!meta.restore_op.empty()) {
      const Node* restore = nullptr;
      for (const Node& node : graph) {
        if (node.name == meta.restore_op) restore = &node;
      }
      if (restore) {
        PUMICE_TRY(keys, follow_restore(restore, meta.content.functions.get()));
      }
    }
    bind_by_objects(graph, *saved, source.facts.checkpoint_objects, &keys);
    bind_shared_handles(graph, &keys);
  }
  PUMICE_TRY(source.variables, bind_variables(graph, keys, bundle.get(), why_none));

  const std::string metadata = join_path(folder, "keras_metadata.pb");
  if (is_file(metadata)) {
    // A side document: what is wrong with it must not keep the model from being read.
    if (Status s = read_keras_metadata(metadata, &source); !s.ok()) {
      source.facts.warnings.push_back(metadata + ": " + s.error().message());
    }
  }
  source.facts.objects = std::move(saved->objects);
  source.facts.bound_inputs = std::move(saved->bound_inputs);
  give_graph(std::move(meta), &source);
  return source;
}

}  // namespace pumice
