#include "tflite/writer.h"

#include <span>
#include <unordered_map>

#include <flatbuffers/flatbuffers.h>

#include "formats/output_file.h"
#include "formats/zip/zip.h"
#include "pumice/version.h"
#include "tflite/op_description.h"
#include "tflite/op_version.h"
#include "tflite/schema.h"
#include "tflite/subgraph_writer.h"
#include "tflite/validator.h"

namespace pumice {
namespace {

using schema::vtable_entry;

/// Where the official converter keeps the minimum runtime version: 16 bytes, padded with zeros.
constexpr char kMinimumRuntimeName[] = "min_runtime_version";
constexpr size_t kMinimumRuntimeSize = 16;

/// The graphs to write, in the order of their subgraphs.
class Selection {
 public:
  Status select(const Model& model) {
    for (const Signature& signature : model.signatures) {
      PUMICE_CHECK(add(model, signature.graph, "signature '" + signature.key + "'"));
    }
    if (model.signatures.empty()) {
      for (const auto& [name, graph] : model.graphs) PUMICE_CHECK(add(model, name, "the model"));
    }
    if (graphs_.empty()) return Error(ErrorCode::kInternal, "the model has no graph to write");
    for (size_t i = 0; i < graphs_.size(); ++i) {  // grows as called graphs are found
      for (const Node& node : *graphs_[i]) {
        const OpDescription* description = describe_op(node.op);
        if (!description) continue;
        for (const OptionDescription& option : description->options) {
          const FunctionRef* called = node.attributes.find<FunctionRef>(option.name);
          if (called) PUMICE_CHECK(add(model, called->name, "node '" + node.name + "'"));
        }
      }
    }
    return {};
  }

  const std::vector<const Graph*>& graphs() const { return graphs_; }
  int index(const std::string& name) const {
    const auto it = index_.find(name);
    return it == index_.end() ? -1 : it->second;
  }

 private:
  Status add(const Model& model, const std::string& name, const std::string& user) {
    const Graph* graph = model.find(name);
    if (!graph) {
      return Error(ErrorCode::kInternal,
                   "there is no graph '" + name + "', which " + user + " refers to");
    }
    if (index_.try_emplace(name, static_cast<int>(graphs_.size())).second) {
      graphs_.push_back(graph);
    }
    return {};
  }

  std::vector<const Graph*> graphs_;
  std::unordered_map<std::string, int> index_;
};

class ModelWriter {
 public:
  explicit ModelWriter(const Model& model) : model_(model), builder_(parts_.builder) {}

  Result<WriteSummary> write(const std::string& path, const WriteOptions& options) {
    PUMICE_CHECK(selection_.select(model_));
    parts_.subgraph_index = [this](const std::string& name) { return selection_.index(name); };
    std::vector<TableOffset> subgraphs;
    for (const Graph* graph : selection_.graphs()) {
      PUMICE_TRY(WrittenSubgraph subgraph, write_subgraph(*graph, parts_));
      subgraphs.push_back(subgraph.table);
      summary_.tensors += subgraph.tensors;
      subgraphs_.push_back(std::move(subgraph));
    }
    PUMICE_TRY(std::vector<TableOffset> signatures, write_signatures());
    const std::vector<TableOffset> codes = write_codes();
    const std::vector<TableOffset> metadata = write_metadata();
    const bool external = parts_.buffers.large_bytes() >= options.external_from;
    const BufferTable::Tables buffers = parts_.buffers.write_tables(builder_, external);
    finish(codes, subgraphs, buffers, metadata, signatures);

    const uint64_t whole =
        parts_.buffers.place(builder_.GetBufferPointer(), builder_.GetSize(), buffers, external);
    if (!external && whole > FLATBUFFERS_MAX_BUFFER_SIZE) {
      return Error(ErrorCode::kTooLarge, "the model's structure leaves no room for its constants");
    }
    PUMICE_TRY(OutputFile file, OutputFile::create(path));
    PUMICE_CHECK(file.reserve(whole));
    PUMICE_CHECK(
        file.write(std::as_bytes(std::span(builder_.GetBufferPointer(), builder_.GetSize()))));
    PUMICE_CHECK(parts_.buffers.write(file, external));
    PUMICE_CHECK(append(options.appended, file));
    if (options.validate) {
      PUMICE_TRY(const Bytes written, file.view());
      PUMICE_CHECK(validate_tflite(written, path));
    }
    summary_.bytes = file.position();
    summary_.subgraphs = subgraphs.size();
    summary_.signatures = signatures.size();
    summary_.buffers = buffers.size();
    count_operators();
    PUMICE_CHECK(file.commit());
    return std::move(summary_);
  }

 private:
  TableOffset write_tensor_map(const std::string& name, int32_t tensor) {
    const auto name_offset = builder_.CreateString(name);
    const auto start = builder_.StartTable();
    builder_.AddOffset(vtable_entry(schema::tensor_map::kName), name_offset);
    builder_.AddElement<uint32_t>(vtable_entry(schema::tensor_map::kTensor),
                                  static_cast<uint32_t>(tensor), 0);
    return TableOffset(builder_.EndTable(start));
  }

  Result<std::vector<TableOffset>> write_signatures() {
    std::vector<TableOffset> tables;
    for (const Signature& signature : model_.signatures) {
      if (signature.key.empty()) continue;
      const int index = selection_.index(signature.graph);
      const WrittenSubgraph& subgraph = subgraphs_[static_cast<size_t>(index)];
      if (signature.inputs.size() != subgraph.inputs.size() ||
          signature.outputs.size() != subgraph.outputs.size()) {
        return Error(ErrorCode::kInternal, "signature '" + signature.key +
                                               "' does not fit the inputs and outputs of '" +
                                               signature.graph + "'");
      }
      std::vector<TableOffset> inputs, outputs;
      for (size_t i = 0; i < signature.inputs.size(); ++i) {
        inputs.push_back(write_tensor_map(signature.inputs[i].name, subgraph.inputs[i]));
      }
      for (size_t i = 0; i < signature.outputs.size(); ++i) {
        outputs.push_back(write_tensor_map(signature.outputs[i].name, subgraph.outputs[i]));
      }
      const auto input_list = builder_.CreateVector(inputs);
      const auto output_list = builder_.CreateVector(outputs);
      const auto key = builder_.CreateString(signature.key);
      const auto start = builder_.StartTable();
      builder_.AddOffset(vtable_entry(schema::signature::kInputs), input_list);
      builder_.AddOffset(vtable_entry(schema::signature::kOutputs), output_list);
      builder_.AddOffset(vtable_entry(schema::signature::kKey), key);
      builder_.AddElement<uint32_t>(vtable_entry(schema::signature::kSubgraph),
                                    static_cast<uint32_t>(index), 0);
      tables.push_back(TableOffset(builder_.EndTable(start)));
    }
    return tables;
  }

  std::vector<TableOffset> write_codes() {
    std::vector<TableOffset> tables;
    for (const OperatorCodes::Code& code : parts_.codes.all()) {
      flatbuffers::Offset<flatbuffers::String> custom;
      if (code.code == kCustomCode) custom = builder_.CreateString(code.custom_name);
      const auto start = builder_.StartTable();
      // Readers older than the 128th operator look at the first field only.
      const int old_code = std::min(code.code, schema::operator_code::kPlaceholder);
      builder_.AddElement<int8_t>(vtable_entry(schema::operator_code::kDeprecatedCode),
                                  static_cast<int8_t>(old_code), 0);
      builder_.AddOffset(vtable_entry(schema::operator_code::kCustomCode), custom);
      builder_.AddElement<int32_t>(vtable_entry(schema::operator_code::kVersion), code.version, 1);
      builder_.AddElement<int32_t>(vtable_entry(schema::operator_code::kCode), code.code, 0);
      tables.push_back(TableOffset(builder_.EndTable(start)));
    }
    return tables;
  }

  TableOffset write_metadata_entry(const std::string& name, uint32_t buffer) {
    const auto name_offset = builder_.CreateString(name);
    const auto start = builder_.StartTable();
    builder_.AddOffset(vtable_entry(schema::metadata::kName), name_offset);
    builder_.AddElement<uint32_t>(vtable_entry(schema::metadata::kBuffer), buffer, 0);
    return TableOffset(builder_.EndTable(start));
  }

  std::vector<TableOffset> write_metadata() {
    for (const OperatorCodes::Code& code : parts_.codes.all()) {
      const OpDescription* description = describe_op(code.code);
      if (!description) continue;
      const std::string_view runtime = minimum_runtime(description->name, code.version);
      if (runtime_before(summary_.minimum_runtime, runtime)) summary_.minimum_runtime = runtime;
    }
    std::string padded = summary_.minimum_runtime;
    padded.resize(kMinimumRuntimeSize, '\0');
    std::vector<TableOffset> tables;
    tables.push_back(write_metadata_entry(kMinimumRuntimeName, parts_.buffers.add(padded)));
    for (const auto& [name, bytes] : model_.metadata) {
      if (name == kMinimumRuntimeName) continue;
      tables.push_back(write_metadata_entry(name, parts_.buffers.add(bytes)));
    }
    return tables;
  }

  void finish(const std::vector<TableOffset>& codes, const std::vector<TableOffset>& subgraphs,
              const BufferTable::Tables& buffers, const std::vector<TableOffset>& metadata,
              const std::vector<TableOffset>& signatures) {
    const auto code_list = builder_.CreateVector(codes);
    const auto subgraph_list = builder_.CreateVector(subgraphs);
    const auto description = builder_.CreateString(std::string("pumice ") + version());
    const auto buffer_list = builder_.CreateVector(buffers);
    const auto metadata_list = builder_.CreateVector(metadata);
    const auto signature_list = builder_.CreateVector(signatures);
    const auto start = builder_.StartTable();
    builder_.AddElement<uint32_t>(vtable_entry(schema::model::kVersion), schema::kVersion, 0);
    builder_.AddOffset(vtable_entry(schema::model::kOperatorCodes), code_list);
    builder_.AddOffset(vtable_entry(schema::model::kSubgraphs), subgraph_list);
    builder_.AddOffset(vtable_entry(schema::model::kDescription), description);
    builder_.AddOffset(vtable_entry(schema::model::kBuffers), buffer_list);
    builder_.AddOffset(vtable_entry(schema::model::kMetadata), metadata_list);
    if (!signatures.empty()) {
      builder_.AddOffset(vtable_entry(schema::model::kSignatures), signature_list);
    }
    builder_.Finish(TableOffset(builder_.EndTable(start)), schema::kIdentifier.data());
  }

  static Status append(const std::vector<AppendedFile>& files, OutputFile& file) {
    if (files.empty()) return {};
    ZipWriter zip([&](std::span<const std::byte> bytes) { return file.write(bytes); }, 1,
                  file.position());
    for (const AppendedFile& appended : files)
      PUMICE_CHECK(zip.add(appended.name, {std::as_bytes(std::span(appended.content))}));
    return zip.finish();
  }

  void count_operators() {
    for (const Graph* graph : selection_.graphs()) {
      for (const Node& node : *graph) {
        if (is_custom(node.op)) {
          ++summary_.custom_ops[node.op.substr(kCustomPrefix.size())];
        } else if (describe_op(node.op)) {
          ++summary_.ops[node.op];
        }
      }
    }
  }

  const Model& model_;
  Selection selection_;
  FileParts parts_;
  flatbuffers::FlatBufferBuilder& builder_;
  std::vector<WrittenSubgraph> subgraphs_;
  WriteSummary summary_;
};

}  // namespace

Result<WriteSummary> write_model(const Model& model, const std::string& path,
                                 const WriteOptions& options) {
  return ModelWriter(model).write(path, options);
}

}  // namespace pumice
