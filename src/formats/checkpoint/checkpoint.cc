#include "formats/checkpoint/checkpoint.h"

#include "formats/file.h"
#include "formats/meta_graph/meta_graph.h"

namespace pumice {
namespace {

/// The latest checkpoint of a folder, by its `checkpoint` file: text, of which one line is
///   model_checkpoint_path: "model.ckpt-12"
std::optional<std::string> latest_in(const std::string& folder) {
  auto state = map_file(join_path(folder, "checkpoint"));
  if (!state.ok()) return std::nullopt;
  const std::string_view text = as_text(state->view());
  constexpr std::string_view kKey = "model_checkpoint_path: \"";
  size_t at = text.find(kKey);
  // "all_model_checkpoint_paths" ends in other letters, but a key must begin a line all the same.
  while (at != std::string_view::npos && at != 0 && text[at - 1] != '\n')
    at = text.find(kKey, at + 1);
  if (at == std::string_view::npos) return std::nullopt;
  const size_t start = at + kKey.size();
  const size_t end = text.find('"', start);
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view name = text.substr(start, end - start);
  if (name.empty()) return std::nullopt;
  // An absolute path is one of the machine that wrote it: here the file's name counts.
  std::string path = name[0] == '/' && !is_file(std::string(name) + ".index")
                         ? join_path(folder, name_of(name))
                         : (name[0] == '/' ? std::string(name) : join_path(folder, name));
  return path;
}

bool has_checkpoint(const std::string& prefix) {
  return is_file(prefix + ".index") || is_file(prefix + ".meta");
}

}  // namespace

std::optional<std::string> checkpoint_prefix(const std::string& path) {
  if (is_folder(path)) {
    auto prefix = latest_in(path);
    return prefix && has_checkpoint(*prefix) ? prefix : std::nullopt;
  }
  if (has_checkpoint(path)) return path;
  const std::string name = name_of(path);
  for (const char* end : {".meta", ".index", ".data-"}) {
    const size_t at = name.rfind(end);
    if (at == std::string::npos || at == 0) continue;
    const std::string prefix = path.substr(0, path.size() - (name.size() - at));
    if (has_checkpoint(prefix)) return prefix;
  }
  return std::nullopt;
}

Result<Source> read_checkpoint(const std::string& prefix) {
  Source source;
  source.format = "checkpoint";
  source.graph = std::make_unique<Graph>("main");

  std::shared_ptr<const Bundle> bundle;
  const std::string index = prefix + ".index";
  if (is_file(index)) {
    PUMICE_TRY(bundle, Bundle::open(prefix));
    PUMICE_CHECK(add_checkpoint_facts(bundle, &source.facts));
  }
  const std::string path = prefix + ".meta";
  if (!is_file(path)) {
    if (!bundle)
      return Error(ErrorCode::kNotFound, "there is no checkpoint of this name").in(prefix);
    source.files = bundle->files();
    source.bytes = bundle->bytes();
    source.facts.warnings.push_back("there is no " + path +
                                    ": the checkpoint has values, but no graph to convert");
    return source;
  }

  PUMICE_TRY(const Bytes bytes, map_file(path));
  if (bytes.size() == 0) return Error(ErrorCode::kTruncated, "the file is empty").in(path);
  source.files = {path};
  source.bytes = bytes.size();
  if (bundle) {
    source.files.insert(source.files.end(), bundle->files().begin(), bundle->files().end());
    source.bytes += bundle->bytes();
  }
  auto context = std::make_shared<ProtoContext>(bytes, path);
  auto read = read_meta_graph(context->text(), context);
  if (!read.ok()) return std::move(read).error().in(path);
  MetaGraph& meta = *read;
  const Graph& graph = *meta.content.graph;
  std::map<std::string, RestoredFrom> keys;
  const Node* restore = nullptr;
  for (const Node& node : graph) {
    if (!meta.restore_op.empty() && node.name == meta.restore_op) restore = &node;
  }
  if (bundle && restore) {
    PUMICE_TRY(keys, follow_restore(restore, meta.content.functions.get()));
  } else if (bundle) {
    source.facts.warnings.push_back(path + ": has no saver, so nothing says which value is whose");
  }
  PUMICE_TRY(source.variables, bind_variables(graph, keys, bundle.get(), "there is no " + index));
  source.facts.warnings.insert(source.facts.warnings.end(), meta.warnings.begin(),
                               meta.warnings.end());
  source.facts.collections = std::move(meta.collections);
  give_graph(std::move(meta), &source);
  return source;
}

}  // namespace pumice
