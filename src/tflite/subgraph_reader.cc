#include "tflite/subgraph_reader.h"

#include <algorithm>

#include "tflite/options.h"
#include "tflite/schema.h"

namespace pumice {
namespace {

Error malformed(std::string what) { return Error(ErrorCode::kMalformed, std::move(what)); }

/// The strings that pack_strings() packed.
Result<std::vector<std::string>> unpack_strings(std::span<const std::byte> bytes) {
  const auto number = [&](size_t at) {
    int32_t v;
    std::memcpy(&v, bytes.data() + at, 4);
    return int64_t{v};
  };
  const int64_t count = bytes.size() >= 8 ? number(0) : -1;
  if (count < 0 || static_cast<uint64_t>(count) > bytes.size() / 4 - 2) {
    return malformed("a text tensor's bytes do not hold its strings");
  }
  std::vector<std::string> strings;
  strings.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    const int64_t from = number(static_cast<size_t>(4 + 4 * i));
    const int64_t to = number(static_cast<size_t>(8 + 4 * i));
    // In order, so that the strings together are no longer than the bytes.
    const int64_t previous = i == 0 ? 0 : number(static_cast<size_t>(4 * i));
    if (from < previous || to < from || to > static_cast<int64_t>(bytes.size())) {
      return malformed("a text tensor's bytes do not hold its strings");
    }
    const auto* text = reinterpret_cast<const char*>(bytes.data());
    strings.emplace_back(text + from, static_cast<size_t>(to - from));
  }
  return strings;
}

class SubgraphReader {
 public:
  SubgraphReader(const FlatTable& subgraph, FileTables& tables, TfliteFile& out, Graph& graph,
                 std::vector<Value*>& values)
      : subgraph_(subgraph), tables_(tables), out_(out), graph_(graph), values_(values) {}

  Status read() {
    PUMICE_CHECK(read_tensors());
    PUMICE_CHECK(make_inputs());
    PUMICE_CHECK(make_constants());
    const FlatVector operators = subgraph_.tables(schema::subgraph::kOperators);
    for (uint32_t i = 0; i < operators.size() && tables_.flat.ok(); ++i) {
      Status status = read_operator(operators.table(i));
      if (!status.ok()) {
        return std::move(status).error().at("operator " + std::to_string(i) + " of subgraph '" +
                                            graph_.name + "'");
      }
    }
    const FlatVector outputs = subgraph_.vector(schema::subgraph::kOutputs, 4);
    for (uint32_t i = 0; i < outputs.size(); ++i) {
      PUMICE_TRY(Value * value, defined(outputs.at<int32_t>(i), "output"));
      graph_.add_output(value);
    }
    return {};
  }

 private:
  struct TensorInfo {
    DType dtype = DType::kInvalid;
    Shape shape;
    Dims sizes;  // what `shape` says, 1 where a dimension is unknown
    std::string_view name;
    uint32_t buffer = 0;
    bool is_variable = false;
    FlatTable quantization;
  };

  Status read_tensors() {
    const FlatVector tensors = subgraph_.tables(schema::subgraph::kTensors);
    for (uint32_t i = 0; i < tensors.size() && tables_.flat.ok(); ++i) {
      const FlatTable table = tensors.table(i);
      TensorInfo info;
      info.name = table.string(schema::tensor::kName);
      const int type = table.number<int8_t>(schema::tensor::kType);
      info.dtype = dtype_from_tflite(type);
      info.buffer = table.number<uint32_t>(schema::tensor::kBuffer);
      info.is_variable = table.number<uint8_t>(schema::tensor::kIsVariable) != 0;
      info.quantization = table.table(schema::tensor::kQuantization);
      const std::string where = std::string(info.name);
      if (!tables_.flat.ok()) break;
      if (info.dtype == DType::kInvalid) {
        return Error(ErrorCode::kUnsupported, "tensor type " + std::to_string(type) + " is unknown")
            .at(where);
      }
      if (table.has(schema::tensor::kSparsity)) {
        return Error(ErrorCode::kUnsupported, "sparse tensors are not read").at(where);
      }
      if (table.number<uint32_t>(schema::tensor::kExternalBuffer) != 0) {
        return Error(ErrorCode::kUnsupported, "constants in files of their own are not read")
            .at(where);
      }
      Status status = read_shape(table, info);
      if (!status.ok()) return std::move(status).error().at(where);
      tensors_.push_back(std::move(info));
    }
    values_.assign(tensors_.size(), nullptr);
    return {};
  }

  Status read_shape(const FlatTable& table, TensorInfo& info) {
    const FlatVector sizes = table.vector(schema::tensor::kShape, 4);
    const FlatVector signature = table.vector(schema::tensor::kShapeSignature, 4);
    const bool use_signature = signature.present() && signature.size() == sizes.size();
    std::vector<Dim> dims;
    for (uint32_t i = 0; i < sizes.size(); ++i) {
      const int32_t size = sizes.at<int32_t>(i);
      if (size < 0) return malformed("a dimension is negative");
      info.sizes.push_back(size);
      dims.push_back(use_signature && signature.at<int32_t>(i) < 0 ? Dim() : Dim(size));
    }
    if (!element_count(info.sizes)) return malformed("the shape has too many elements");
    const bool has_rank = table.number<uint8_t>(schema::tensor::kHasRank) != 0;
    const bool unranked = sizes.size() == 0 && !has_rank && tables_.writes_has_rank;
    info.shape = unranked ? Shape() : Shape(std::move(dims));
    return {};
  }

  Result<size_t> tensor_index(int32_t index) {
    if (index < 0 || static_cast<size_t>(index) >= tensors_.size()) {
      return malformed("refers to tensor " + std::to_string(index) + " of " +
                       std::to_string(tensors_.size()));
    }
    return static_cast<size_t>(index);
  }

  Result<Value*> defined(int32_t index, const char* what) {
    PUMICE_TRY(const size_t i, tensor_index(index));
    if (!values_[i]) {
      return malformed(std::string(what) + " '" + std::string(tensors_[i].name) + "' (tensor " +
                       std::to_string(i) + ") is not made before it is read");
    }
    return values_[i];
  }

  /// Makes `value` the value of the tensor.
  Status define(int32_t index, Value* value) {
    PUMICE_TRY(const size_t i, tensor_index(index));
    const TensorInfo& info = tensors_[i];
    if (values_[i]) {
      return malformed("tensor '" + std::string(info.name) + "' is made twice");
    }
    values_[i] = value;
    value->dtype = info.dtype;
    value->name = std::string(info.name);
    if (value->node()->op != "Const") value->shape = info.shape;
    read_quantization(info, *value);
    return {};
  }

  Status make_inputs() {
    const FlatVector inputs = subgraph_.vector(schema::subgraph::kInputs, 4);
    for (uint32_t i = 0; i < inputs.size(); ++i) {
      PUMICE_TRY(const size_t index, tensor_index(inputs.at<int32_t>(i)));
      const TensorInfo& info = tensors_[index];
      PUMICE_CHECK(define(inputs.at<int32_t>(i),
                          graph_.add_input(std::string(info.name), info.dtype, info.shape)));
    }
    return {};
  }

  /// Constants are the tensors with bytes, and those without elements that nothing makes; then come
  /// variable tensors.
  Status make_constants() {
    std::vector<bool> made(tensors_.size(), false);
    const FlatVector operators = subgraph_.tables(schema::subgraph::kOperators);
    for (uint32_t i = 0; i < operators.size() && tables_.flat.ok(); ++i) {
      const FlatVector outputs = operators.table(i).vector(schema::op::kOutputs, 4);
      for (uint32_t k = 0; k < outputs.size(); ++k) {
        PUMICE_TRY(const size_t index, tensor_index(outputs.at<int32_t>(k)));
        made[index] = true;
      }
    }
    for (size_t i = 0; i < tensors_.size(); ++i) {
      const TensorInfo& info = tensors_[i];
      if (values_[i] || made[i]) continue;
      PUMICE_TRY(Bytes bytes, buffer_bytes(tables_, info.buffer));
      const int64_t elements = *element_count(info.sizes);
      Node* node = nullptr;
      if (info.is_variable) {
        node = graph_.create("VariableTensor", {});
      } else if (bytes.size() != 0 || elements == 0) {
        PUMICE_TRY(Tensor tensor, constant(info, elements, std::move(bytes)));
        node = graph_.constant(std::move(tensor))->node();
      } else {
        continue;
      }
      node->name = std::string(info.name);
      PUMICE_CHECK(define(static_cast<int32_t>(i), node->result()));
    }
    return {};
  }

  Result<Tensor> constant(const TensorInfo& info, int64_t elements, Bytes bytes) {
    const std::string where(info.name);
    if (info.dtype == DType::kString) {
      std::vector<std::string> strings;
      if (bytes.size() != 0) {
        PUMICE_TRY(strings, unpack_strings(bytes.view()));
      }
      if (static_cast<int64_t>(strings.size()) != elements) {
        return malformed("a text tensor has not as many strings as its shape says")
            .at(where)
            .expected(std::to_string(elements))
            .found(std::to_string(strings.size()));
      }
      return Tensor::of_strings(info.sizes, std::move(strings));
    }
    // No product can overflow that the file's size allows.
    const bool fits = static_cast<uint64_t>(elements) <= tables_.flat.size() * 2;
    const size_t wanted = fits ? byte_size(info.dtype, elements) : 0;
    if (!fits || wanted != bytes.size()) {
      return malformed("a constant's bytes do not fit its shape")
          .at(where)
          .expected(std::string(dtype_name(info.dtype)) + to_string(info.sizes))
          .found(std::to_string(bytes.size()) + " bytes");
    }
    return Tensor(info.dtype, info.sizes, std::move(bytes));
  }

  void read_quantization(const TensorInfo& info, Value& value) {
    const FlatTable& table = info.quantization;
    if (table.number<uint8_t>(schema::quantization::kDetailsType) != 0) {
      out_.not_represented.push_back("the quantization details of tensor '" +
                                     std::string(info.name) + "'");
    }
    const FlatVector scale = table.vector(schema::quantization::kScale, 4);
    const FlatVector zero_point = table.vector(schema::quantization::kZeroPoint, 8);
    if (scale.size() == 0) return;
    value.quantization = std::make_unique<Quantization>();
    for (uint32_t i = 0; i < scale.size(); ++i) {
      value.quantization->scales.push_back(scale.at<float>(i));
      const int64_t point = i < zero_point.size() ? zero_point.at<int64_t>(i) : 0;
      value.quantization->zero_points.push_back(point);
    }
    value.quantization->axis = table.number<int32_t>(schema::quantization::kDimension);
  }

  Status read_operator(const FlatTable& table) {
    const uint32_t code_index = table.number<uint32_t>(schema::op::kOpcodeIndex);
    if (code_index >= tables_.codes.size()) {
      return malformed("names an operator code that is not there");
    }
    const FileTables::Code& code = tables_.codes[code_index];
    const FlatVector inputs = table.vector(schema::op::kInputs, 4);
    const FlatVector outputs = table.vector(schema::op::kOutputs, 4);
    std::vector<Value*> operands;
    for (uint32_t i = 0; i < inputs.size(); ++i) {
      const int32_t index = inputs.at<int32_t>(i);
      Value* value = nullptr;
      if (index != -1) {
        PUMICE_TRY(value, defined(index, "operand"));
      }
      operands.push_back(value);
    }
    Node* node = graph_.create(code.op, operands, outputs.size());
    for (uint32_t i = 0; i < outputs.size(); ++i) {
      PUMICE_CHECK(define(outputs.at<int32_t>(i), node->result(i)));
    }
    if (outputs.size() > 0) node->name = node->result()->name;
    if (table.vector(schema::op::kIntermediates, 4).size() > 0) {
      out_.not_represented.push_back("the intermediate tensors of '" + node->name + "' (" +
                                     code.op + ")");
    }
    return code.description ? read_builtin(table, *code.description, *node)
                            : read_custom(table, *node);
  }

  Status read_builtin(const FlatTable& table, const OpDescription& description, Node& node) {
    if (description.opaque) {
      out_.not_represented.push_back("the options of '" + node.name + "' (" + node.op + ")");
      return {};
    }
    const bool second = description.options2_union != 0;
    const int type =
        table.number<uint8_t>(second ? schema::op::kOptions2Type : schema::op::kOptionsType);
    const int wanted = second ? description.options2_union : description.options_union;
    FlatTable options;  // of another type: the runtimes take the defaults
    if (type == wanted && type != 0) {
      options = table.table(second ? schema::op::kOptions2 : schema::op::kOptions);
    }
    return read_options(
        options, description,
        [this](int index) -> const std::string* {
          const auto i = static_cast<size_t>(index);
          return index >= 0 && i < out_.graphs.size() ? &out_.graphs[i] : nullptr;
        },
        node.attributes);
  }

  Status read_custom(const FlatTable& table, Node& node) {
    const auto offset = table.number<uint64_t>(schema::op::kLargeCustomOffset);
    const auto size = table.number<uint64_t>(schema::op::kLargeCustomSize);
    if (offset > 1) {
      if (!tables_.flat.claim(offset, size)) return {};
      const auto view = tables_.flat.view(offset, size);
      node.attributes.set("custom_options",
                          std::string(reinterpret_cast<const char*>(view.data()), view.size()));
    } else if (table.has(schema::op::kCustomOptions)) {
      node.attributes.set("custom_options", std::string(table.string(schema::op::kCustomOptions)));
    }
    return {};
  }

  const FlatTable& subgraph_;
  FileTables& tables_;
  TfliteFile& out_;
  Graph& graph_;
  std::vector<Value*>& values_;
  std::vector<TensorInfo> tensors_;
};

}  // namespace

Result<Bytes> buffer_bytes(const FileTables& tables, uint32_t index) {
  if (index == 0 && tables.buffers.size() == 0) return Bytes();
  if (index >= tables.buffers.size()) {
    return malformed("refers to buffer " + std::to_string(index) + " of " +
                     std::to_string(tables.buffers.size()));
  }
  const FlatTable buffer = tables.buffers.table(index);
  const auto offset = buffer.number<uint64_t>(schema::buffer::kOffset);
  if (offset > 1) {
    const auto size = buffer.number<uint64_t>(schema::buffer::kSize);
    const uint64_t all = tables.bytes.size();
    if (offset > all || size > all - offset) {
      return Error(ErrorCode::kTruncated, "the file ends before its constants do")
          .expected(std::to_string(size) + " bytes at " + std::to_string(offset))
          .found("a file of " + std::to_string(all) + " bytes");
    }
    return tables.bytes.slice(static_cast<size_t>(offset), static_cast<size_t>(size));
  }
  const FlatVector data = buffer.vector(schema::buffer::kData, 1);
  if (data.size() == 0) return Bytes();
  return tables.bytes.slice(static_cast<size_t>(data.position()), data.size());
}

Status read_subgraph(const FlatTable& subgraph, FileTables& tables, TfliteFile& out, Graph& graph,
                     std::vector<Value*>& values) {
  return SubgraphReader(subgraph, tables, out, graph, values).read();
}

}  // namespace pumice
