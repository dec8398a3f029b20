#include "formats/meta_graph/meta_graph.h"

#include <algorithm>
#include <charconv>

#include "formats/graph_def/tensor_proto.h"
#include "formats/meta_graph/object_graph.h"

namespace pumice {
namespace {

/// "name:1" → node and result; the number may be missing.
TensorName parse_tensor_name(std::string_view text) {
  TensorName name;
  const size_t colon = text.rfind(':');
  if (colon != std::string_view::npos) {
    const char* end = text.data() + text.size();
    const auto [p, fault] = std::from_chars(text.data() + colon + 1, end, name.result);
    if (fault == std::errc() && p == end) text = text.substr(0, colon);
  }
  name.node = text;
  return name;
}

/// An entry of SignatureDef.inputs or .outputs. `*plain` becomes false for sparse and composite
/// tensors.
Result<SourceSignature::Tensor> read_signature_tensor(ProtoReader entry, bool* plain) {
  SourceSignature::Tensor tensor;
  while (entry.next()) {
    if (entry.field() == 1) tensor.name = entry.bytes();
    if (entry.field() != 2) continue;
    ProtoReader info = entry.message();
    while (info.next()) {
      switch (info.field()) {
        case 1: tensor.tensor = parse_tensor_name(info.bytes()); break;
        case 2: tensor.dtype = dtype_from_tensorflow(info.integer()); break;
        case 3: {
          PUMICE_TRY(tensor.shape, read_shape(info.message()));
          break;
        }
        case 4:
        case 5: *plain = false; break;
      }
    }
    PUMICE_CHECK(info.status());
  }
  PUMICE_CHECK(entry.status());
  return tensor;
}

Status read_signature(ProtoReader entry, MetaGraph* meta) {
  SourceSignature signature;
  bool plain = true;
  while (entry.next()) {
    if (entry.field() == 1) signature.key = entry.bytes();
    if (entry.field() != 2) continue;
    PUMICE_CHECK(read_signature_def(entry.message(), &signature, &plain));
  }
  PUMICE_CHECK(entry.status());
  if (signature.key == "__saved_model_init_op" || signature.key == "__saved_model_train_op")
    return {};
  if (!plain) {
    meta->warnings.push_back("signature '" + signature.key +
                             "' has sparse or composite tensors and is left out");
    return {};
  }
  meta->signatures.push_back(std::move(signature));
  return {};
}

/// A collection of nodes by name, or of variables (VariableDef), whose names it gives.
Status read_collection(ProtoReader entry, MetaGraph* meta) {
  std::string key;
  std::vector<std::string> names;
  while (entry.next()) {
    if (entry.field() == 1) key = entry.bytes();
    if (entry.field() != 2) continue;
    ProtoReader def = entry.message();
    while (def.next()) {
      if (def.field() != 1 && def.field() != 2) continue;
      const bool variables = def.field() == 2;
      ProtoReader list = def.message();
      while (list.next()) {
        if (list.field() != 1) continue;
        std::string_view name = list.bytes();
        if (variables) {
          ProtoReader variable(name);
          name = {};
          while (variable.next()) {
            if (variable.field() == 1 && variable.is_bytes()) name = variable.bytes();
          }
          // Other messages (loop contexts, assets) stand in such lists too: they are no nodes.
          if (!variable.ok() || name.empty()) continue;
        }
        names.push_back(parse_tensor_name(name).node);
      }
      PUMICE_CHECK(list.status());
    }
    PUMICE_CHECK(def.status());
  }
  PUMICE_CHECK(entry.status());
  if (key != "while_context" && key != "cond_context" && !names.empty()) {
    meta->collections[key] = std::move(names);
  }
  return {};
}

}  // namespace

Status read_signature_def(ProtoReader def, SourceSignature* signature, bool* plain) {
  while (def.next()) {
    if (def.field() == 1 || def.field() == 2) {
      auto& list = def.field() == 1 ? signature->inputs : signature->outputs;
      PUMICE_TRY(auto tensor, read_signature_tensor(def.message(), plain));
      list.push_back(std::move(tensor));
    } else if (def.field() == 3) {
      signature->method = def.bytes();
    }
  }
  PUMICE_CHECK(def.status());
  // A protocol buffer's map has no order of its own.
  const auto by_name = [](const auto& a, const auto& b) { return a.name < b.name; };
  std::sort(signature->inputs.begin(), signature->inputs.end(), by_name);
  std::sort(signature->outputs.begin(), signature->outputs.end(), by_name);
  return {};
}

Result<std::vector<std::string>> read_tags(std::string_view message) {
  std::vector<std::string> tags;
  ProtoReader meta(message);
  while (meta.next()) {
    if (meta.field() != 1) continue;
    ProtoReader info = meta.message();
    while (info.next()) {
      if (info.field() == 4) tags.emplace_back(info.bytes());
    }
    PUMICE_CHECK(info.status());
  }
  PUMICE_CHECK(meta.status());
  return tags;
}

Result<MetaGraph> read_meta_graph(std::string_view message, std::shared_ptr<ProtoContext> context) {
  MetaGraph meta;
  std::string_view graph, op_list;
  ProtoReader r(message);
  while (r.next()) {
    switch (r.field()) {
      case 1: {
        ProtoReader info = r.message();
        while (info.next()) {
          if (info.field() == 2) op_list = info.bytes();
          if (info.field() == 4) meta.tags.emplace_back(info.bytes());
          if (info.field() == 5) meta.tensorflow_version = info.bytes();
        }
        PUMICE_CHECK(info.status());
        break;
      }
      case 2: graph = r.bytes(); break;
      case 3: {
        ProtoReader saver = r.message();
        while (saver.next()) {
          if (saver.field() == 3) meta.restore_op = parse_tensor_name(saver.bytes()).node;
        }
        PUMICE_CHECK(saver.status());
        break;
      }
      case 4: PUMICE_CHECK(read_collection(r.message(), &meta)); break;
      case 5: PUMICE_CHECK(read_signature(r.message(), &meta)); break;
      case 7: meta.object_graph = r.bytes(); break;
    }
  }
  PUMICE_CHECK(r.status());
  std::sort(meta.signatures.begin(), meta.signatures.end(),
            [](const auto& a, const auto& b) { return a.key < b.key; });
  PUMICE_TRY(meta.content, read_graph_def(graph, std::move(context), op_list));
  return meta;
}

Result<std::map<std::string, Variable>> bind_variables(
    const Graph& graph, const std::map<std::string, RestoredFrom>& keys, const Bundle* bundle,
    const std::string& why_none) {
  std::map<std::string, Variable> variables;
  for (const Node& node : graph) {
    if (!is_variable_op(node.op)) continue;
    Variable variable;
    variable.name = node.attributes.string("shared_name");
    if (variable.name.empty()) variable.name = node.name;
    variable.dtype = node.attributes.dtype("dtype");
    variable.shape = node.attributes.get<Shape>("shape");
    // VariableV2 says "unknown rank" as a shape without dimensions in some old files; the value's
    // own shape decides below.
    auto it = keys.find(node.name);
    if (!bundle) {
      variable.missing_because = why_none;
    } else if (it == keys.end()) {
      variable.missing_because =
          "nothing in the model restores it from the checkpoint " + bundle->prefix();
    } else if (!bundle->find(it->second.key)) {
      variable.missing_because =
          "the checkpoint " + bundle->prefix() + " has no key '" + it->second.key + "'";
    } else {
      auto value = bundle->read(it->second.key, it->second.shape_and_slice);
      if (!value.ok()) return std::move(value).error().at(node.name, node.op);
      const Shape found(value->dims());
      if (value->dtype() != variable.dtype || !merge(found, variable.shape)) {
        return Error(ErrorCode::kMalformed, "the checkpoint's value does not fit the variable")
            .in(bundle->prefix() + ".index")
            .at(node.name, node.op)
            .expected(std::string(dtype_name(variable.dtype)) + to_string(variable.shape))
            .found(std::string(dtype_name(value->dtype())) + to_string(found) + " under '" +
                   it->second.key + "'")
            .hint("Graph and checkpoint are not from the same model.");
      }
      variable.initial = Constant(*std::move(value));
    }
    variables.emplace(node.name, std::move(variable));
  }
  return variables;
}

Status add_checkpoint_facts(const std::shared_ptr<const Bundle>& bundle, SourceFacts* facts) {
  for (const Bundle::Entry& entry : bundle->entries()) {
    SourceFacts::CheckpointEntry fact;
    fact.key = entry.key;
    fact.dtype = entry.dtype;
    fact.dims = entry.dims;
    fact.bytes = entry.size;
    if (!entry.slices.empty()) {
      fact.bytes =
          element_size(entry.dtype) * static_cast<uint64_t>(element_count(entry.dims).value_or(0));
    }
    fact.file = bundle->shard_name(entry.shard);
    facts->checkpoint.push_back(std::move(fact));
  }
  facts->checkpoint_value = [bundle](const std::string& key) { return bundle->read(key); };
  if (bundle->find(kObjectGraphKey)) {
    PUMICE_TRY(const Tensor value, bundle->read(kObjectGraphKey));
    if (value.dtype() == DType::kString && value.elements() == 1) {
      auto objects = read_trackable_objects(value.strings()[0], &facts->warnings);
      if (!objects.ok()) return std::move(objects).error().in(bundle->prefix() + ".index");
      facts->checkpoint_objects = std::move(objects).value();
    }
  }
  return {};
}

void give_graph(MetaGraph meta, Source* source) {
  if (!meta.tensorflow_version.empty()) source->producer = "tensorflow " + meta.tensorflow_version;
  source->signatures = std::move(meta.signatures);
  source->graph = std::move(meta.content.graph);
  if (!meta.content.functions->empty()) source->functions = std::move(meta.content.functions);
}

}  // namespace pumice
