// AttrValue, NameAttrList and attribute maps.
#pragma once

#include <optional>

#include "formats/graph_def/proto_context.h"
#include "formats/protobuf/reader.h"
#include "graph/attributes.h"

namespace pumice {

/// One attribute; nullopt where it says nothing that the IR holds (a tensor of handles, a list of
/// tensors).
Result<std::optional<Attribute>> read_attr_value(ProtoReader message, ProtoContext* context);

/// Collects the entries of an attribute map (key → AttrValue) and makes Attributes of them at once,
/// so that a message with very many stays cheap.
class AttributeCollector {
 public:
  /// `entry`: one entry of the map. The last of several with one key counts.
  Status add(ProtoReader entry, ProtoContext* context);
  Attributes take();

 private:
  std::vector<std::pair<std::string, Attribute>> entries_;
};

}  // namespace pumice
