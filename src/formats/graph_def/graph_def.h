// GraphDef: TensorFlow's own graph files, binary and text.
#pragma once

#include <memory>
#include <string>

#include "formats/graph_def/function_library.h"
#include "formats/graph_def/proto_context.h"
#include "formats/source.h"

namespace pumice {

/// A GraphDef's graph and functions, wherever it stood (a .pb file, a MetaGraphDef).
struct GraphDefContent {
  std::unique_ptr<Graph> graph;
  std::unique_ptr<GraphDefFunctions> functions;
  int64_t producer = 0;  // the version of TensorFlow's graph format that wrote it; 0: not said
};

/// Reads a GraphDef message inside the context's file. `op_list`: MetaInfoDef.stripped_op_list, or
/// empty.
Result<GraphDefContent> read_graph_def(std::string_view message,
                                       std::shared_ptr<ProtoContext> context,
                                       std::string_view op_list = {});

/// Reads a .pb file's bytes.
Result<Source> read_graph_def_file(const Bytes& bytes, const std::string& path);

}  // namespace pumice
