// A SavedModel written anew: object graph, graph and saver, Keras metadata, checkpoint.
#include <map>
#include <set>
#include <unordered_set>

#include "cleaning/clean.h"
#include "cleaning/config_text.h"
#include "cleaning/graph_edit.h"
#include "cleaning/object_graph_edit.h"
#include "cleaning/object_plan.h"
#include "cleaning/output_folder.h"
#include "formats/file.h"
#include "formats/meta_graph/object_graph.h"
#include "formats/meta_graph/restore.h"
#include "formats/protobuf/edit.h"
#include "formats/tensor_bundle/bundle_writer.h"

namespace pumice {
namespace {

std::string_view bytes_field(std::string_view message, uint32_t number) {
  ProtoField field;
  while (next_field(&message, &field))
    if (field.number == number && field.is_bytes) return field.bytes;
  return {};
}

/// "node:0", "^node" → "node".
std::string node_of(std::string_view tensor) {
  if (tensor.starts_with("^")) tensor.remove_prefix(1);
  return std::string(tensor.substr(0, tensor.find(':')));
}

struct Saver {
  std::string save, restore;  // nodes
};

Saver read_saver(std::string_view meta_graph) {
  const std::string_view def = bytes_field(meta_graph, 3);
  return {node_of(bytes_field(def, 2)), node_of(bytes_field(def, 3))};
}

/// Nodes that signatures and collections name.
std::unordered_set<std::string> named_nodes(std::string_view meta_graph) {
  std::unordered_set<std::string> names;
  ProtoField field, inner;
  while (next_field(&meta_graph, &field)) {
    if (field.number == 4) {
      std::string_view nodes = bytes_field(bytes_field(field.bytes, 2), 1);
      while (next_field(&nodes, &inner))
        if (inner.number == 1) names.insert(node_of(inner.bytes));
    } else if (field.number == 5) {
      std::string_view def = bytes_field(field.bytes, 2);
      while (next_field(&def, &inner))
        if (inner.number == 1 || inner.number == 2)
          names.insert(node_of(bytes_field(bytes_field(inner.bytes, 2), 1)));
    }
  }
  names.erase("");
  return names;
}

class Cleaner {
 public:
  Cleaner(const std::string& folder, const Source& source, OptimizerFindings* findings)
      : folder_(folder), source_(source), facts_(source.facts), findings_(findings) {}

  Status run(const std::string& output, const ReadOptions& options) {
    PUMICE_CHECK(read());
    PUMICE_TRY(plan_, plan_objects(facts_, *findings_));
    PUMICE_CHECK(edit_objects());
    PUMICE_CHECK(edit_configs());
    PUMICE_CHECK(edit_checkpoint_graph());
    PUMICE_CHECK(find_handles());
    PUMICE_TRY(const std::string saved_model, rewrite_saved_model());
    for (const Action& note : plan_.notes) findings_->resolution.actions.push_back(note);

    PUMICE_TRY(OutputFolder out, OutputFolder::create(output));
    PUMICE_CHECK(write(saved_model, &out));
    PUMICE_TRY(const Source written, read_source(out.place(), options));
    PUMICE_CHECK(check_clean(written, *findings_));
    return out.commit();
  }

 private:
  Status read() {
    if (!is_file(join_path(folder_, "saved_model.pb")))
      return Error(ErrorCode::kUnsupported, "a SavedModel as text is not rewritten")
          .hint("Save it again as saved_model.pb");
    PUMICE_TRY(model_bytes_, map_file(join_path(folder_, "saved_model.pb")));
    std::string_view rest = as_text(model_bytes_.view());
    ProtoField field;
    size_t graphs = 0;
    while (next_field(&rest, &field))
      if (field.number == 2) {
        meta_graph_ = field.bytes;
        ++graphs;
      }
    PUMICE_CHECK(message_fault(rest));
    if (graphs != 1)
      return Error(ErrorCode::kUnsupported,
                   "the SavedModel holds several graphs, which share their variables")
          .found(std::to_string(graphs));
    if (facts_.objects.empty())
      return Error(ErrorCode::kUnsupported,
                   "a TensorFlow 1 graph is not rewritten: its training ops are part of it")
          .hint("Convert it: `pumice convert` leaves the training ops out");
    const std::string prefix = join_path(folder_, "variables/variables");
    if (is_file(prefix + ".index")) {
      PUMICE_TRY(bundle_, Bundle::open(prefix));
      if (bundle_->find(kObjectGraphKey)) {
        PUMICE_TRY(const Tensor text, bundle_->read(kObjectGraphKey));
        if (text.strings().size() == 1) checkpoint_graph_ = text.strings()[0];
      }
    }
    return {};
  }

  Status edit_objects() {
    objects_ = facts_.objects;
    apply_edits(plan_.edits, &objects_);
    PUMICE_TRY(removal_, remove_objects(plan_, facts_, &objects_, &plan_.edits));
    return {};
  }

  Status edit_configs() {
    std::map<int64_t, const std::string*> documents;
    for (const auto& document : facts_.documents)
      if (const size_t at = document.file.find(".pb#"); at != std::string::npos)
        documents[std::atoll(document.file.c_str() + at + 4)] = &document.json;
    // SavedModels from before TensorFlow 2.5 hold the configurations in the objects.
    if (documents.empty())
      for (size_t i = 0; i < facts_.objects.size(); ++i)
        if (!facts_.objects[i].metadata.empty())
          documents[static_cast<int64_t>(i)] = &facts_.objects[i].metadata;
    for (const ConfigEdit& edit : plan_.configs) {
      const auto document = documents.find(edit.holder);
      if (document == documents.end()) continue;
      const std::string& text = *document->second;
      const auto config = find_member(text, {"training_config"});
      if (!config) {
        if (text.find("\"training_config\"") == std::string::npos) continue;
        return Error(ErrorCode::kMalformed,
                     "a Keras configuration cannot be read, so its optimizer cannot be taken out")
            .in(join_path(folder_, "keras_metadata.pb"))
            .at("node " + std::to_string(edit.holder));
      }
      std::optional<std::string_view> other;
      if (edit.taken_from >= 0) {
        if (const auto from = documents.find(edit.taken_from); from != documents.end())
          other = optimizer_config_text(*from->second);
      }
      const auto own = find_member(text, {"training_config", "optimizer_config"});
      configs_[edit.holder] = other && own ? replaced(text, {{*own, std::string(*other)}})
                                           : replaced(text, {{*config, "null"}});
    }
    return {};
  }

  Status edit_checkpoint_graph() {
    const Objects& checkpoint = facts_.checkpoint_objects;
    if (checkpoint_graph_.empty() || checkpoint.empty()) return {};
    // The saved objects as they were, so that both graphs are walked along the same names.
    std::vector<int64_t> match = match_objects(facts_.objects, checkpoint);
    match_slots(facts_.objects, checkpoint, &match);
    checkpoint_objects_ = checkpoint;
    apply_edits(matched_edits(plan_.edits, match), &checkpoint_objects_);
    checkpoint_numbers_ = remove_matched(plan_, removal_, match, checkpoint_objects_);
    const std::vector<int64_t>& numbers = checkpoint_numbers_;
    for (size_t i = 0; i < checkpoint.size(); ++i)
      if (numbers[i] < 0)
        for (const auto& [name, key] : checkpoint[i].attributes) bundle_edit_.removed.insert(key);
    for (size_t i = 0; i < checkpoint.size(); ++i)
      if (numbers[i] >= 0)
        for (const auto& [name, key] : checkpoint[i].attributes) bundle_edit_.removed.erase(key);
    PUMICE_TRY(bundle_edit_.strings[kObjectGraphKey],
               rewrite_checkpoint_objects(checkpoint_graph_, checkpoint_objects_, numbers));
    return {};
  }

  /// The saver's own text of the checkpoint's graph: the same objects, other names of variables.
  Result<std::optional<std::string>> edit_saver_graph(std::string_view text) const {
    if (checkpoint_numbers_.empty()) return std::optional<std::string>();
    std::vector<std::string> ignored;
    auto objects = read_trackable_objects(text, &ignored);
    if (!objects.ok() || objects->size() != facts_.checkpoint_objects.size())
      return std::optional<std::string>();
    for (size_t i = 0; i < objects->size(); ++i)
      if ((*objects)[i].children != facts_.checkpoint_objects[i].children)
        return std::optional<std::string>();
    PUMICE_TRY(std::string edited,
               rewrite_checkpoint_objects(text, checkpoint_objects_, checkpoint_numbers_));
    return std::optional<std::string>(std::move(edited));
  }

  Status find_handles() {
    const Saver saver = read_saver(meta_graph_);
    graph_.roots = named_nodes(meta_graph_);
    graph_.roots.insert({saver.save, saver.restore});
    graph_.saver_calls = {saver.save, saver.restore};
    graph_.functions.insert(removal_.functions.begin(), removal_.functions.end());
    graph_.edit_object_graph = [this](std::string_view text) { return edit_saver_graph(text); };
    if (bundle_edit_.removed.empty()) return {};
    for (const Node& node : *source_.graph) {
      if (node.name != saver.restore) continue;
      PUMICE_TRY(const auto restored, follow_restore(&node, source_.functions.get()));
      for (const auto& [handle, from] : restored)
        if (bundle_edit_.removed.count(from.key)) graph_.handles.insert(handle);
    }
    return {};
  }

  Result<std::string> rewrite_saved_model() {
    const auto edit_meta_graph = [&](const ProtoField& field, std::string* to) -> Result<bool> {
      std::string text;
      if (field.number == 2) {
        PUMICE_TRY(text, remove_from_graph(field.bytes, graph_));
      } else if (field.number == 7) {
        PUMICE_TRY(text, rewrite_saved_objects(field.bytes, objects_, removal_, configs_));
      } else {
        return false;
      }
      put_bytes(to, field.number, text);
      return true;
    };
    const auto edit = [&](const ProtoField& field, std::string* to) -> Result<bool> {
      return field.number == 2 ? rewrite_field(field, to, edit_meta_graph) : Result<bool>(false);
    };
    return rewritten(as_text(model_bytes_.view()), edit);
  }

  /// Everything else in the folder is copied; but the fingerprint, which would be that of another
  /// model: TensorFlow loads a SavedModel without one.
  Status write(const std::string& saved_model, OutputFolder* out) {
    PUMICE_TRY(const auto names, list_folder(folder_));
    for (const std::string& name : names) {
      const std::string path = join_path(folder_, name);
      if (name == "saved_model.pb" || name == "fingerprint.pb") continue;
      if (name == "keras_metadata.pb") {
        PUMICE_TRY(const Bytes bytes, map_file(path));
        PUMICE_TRY(const std::string text,
                   rewrite_keras_metadata(as_text(bytes.view()), removal_.numbers, configs_));
        PUMICE_CHECK(out->write_file(name, text));
      } else if (name == "variables" && bundle_) {
        PUMICE_CHECK(out->make_folder(name));
        PUMICE_CHECK(
            write_bundle(*bundle_, bundle_edit_, join_path(out->place(), "variables/variables")));
      } else {
        PUMICE_CHECK(out->copy(path, name));
      }
    }
    return out->write_file("saved_model.pb", saved_model);
  }

  const std::string& folder_;
  const Source& source_;
  const SourceFacts& facts_;
  OptimizerFindings* findings_;
  Bytes model_bytes_;
  std::string_view meta_graph_;
  std::shared_ptr<const Bundle> bundle_;
  std::string checkpoint_graph_;
  Objects checkpoint_objects_;  // as edited
  std::vector<int64_t> checkpoint_numbers_;
  ObjectPlan plan_;
  Objects objects_;
  ObjectRemoval removal_;
  std::map<int64_t, std::string> configs_;
  BundleEdit bundle_edit_;
  GraphRemoval graph_;
};

}  // namespace

Status clean_saved_model(const std::string& folder, const Source& source, const std::string& output,
                         const ReadOptions& options, OptimizerFindings* findings) {
  return Cleaner(folder, source, findings).run(output, options);
}

Status check_clean(const Source& written, const OptimizerFindings& findings) {
  std::vector<std::string> warnings;
  const auto left = collect_registrations(written, warnings);
  std::set<std::string> going;
  for (const Action& action : findings.resolution.actions)
    if (action.action == "strip" || action.action == "unify") going.insert(action.registration);
  const size_t expected = findings.registrations.size() - going.size();
  if (left.size() == expected) return {};
  return Error(ErrorCode::kInternal,
               "the written source does not hold the optimizers that it should")
      .expected(std::to_string(expected))
      .found(std::to_string(left.size()));
}

}  // namespace pumice
