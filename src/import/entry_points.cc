#include <algorithm>
#include <charconv>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "import/guards.h"
#include "import/import.h"

namespace pumice {
namespace {

/// Nodes of the main graph by their names; the index is made when more than a few are asked for.
class NodesByName {
 public:
  explicit NodesByName(const Graph& graph) : graph_(graph) {}

  /// Null when there is no such node.
  const Node* find(std::string_view name) {
    // A few names are found faster by looking through the graph than by an index of all of it.
    if (asked_++ < kScans) {
      for (const Node& node : graph_)
        if (node.name == name) return &node;
      return nullptr;
    }
    if (nodes_.empty()) {
      nodes_.reserve(graph_.node_count());
      for (const Node& node : graph_) nodes_.emplace(node.name, &node);
    }
    const auto it = nodes_.find(name);
    return it == nodes_.end() ? nullptr : it->second;
  }

 private:
  static constexpr int kScans = 4;
  const Graph& graph_;
  std::unordered_map<std::string_view, const Node*> nodes_;
  int asked_ = 0;
};

std::string join(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

/// "a/b:1" → {"a/b", 1}; "^a" is not a tensor.
TensorName parse_tensor_name(const std::string& text) {
  TensorName name{text, 0};
  size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon + 1 == text.size()) return name;
  uint32_t number = 0;
  auto [end, error] = std::from_chars(text.data() + colon + 1, text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size())
    name = {text.substr(0, colon), number};
  return name;
}

Result<const Value*> find_tensor(const Source& source, NodesByName& nodes, const TensorName& name,
                                 const char* what) {
  const Node* found = nodes.find(name.node);
  if (!found || found->op == "Return") {
    std::vector<std::string> names;
    for (const Node& node : *source.graph)
      if (node.op != "Return") names.push_back(node.name);
    auto near = near_matches(name.node, names);
    return Error(ErrorCode::kUsage,
                 std::string("the graph has no node '") + name.node + "' for " + what)
        .hint(near.empty() ? "`pumice inspect` lists the nodes" : "Near matches: " + join(near));
  }
  const Node& node = *found;
  if (name.result < node.result_count()) return const_cast<const Value*>(node.result(name.result));
  return Error(ErrorCode::kUsage, std::string("the node has no such output for ") + what)
      .at(node.name, node.op)
      .expected("an output number below " + std::to_string(node.result_count()))
      .found(std::to_string(name.result));
}

Shape shape_by_attributes(const Value& value) {
  const Attributes& attributes = value.node()->attributes;
  if (value.shape.known_rank()) return value.shape;
  if (const auto* outputs = attributes.find<std::vector<Shape>>("_output_shapes");
      outputs && value.index() < outputs->size())
    return (*outputs)[value.index()];
  if (value.node()->op == "Placeholder" || value.node()->op == "PlaceholderV2")
    if (const auto* shape = attributes.find<Shape>("shape")) return *shape;
  return Shape::unknown();
}

Result<EntryPoint> from_arrays(const Source& source, const ImportOptions& options,
                               NodesByName& nodes) {
  EntryPoint entry;
  entry.key = "serving_default";
  for (const std::string& text : options.output_arrays) {
    PUMICE_TRY(const Value* value,
               find_tensor(source, nodes, parse_tensor_name(text), "--output-arrays"));
    entry.outputs.push_back(value);
    entry.output_names.push_back(text);
  }
  for (const std::string& text : options.input_arrays) {
    PUMICE_TRY(const Value* value,
               find_tensor(source, nodes, parse_tensor_name(text), "--input-arrays"));
    entry.inputs.push_back(value);
    entry.input_names.push_back(text);
    entry.input_dtypes.push_back(dtype_by_attributes(*value));
    entry.input_shapes.push_back(shape_by_attributes(*value));
    if (entry.input_dtypes.back() == DType::kInvalid)
      return Error(ErrorCode::kUsage, "the dtype of this input array is not stated in the graph")
          .at(value->node()->name, value->node()->op)
          .hint("Cut at another tensor beside it");
  }
  return entry;
}

bool is_one_of(const Node& node, std::initializer_list<std::string_view> ops) {
  return std::find(ops.begin(), ops.end(), node.op) != ops.end();
}

/// Ops whose results are no outputs of a model, although nothing reads them.
bool is_training_or_idle(const Node& node) {
  const bool structure = is_one_of(node, {"Const", "Enter", "Exit", "Input", "NextIteration",
                                          "NoOp", "Placeholder", "Return", "Switch"});
  const bool state = is_one_of(
      node, {"IsVariableInitialized", "MergeV2Checkpoints", "RestoreV2", "SaveV2",
             "ShardedFilename", "VarHandleOp", "VarIsInitializedOp", "Variable", "VariableV2"});
  const bool record = is_one_of(node, {"Assert", "HistogramSummary", "ImageSummary", "MergeSummary",
                                       "Print", "PrintV2", "ScalarSummary"});
  return structure || state || record || has_side_effect(node);
}

/// In a graph that also trains, what nothing reads is mostly losses and the gradients' dead ends.
Status refuse_training_graph(const Graph& graph) {
  for (const Node& node : graph)
    if (has_side_effect(node) && node.op.find("Apply") != std::string::npos)
      return Error(ErrorCode::kUsage,
                   "the graph trains as well as infers, and nothing says which of its tensors are "
                   "the model's outputs")
          .at(node.name, node.op)
          .hint(
              "Name them with --output-arrays (and the inputs with --input-arrays): the training "
              "side is then left behind");
  return {};
}

/// A graph without signatures: outputs are what nothing reads, inputs the placeholders above them.
Result<EntryPoint> from_structure(const Source& source, const ImportOptions& options,
                                  NodesByName& nodes) {
  ImportOptions found = options;
  if (found.output_arrays.empty()) {
    PUMICE_CHECK(refuse_training_graph(*source.graph));
    std::optional<Guards> guards;
    if (Guards::needed(*source.graph)) guards.emplace(std::vector<const Value*>());
    for (const Node& node : *source.graph) {
      if (is_training_or_idle(node) || node.result_count() == 0) continue;
      bool unread = true;
      for (size_t i = 0; i < node.result_count(); ++i) unread &= node.result(i)->unused();
      // What runs in a branch or an iteration alone holds others back (a pivot); it is no result.
      const bool is_pivot =
          node.operand_count() == 1 && node.operand(0) && node.operand(0)->node()->op == "Switch";
      if (is_pivot || (unread && guards && (guards->depth(node) || guards->is_dead(node))))
        continue;
      if (unread) found.output_arrays.push_back(node.name);
    }
    if (found.output_arrays.empty())
      return Error(ErrorCode::kUsage, "the graph has no tensor that could be an output")
          .hint("Name them: --output-arrays A,B");
  }
  if (found.input_arrays.empty()) {
    // Only placeholders that the outputs reach: a training pipeline may hold others.
    std::vector<Node*> pending;
    for (Node& node : *source.graph) node.scratch = 0;  // 1: reached
    for (const std::string& text : found.output_arrays) {
      PUMICE_TRY(const Value* value,
                 find_tensor(source, nodes, parse_tensor_name(text), "--output-arrays"));
      pending.push_back(value->node());
    }
    while (!pending.empty()) {
      Node* node = pending.back();
      pending.pop_back();
      if (std::exchange(node->scratch, 1) == 1) continue;
      for (size_t i = 0; i < node->operand_count(); ++i)
        if (node->operand(i)) pending.push_back(node->operand(i)->node());
    }
    for (const Node& node : *source.graph)
      if ((node.op == "Placeholder" || node.op == "PlaceholderV2") && node.scratch == 1)
        found.input_arrays.push_back(node.name);
  }
  return from_arrays(source, found, nodes);
}

Result<EntryPoint> from_signature(const Source& source, const SourceSignature& signature,
                                  NodesByName& nodes) {
  EntryPoint entry;
  entry.key = signature.key;
  const std::string what = "signature '" + signature.key + "'";
  for (const auto& tensor : signature.inputs) {
    PUMICE_TRY(const Value* value, find_tensor(source, nodes, tensor.tensor, what.c_str()));
    entry.inputs.push_back(value);
    entry.input_names.push_back(tensor.name);
    entry.input_dtypes.push_back(tensor.dtype != DType::kInvalid ? tensor.dtype
                                                                 : dtype_by_attributes(*value));
    entry.input_shapes.push_back(tensor.shape.known_rank() ? tensor.shape
                                                           : shape_by_attributes(*value));
  }
  for (const auto& tensor : signature.outputs) {
    PUMICE_TRY(const Value* value, find_tensor(source, nodes, tensor.tensor, what.c_str()));
    entry.outputs.push_back(value);
    entry.output_names.push_back(tensor.name);
  }
  return entry;
}

Status override_shapes(EntryPoint& entry, const ImportOptions& options) {
  if (options.input_shapes.empty()) return {};
  if (options.input_shapes.size() != entry.inputs.size())
    return Error(ErrorCode::kUsage, "--input-shapes must give one shape per input")
        .expected(std::to_string(entry.inputs.size()) + " (" + join(entry.input_names) + ")")
        .found(std::to_string(options.input_shapes.size()));
  for (size_t i = 0; i < entry.inputs.size(); ++i) {
    const Shape &asked = options.input_shapes[i], &stated = entry.input_shapes[i];
    bool fits = !asked.known_rank() || !stated.known_rank() || asked.rank() == stated.rank();
    for (size_t d = 0; fits && asked.known_rank() && stated.known_rank() && d < asked.rank(); ++d)
      fits = !asked[d].known() || !stated[d].known() || asked[d] == stated[d];
    if (!fits)
      return Error(ErrorCode::kUsage,
                   "--input-shapes does not fit input '" + entry.input_names[i] + "'")
          .expected(to_string(stated))
          .found(to_string(asked));
    entry.input_shapes[i] = asked;
  }
  return {};
}

}  // namespace

DType dtype_by_attributes(const Value& value) {
  if (value.dtype != DType::kInvalid) return value.dtype;
  const Node& node = *value.node();
  const Attributes& attributes = node.attributes;
  static const std::unordered_set<std::string_view> kBool = {
      "Equal",        "NotEqual",   "Less",      "LessEqual",  "Greater",
      "GreaterEqual", "LogicalAnd", "LogicalOr", "LogicalNot", "IsNan",
      "IsInf",        "IsFinite",   "LoopCond",  "Any",        "All"};
  if (kBool.count(node.op)) return DType::kBool;
  static const std::unordered_set<std::string_view> kFloat = {
      "ResizeBilinear", "ResizeBicubic", "ResizeArea", "CropAndResize", "NonMaxSuppressionV1"};
  if (kFloat.count(node.op)) return DType::kFloat32;
  for (const char* list : {"Tout", "output_types", "out_types", "component_types"})
    if (const auto* types = attributes.find<std::vector<DType>>(list);
        types && value.index() < types->size())
      return (*types)[value.index()];
  for (const char* name : {"DstT", "dtype", "element_dtype", "out_type", "output_type", "Tout", "T",
                           "Tparams", "type"})
    if (const auto* type = attributes.find<DType>(name)) return *type;
  if (const auto* types = attributes.find<std::vector<DType>>("T");
      types && value.index() < types->size())
    return (*types)[value.index()];
  return DType::kInvalid;
}

Result<std::vector<EntryPoint>> find_entry_points(const Source& source,
                                                  const ImportOptions& options) {
  NodesByName nodes(*source.graph);
  std::vector<EntryPoint> entries;
  if (!options.input_arrays.empty() || !options.output_arrays.empty()) {
    PUMICE_TRY(EntryPoint entry, from_structure(source, options, nodes));
    entries.push_back(std::move(entry));
  } else if (source.signatures.empty()) {
    if (!options.signatures.empty())
      return Error(ErrorCode::kUsage, "the input has no signatures")
          .found("--signature " + options.signatures.front())
          .hint("Name tensors instead: --input-arrays and --output-arrays");
    PUMICE_TRY(EntryPoint entry, from_structure(source, options, nodes));
    entries.push_back(std::move(entry));
  } else {
    std::vector<std::string> keys;
    for (const SourceSignature& signature : source.signatures) keys.push_back(signature.key);
    for (const std::string& key : options.signatures.empty() ? keys : options.signatures) {
      auto it = std::find(keys.begin(), keys.end(), key);
      if (it == keys.end())
        return Error(ErrorCode::kUsage, "the input has no signature '" + key + "'")
            .expected("one of " + join(keys));
      PUMICE_TRY(
          EntryPoint entry,
          from_signature(source, source.signatures[static_cast<size_t>(it - keys.begin())], nodes));
      entries.push_back(std::move(entry));
    }
  }
  for (EntryPoint& entry : entries) {
    PUMICE_CHECK(override_shapes(entry, options));
    if (options.pin_batch)
      for (Shape& shape : entry.input_shapes)
        if (shape.known_rank() && shape.rank() > 0 && !shape[0].known()) shape[0] = 1;
  }
  return entries;
}

}  // namespace pumice
