// Any bytes as a MetaGraphDef: graph, signatures, collections, object graph, and the restore walk.
#include "formats/meta_graph/meta_graph.h"
#include "formats/meta_graph/object_graph.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pumice;
  const Bytes bytes(nullptr, std::as_bytes(std::span<const uint8_t>(data, size)));
  auto context = std::make_shared<ProtoContext>(bytes, "fuzz.meta");
  auto meta = read_meta_graph(context->text(), context);
  if (!meta.ok()) return 0;
  std::vector<std::string> warnings;
  auto saved = read_saved_objects(meta->object_graph, &warnings);
  auto tracked = read_trackable_objects(meta->object_graph, &warnings);
  if (saved.ok() && tracked.ok()) (void)match_objects(saved->objects, *tracked);
  for (const Node& node : *meta->content.graph) {
    if (node.name == meta->restore_op)
      (void)follow_restore(&node, meta->content.functions.get()).ok();
  }
  return 0;
}
