#include "tflite/subgraph_writer.h"

#include <deque>
#include <string_view>
#include <unordered_set>

#include "tflite/op_description.h"
#include "tflite/op_version.h"
#include "tflite/options.h"
#include "tflite/schema.h"

namespace pumice {
namespace {

using schema::vtable_entry;

/// Names of tensors, no two the same. Those that are given must outlive it.
class Names {
 public:
  explicit Names(size_t expected) { taken_.reserve(expected); }
  /// `stem`, or `stem_1`, `stem_2`…: the first that is free.
  std::string_view unique(std::string_view stem) {
    if (taken_.insert(stem).second) return stem;
    for (int& n = next_[std::string(stem)];;) {
      const std::string_view name = keep(std::string(stem) + "_" + std::to_string(++n));
      if (taken_.insert(name).second) return name;
    }
  }
  /// A name that lives as long as this.
  std::string_view keep(std::string name) { return made_.emplace_back(std::move(name)); }

 private:
  std::unordered_set<std::string_view> taken_;
  std::unordered_map<std::string, int> next_;
  std::deque<std::string> made_;
};

/// A node's name without the calls that it was expanded from: what a SavedModel's function is
/// called by
/// ("StatefulPartitionedCall_1/StatefulPartitionedCall/") says nothing, and fills kilobytes.
std::string_view without_calls(std::string_view name) {
  constexpr std::string_view kCall = "PartitionedCall";
  for (;;) {
    const size_t end = name.find('/');
    const std::string_view first = name.substr(0, end);
    const size_t at = first.find(kCall);
    if (end == std::string_view::npos || end + 1 == name.size() || at == std::string_view::npos)
      return name;
    const std::string_view before = first.substr(0, at), after = first.substr(at + kCall.size());
    if (!before.empty() && before != "Stateful") return name;
    if (!after.empty() && after[0] != '_') return name;
    name.remove_prefix(end + 1);
  }
}

constexpr int32_t kNoTensor = -1;  // as the schema has it

class SubgraphWriter {
 public:
  SubgraphWriter(const Graph& graph, FileParts& parts)
      : graph_(graph), parts_(parts), builder_(parts.builder), taken_names_(graph.node_count()) {}

  Result<WrittenSubgraph> write() {
    number_tensors();
    name_tensors();
    std::vector<TableOffset> tensors, operators;
    for (size_t i = 0; i < values_.size(); ++i) {
      PUMICE_TRY(TableOffset tensor, write_tensor(*values_[i], names_[i]));
      tensors.push_back(tensor);
    }
    for (const Node& node : graph_) {
      if (is_operator(node)) {
        PUMICE_TRY(TableOffset op, write_operator(node));
        operators.push_back(op);
      }
    }
    WrittenSubgraph out;
    out.tensors = values_.size();
    for (const Value* input : graph_.inputs()) out.inputs.push_back(number_of(input));
    for (size_t i = 0; i < graph_.output_count(); ++i) {
      const int32_t number = number_of(graph_.output(i));
      if (number < 0) {
        return Error(ErrorCode::kInternal, "output " + std::to_string(i) + " of graph '" +
                                               graph_.name + "' is no tensor of it");
      }
      out.outputs.push_back(number);
    }
    const auto tensor_list = builder_.CreateVector(tensors);
    const auto operator_list = builder_.CreateVector(operators);
    const auto inputs = builder_.CreateVector(out.inputs);
    const auto outputs = builder_.CreateVector(out.outputs);
    const auto name = builder_.CreateString(graph_.name);
    const auto start = builder_.StartTable();
    builder_.AddOffset(vtable_entry(schema::subgraph::kTensors), tensor_list);
    builder_.AddOffset(vtable_entry(schema::subgraph::kInputs), inputs);
    builder_.AddOffset(vtable_entry(schema::subgraph::kOutputs), outputs);
    builder_.AddOffset(vtable_entry(schema::subgraph::kOperators), operator_list);
    builder_.AddOffset(vtable_entry(schema::subgraph::kName), name);
    out.table = TableOffset(builder_.EndTable(start));
    return out;
  }

 private:
  static bool is_operator(const Node& node) {
    return node.op != "Const" && node.op != "Input" && node.op != "Return" &&
           node.op != "VariableTensor";
  }

  void number(Node& node) {
    node.scratch = static_cast<int64_t>(values_.size());
    for (size_t i = 0; i < node.result_count(); ++i) values_.push_back(node.result(i));
  }

  /// The results of a node have numbers in a row, the first of which is the node's scratch number.
  void number_tensors() {
    values_.reserve(graph_.node_count());
    for (const Value* input : graph_.inputs()) number(*input->node());
    for (Node& node : graph_) {
      if (node.op == "Input") continue;
      if (node.op == "Const" && node.result()->unused()) {
        node.scratch = kNoTensor;
      } else {
        number(node);
      }
    }
  }

  /// Negative where the value is no tensor of this graph.
  int32_t number_of(const Value* value) const {
    if (!value || &value->node()->graph() != &graph_ || value->node()->scratch < 0)
      return kNoTensor;
    return static_cast<int32_t>(value->node()->scratch) + static_cast<int32_t>(value->index());
  }

  /// Names that were asked for come first, so that no derived one takes theirs.
  void name_tensors() {
    names_.resize(values_.size());
    for (size_t i = 0; i < values_.size(); ++i) {
      if (!values_[i]->name.empty()) names_[i] = taken_names_.unique(values_[i]->name);
    }
    for (size_t i = 0; i < values_.size(); ++i) {
      const Node& node = *values_[i]->node();
      if (!names_[i].empty()) continue;
      std::string_view stem = node.name.empty() ? node.op : without_calls(node.name);
      if (values_[i]->index() > 0)
        stem = taken_names_.keep(std::string(stem) + ":" + std::to_string(values_[i]->index()));
      names_[i] = taken_names_.unique(stem);
    }
  }

  Result<TableOffset> write_tensor(const Value& value, std::string_view tensor_name) {
    const Node& node = *value.node();
    const int type = dtype_to_tflite(value.dtype);
    if (type < 0) {
      return Error(ErrorCode::kInternal, "TensorFlow Lite has no such tensor type")
          .at(node.name, node.op)
          .found(std::string(dtype_name(value.dtype)));
    }
    uint32_t buffer = 0;
    const Constant* constant = constant_of(&value);
    if (constant) {
      if (constant->dtype() != value.dtype || !(Shape(constant->dims()) == value.shape)) {
        return Error(ErrorCode::kInternal, "the constant is not of its value's type and shape")
            .at(node.name, node.op)
            .expected(std::string(dtype_name(value.dtype)) + to_string(value.shape))
            .found(std::string(dtype_name(constant->dtype())) + to_string(constant->dims()));
      }
      buffer = parts_.buffers.add(*constant);
    }
    const bool ranked = value.shape.known_rank();
    std::vector<int32_t> sizes, signature;
    for (size_t i = 0; ranked && i < value.shape.rank(); ++i) {
      const int64_t size = value.shape[i].size_or_minus_one();
      if (size > INT32_MAX) {
        return Error(ErrorCode::kTooLarge, "a dimension does not fit in 32 bits")
            .at(node.name, node.op)
            .found(to_string(value.shape));
      }
      sizes.push_back(size < 0 ? 1 : static_cast<int32_t>(size));
      signature.push_back(static_cast<int32_t>(size));
    }
    const auto shape = builder_.CreateVector(sizes);
    flatbuffers::Offset<flatbuffers::Vector<int32_t>> shape_signature;
    if (sizes != signature) shape_signature = builder_.CreateVector(signature);
    const auto quantization = write_quantization(value.quantization.get());
    const auto name = builder_.CreateString(tensor_name.data(), tensor_name.size());
    const auto start = builder_.StartTable();
    builder_.AddOffset(vtable_entry(schema::tensor::kShape), shape);
    builder_.AddElement<int8_t>(vtable_entry(schema::tensor::kType), static_cast<int8_t>(type), 0);
    builder_.AddElement<uint32_t>(vtable_entry(schema::tensor::kBuffer), buffer, 0);
    builder_.AddOffset(vtable_entry(schema::tensor::kName), name);
    builder_.AddOffset(vtable_entry(schema::tensor::kQuantization), quantization);
    builder_.AddElement<uint8_t>(vtable_entry(schema::tensor::kIsVariable),
                                 node.op == "VariableTensor", 0);
    builder_.AddOffset(vtable_entry(schema::tensor::kShapeSignature), shape_signature);
    builder_.AddElement<uint8_t>(vtable_entry(schema::tensor::kHasRank), ranked, 0);
    return TableOffset(builder_.EndTable(start));
  }

  TableOffset write_quantization(const Quantization* q) {
    if (!q || q->scales.empty()) return {};
    const auto scale = builder_.CreateVector(q->scales);
    std::vector<int64_t> points = q->zero_points;
    points.resize(q->scales.size(), points.empty() ? 0 : points.back());
    const auto zero_point = builder_.CreateVector(points);
    const auto start = builder_.StartTable();
    builder_.AddOffset(vtable_entry(schema::quantization::kScale), scale);
    builder_.AddOffset(vtable_entry(schema::quantization::kZeroPoint), zero_point);
    builder_.AddElement<int32_t>(vtable_entry(schema::quantization::kDimension), q->axis, 0);
    return TableOffset(builder_.EndTable(start));
  }

  Result<TableOffset> write_operator(const Node& node) {
    const bool custom = is_custom(node.op);
    const OpDescription* description = custom ? nullptr : describe_op(node.op);
    if (!custom && (!description || description->opaque)) {
      return Error(ErrorCode::kInternal, "is no operator of TensorFlow Lite that can be written")
          .at(node.name, node.op);
    }
    std::vector<int32_t> inputs, outputs;
    for (size_t i = 0; i < node.operand_count(); ++i) {
      const int32_t number = number_of(node.operand(i));
      if (node.operand(i) && number < 0) {
        return Error(ErrorCode::kInternal,
                     "operand " + std::to_string(i) + " is no tensor of its graph")
            .at(node.name, node.op);
      }
      inputs.push_back(number);  // kNoTensor where an optional operand is absent
    }
    for (size_t i = 0; i < node.result_count(); ++i) outputs.push_back(number_of(node.result(i)));
    const uint32_t opcode =
        custom ? parts_.codes.add(kCustomCode, node.op.substr(kCustomPrefix.size()), 1)
               : parts_.codes.add(description->code, {}, op_version(node));
    TableOffset options;
    if (description && (description->options_union != 0 || description->options2_union != 0)) {
      PUMICE_TRY(options, write_options(node, *description, parts_.subgraph_index, builder_));
    }
    flatbuffers::Offset<flatbuffers::Vector<uint8_t>> custom_options;
    if (custom && node.attributes.has("custom_options")) {
      const std::string bytes = node.attributes.string("custom_options");
      // Flexbuffers hold doubles: keep them where their readers may load them directly.
      builder_.ForceVectorAlignment(bytes.size(), 1, 16);
      custom_options =
          builder_.CreateVector(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
    }
    const auto input_list = builder_.CreateVector(inputs);
    const auto output_list = builder_.CreateVector(outputs);
    const auto start = builder_.StartTable();
    builder_.AddElement<uint32_t>(vtable_entry(schema::op::kOpcodeIndex), opcode, 0);
    builder_.AddOffset(vtable_entry(schema::op::kInputs), input_list);
    builder_.AddOffset(vtable_entry(schema::op::kOutputs), output_list);
    if (!options.IsNull()) {
      const bool second = description->options2_union != 0;
      const int member = second ? description->options2_union : description->options_union;
      builder_.AddElement<uint8_t>(
          vtable_entry(second ? schema::op::kOptions2Type : schema::op::kOptionsType),
          static_cast<uint8_t>(member), 0);
      builder_.AddOffset(vtable_entry(second ? schema::op::kOptions2 : schema::op::kOptions),
                         options);
    }
    builder_.AddOffset(vtable_entry(schema::op::kCustomOptions), custom_options);
    return TableOffset(builder_.EndTable(start));
  }

  const Graph& graph_;
  FileParts& parts_;
  flatbuffers::FlatBufferBuilder& builder_;
  std::vector<const Value*> values_;  // by tensor number
  std::vector<std::string_view> names_;
  Names taken_names_;
};

}  // namespace

uint32_t OperatorCodes::add(int code, const std::string& custom_name, int version) {
  const auto [it, added] = index_.try_emplace(std::tuple(code, custom_name, version),
                                              static_cast<uint32_t>(codes_.size()));
  if (added) codes_.push_back({code, custom_name, version});
  return it->second;
}

Result<WrittenSubgraph> write_subgraph(const Graph& graph, FileParts& parts) {
  return SubgraphWriter(graph, parts).write();
}

}  // namespace pumice
