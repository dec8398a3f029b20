// MetaGraphDef: what a SavedModel's graphs and a TF1 checkpoint's `.meta` file hold.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "formats/graph_def/graph_def.h"
#include "formats/meta_graph/restore.h"
#include "formats/source.h"
#include "formats/tensor_bundle/bundle.h"

namespace pumice {

struct MetaGraph {
  std::vector<std::string> tags;
  std::string tensorflow_version;
  GraphDefContent content;
  std::string restore_op;                   // SaverDef's; empty: none
  std::vector<SourceSignature> signatures;  // sorted by key; the initialisation op's is left out
  std::map<std::string, std::vector<std::string>> collections;
  std::string_view object_graph;  // SavedObjectGraph, as the file holds it
  std::vector<std::string> warnings;
};

/// Adds the inputs and outputs of a SignatureDef, sorted by name. `*plain` becomes false where one
/// is a sparse or composite tensor.
Status read_signature_def(ProtoReader def, SourceSignature* signature, bool* plain);

/// The tags of a MetaGraphDef; reads nothing else.
Result<std::vector<std::string>> read_tags(std::string_view message);

Result<MetaGraph> read_meta_graph(std::string_view message, std::shared_ptr<ProtoContext> context);

/// The source's producer, graph, functions and signatures.
void give_graph(MetaGraph meta, Source* source);

/// The variables of the main graph with their values in the bundle (null: there is none, for the
/// reason that `why_none` gives), by node name. `keys`: node name → where its value stands.
/// kMalformed where a value does not fit its variable.
Result<std::map<std::string, Variable>> bind_variables(
    const Graph& graph, const std::map<std::string, RestoredFrom>& keys, const Bundle* bundle,
    const std::string& why_none);

/// Fills the facts that a bundle gives: entries, values, the object graph that it carries.
Status add_checkpoint_facts(const std::shared_ptr<const Bundle>& bundle, SourceFacts* facts);

}  // namespace pumice
