#include "formats/graph_def/graph_def.h"

#include "formats/graph_def/graph_builder.h"

namespace pumice {

Result<GraphDefContent> read_graph_def(std::string_view message,
                                       std::shared_ptr<ProtoContext> context,
                                       std::string_view op_list) {
  GraphDefContent content;
  content.graph = std::make_unique<Graph>("main");
  content.functions = std::make_unique<GraphDefFunctions>(context);
  GraphDefFunctions* functions = content.functions.get();
  functions->set_op_list(op_list);
  const auto in_file = [&](Error error) { return std::move(error).in(context->file()); };

  // Functions first: a node may name one as its op.
  size_t nodes = 0;
  ProtoReader outer(message);
  while (outer.next()) {
    if (outer.field() == 1) {
      ++nodes;
    } else if (outer.field() == 2) {
      if (Status s = functions->add_library(outer.message()); !s.ok())
        return in_file(std::move(s).error());
    } else if (outer.field() == 4) {
      ProtoReader versions = outer.message();
      while (versions.next()) {
        if (versions.field() == 1) content.producer = versions.integer();
      }
      if (!versions.ok()) return in_file(std::move(versions.status()).error());
    }
  }
  if (!outer.ok()) return in_file(std::move(outer.status()).error());

  GraphBuilder builder(content.graph.get(), context.get(),
                       [functions](std::string_view op) { return functions->outputs_of(op); });
  builder.reserve(nodes);
  ProtoReader again(message);
  while (again.next()) {
    if (again.field() != 1) continue;
    if (Status s = builder.add_node(again.message()); !s.ok()) return in_file(std::move(s).error());
  }
  if (Status s = builder.connect(/*in_function=*/false); !s.ok())
    return in_file(std::move(s).error());
  return content;
}

Result<Source> read_graph_def_file(const Bytes& bytes, const std::string& path) {
  auto context = std::make_shared<ProtoContext>(bytes, path);
  PUMICE_TRY(GraphDefContent content, read_graph_def(context->text(), context));
  if (content.graph->node_count() <= 1) {
    return Error(ErrorCode::kMalformed, "the graph has no nodes").in(path);
  }
  Source source;
  source.format = "graph_def";
  source.files = {path};
  source.bytes = bytes.size();
  if (content.producer > 0) {
    source.producer = "tensorflow graph version " + std::to_string(content.producer);
  }
  source.graph = std::move(content.graph);
  if (!content.functions->empty()) source.functions = std::move(content.functions);
  return source;
}

}  // namespace pumice
