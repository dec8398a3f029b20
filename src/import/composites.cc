#include "import/composites.h"

#include <unordered_set>
#include <vector>

#include "formats/graph_def/attr_value.h"
#include "formats/protobuf/text.h"
#include "ops/detection_post_process.h"

namespace pumice {
namespace {

struct Implements {
  std::string name;
  Attributes attributes;
};

Result<Implements> parse(const Attributes& function) {
  // TensorFlow keeps the text parsed where it can, and as it is otherwise.
  if (const auto* parsed = function.find<FunctionRef>("_implements"))
    return Implements{parsed->name, parsed->attributes ? *parsed->attributes : Attributes()};
  const std::string text = function.string("_implements");
  auto wire = text_to_wire(text, "NameAttrList");
  if (!wire.ok()) return Implements{text, {}};
  std::vector<std::byte> bytes(wire->size());
  if (!bytes.empty()) std::memcpy(bytes.data(), wire->data(), bytes.size());
  ProtoContext context(Bytes::own(std::move(bytes)), "_implements");
  Implements implements;
  AttributeCollector attributes;
  ProtoReader reader(context.text());
  while (reader.next()) {
    if (reader.field() == 1)
      implements.name = reader.bytes();
    else if (reader.field() == 2)
      PUMICE_CHECK(attributes.add(reader.message(), &context));
  }
  PUMICE_CHECK(reader.status());
  if (implements.name.empty()) return Implements{text, {}};  // "domain:name" reads as a field
  implements.attributes = attributes.take();
  return implements;
}

/// No output depends on an argument.
bool is_stand_in(const Graph& body) {
  if (body.inputs().empty()) return false;
  std::unordered_set<const Node*> seen;
  std::vector<const Node*> open{body.return_node()};
  while (!open.empty()) {
    const Node* node = open.back();
    open.pop_back();
    if (node->is("Input")) return false;
    if (!seen.insert(node).second) continue;
    for (size_t i = 0; i < node->operand_count(); ++i)
      if (node->operand(i)) open.push_back(node->operand(i)->node());
  }
  return true;
}

}  // namespace

Result<Composite> read_composite(const Source& source, const std::string& function,
                                 const Node& call) {
  const Attributes* attributes = source.functions->attributes(function);
  if (!attributes) return Composite{};
  PUMICE_TRY(Implements implements, parse(*attributes));
  if (implements.name.empty()) return Composite{};
  PUMICE_TRY(const Graph* body, source.functions->find(function));
  if (implements.name == kDetectionPostProcess) {
    auto parameters = DetectionParameters::from(implements.attributes);
    if (!parameters.ok()) return std::move(parameters).error().at(call.name, kDetectionPostProcess);
    if (call.operand_count() != 3 || call.result_count() != 4)
      return Error(ErrorCode::kMalformed, "the detection post-processing is called wrongly")
          .at(call.name, kDetectionPostProcess)
          .expected("3 operands and 4 results")
          .found(std::to_string(call.operand_count()) + " and " +
                 std::to_string(call.result_count()));
    return Composite{kDetectionPostProcess, parameters->attributes()};
  }
  if (body && is_stand_in(*body))
    return Error(ErrorCode::kUnsupported,
                 "the function stands for '" + implements.name +
                     "', which pumice does not know, and its body computes nothing")
        .at(call.name, call.op)
        .hint("Cut the graph before it (--output-arrays)");
  return Composite{};
}

}  // namespace pumice
