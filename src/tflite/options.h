// Operators' options between node attributes and the file, both ways, by the table of
// op_description.h.
#pragma once

#include <functional>
#include <string>

#include <flatbuffers/flatbuffers.h>

#include "graph/graph.h"
#include "pumice/error.h"
#include "tflite/flat_table.h"
#include "tflite/op_description.h"

namespace pumice {

/// Writes the options table of `node`. `subgraph_index` gives a graph's number, or -1.
/// kInternal where an attribute has a type, value or name that the operator does not know (names
/// that begin with "_" are notes of passes, and stay out of the file).
Result<flatbuffers::Offset<flatbuffers::Table>> write_options(
    const Node& node, const OpDescription& description,
    const std::function<int(const std::string&)>& subgraph_index,
    flatbuffers::FlatBufferBuilder& builder);

/// Sets one attribute per option; a missing table gives the defaults. `graph_name` gives the name
/// of a subgraph by its number, or null.
Status read_options(const FlatTable& table, const OpDescription& description,
                    const std::function<const std::string*(int)>& graph_name,
                    Attributes& attributes);

}  // namespace pumice
