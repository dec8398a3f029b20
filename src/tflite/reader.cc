#include "tflite/reader.h"

#include <algorithm>
#include <cstring>
#include <unordered_set>

#include "tflite/schema.h"
#include "tflite/subgraph_reader.h"

namespace pumice {
namespace {

Error malformed(std::string what) { return Error(ErrorCode::kMalformed, std::move(what)); }

class ModelReader {
 public:
  explicit ModelReader(const Bytes& bytes)
      : flat_(bytes.view()), tables_{bytes, flat_, {}, {}, false} {}

  Result<TfliteFile> read() {
    model_ = flat_.root();
    out_.bytes = tables_.bytes.size();
    out_.version = model_.number<uint32_t>(schema::model::kVersion);
    out_.description = std::string(model_.string(schema::model::kDescription));
    tables_.buffers = model_.tables(schema::model::kBuffers);
    Status status = read_parts();
    // What the walk met first explains whatever looked wrong afterwards.
    if (!flat_.ok()) {
      if (flat_.truncated()) {
        return Error(ErrorCode::kTruncated,
                     "the file ends before its content does: " + flat_.problem())
            .hint("Fetch or write the file again.");
      }
      return malformed(flat_.problem());
    }
    if (!status.ok()) return std::move(status).error();
    return std::move(out_);
  }

 private:
  Status read_parts() {
    if (out_.version != schema::kVersion && flat_.ok()) {
      return Error(ErrorCode::kUnsupported, "another version of the schema")
          .expected(std::to_string(schema::kVersion))
          .found(std::to_string(out_.version));
    }
    PUMICE_CHECK(read_codes());
    PUMICE_CHECK(read_metadata());
    PUMICE_CHECK(read_subgraphs());
    return read_signatures();
  }

  Status read_codes() {
    const FlatVector codes = model_.tables(schema::model::kOperatorCodes);
    for (uint32_t i = 0; i < codes.size() && flat_.ok(); ++i) {
      const FlatTable table = codes.table(i);
      // Whichever field is in use holds the larger number.
      const int code = std::max<int>(table.number<int8_t>(schema::operator_code::kDeprecatedCode),
                                     table.number<int32_t>(schema::operator_code::kCode));
      const int version = table.number<int32_t>(schema::operator_code::kVersion, 1);
      const OpDescription* description = describe_op(code);
      if (!description && code != kCustomCode && flat_.ok()) {
        return Error(ErrorCode::kUnsupported, "operator number " + std::to_string(code) +
                                                  " is unknown (a newer file than this program?)");
      }
      std::string op = description
                           ? std::string(description->name)
                           : std::string(kCustomPrefix) +
                                 std::string(table.string(schema::operator_code::kCustomCode));
      out_.operator_codes.push_back({op, version});
      tables_.codes.push_back({std::move(op), description});
    }
    return {};
  }

  Status read_metadata() {
    const FlatVector metadata = model_.tables(schema::model::kMetadata);
    for (uint32_t i = 0; i < metadata.size() && flat_.ok(); ++i) {
      const FlatTable entry = metadata.table(i);
      const std::string name(entry.string(schema::metadata::kName));
      PUMICE_TRY(const Bytes bytes,
                 buffer_bytes(tables_, entry.number<uint32_t>(schema::metadata::kBuffer)));
      if (!claim_copy(bytes)) return {};
      std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      if (name == "min_runtime_version") {
        out_.minimum_runtime = text.substr(0, text.find('\0'));
      } else {
        out_.model.metadata[name] = std::move(text);
      }
    }
    return {};
  }

  /// Metadata are copied: many entries may not refer to one large buffer.
  bool claim_copy(const Bytes& bytes) {
    return bytes.size() == 0 ||
           flat_.claim(static_cast<uint64_t>(bytes.data() - tables_.bytes.data()), bytes.size());
  }

  Status read_subgraphs() {
    const FlatVector subgraphs = model_.tables(schema::model::kSubgraphs);
    if (subgraphs.size() == 0) return malformed("the file has no subgraph");
    for (uint32_t i = 0; i < subgraphs.size() && flat_.ok(); ++i) {
      const FlatTable table = subgraphs.table(i);
      std::string name(table.string(schema::subgraph::kName));
      if (name.empty()) name = i == 0 ? "main" : "subgraph_" + std::to_string(i);
      if (out_.model.find(name)) name += "_" + std::to_string(i);
      out_.graphs.push_back(out_.model.unique_name(name));
      out_.model.add_graph(out_.graphs.back());
      const FlatVector tensors = table.tables(schema::subgraph::kTensors);
      for (uint32_t k = 0; k < tensors.size() && flat_.ok(); ++k) {
        tables_.writes_has_rank |= tensors.table(k).number<uint8_t>(schema::tensor::kHasRank) != 0;
      }
    }
    values_.resize(out_.graphs.size());
    for (uint32_t i = 0; i < out_.graphs.size() && flat_.ok(); ++i) {
      PUMICE_CHECK(read_subgraph(subgraphs.table(i), tables_, out_,
                                 *out_.model.find(out_.graphs[i]), values_[i]));
    }
    return {};
  }

  Status read_signatures() {
    const FlatVector signatures = model_.tables(schema::model::kSignatures);
    std::vector<FlatTable> tables;
    for (uint32_t i = 0; i < signatures.size() && flat_.ok(); ++i) {
      tables.push_back(signatures.table(i));
    }
    const auto subgraph_of = [](const FlatTable& table) {
      return table.number<uint32_t>(schema::signature::kSubgraph);
    };
    std::stable_sort(tables.begin(), tables.end(), [&](const FlatTable& a, const FlatTable& b) {
      return subgraph_of(a) < subgraph_of(b);
    });
    if (tables.empty() || subgraph_of(tables[0]) != 0) add_nameless_signature();
    for (const FlatTable& table : tables) {
      const uint32_t index = subgraph_of(table);
      if (index >= out_.graphs.size()) {
        return malformed("a signature names a subgraph that is not there");
      }
      PUMICE_CHECK(read_signature(table, index));
    }
    return {};
  }

  void add_nameless_signature() {
    Signature signature{"", out_.graphs[0], {}, {}};
    const Graph* graph = out_.model.find(out_.graphs[0]);
    for (const Value* v : graph->inputs())
      signature.inputs.push_back({v->name, v->dtype, v->shape});
    for (size_t i = 0; i < graph->output_count(); ++i) {
      const Value* v = graph->output(i);
      signature.outputs.push_back({v->name, v->dtype, v->shape});
    }
    out_.model.signatures.push_back(std::move(signature));
  }

  /// The names by tensor number; sorted, equal numbers in the file's order.
  Result<std::vector<std::pair<uint32_t, std::string>>> tensor_names(const FlatVector& maps,
                                                                     size_t tensors) {
    std::vector<std::pair<uint32_t, std::string>> names;
    for (uint32_t i = 0; i < maps.size() && flat_.ok(); ++i) {
      const FlatTable map = maps.table(i);
      const auto tensor = map.number<uint32_t>(schema::tensor_map::kTensor);
      if (tensor >= tensors) return malformed("a signature names a tensor that is not there");
      names.emplace_back(tensor, map.string(schema::tensor_map::kName));
    }
    std::stable_sort(names.begin(), names.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    return names;
  }

  /// Gives each value of a list of the graph's inputs or outputs the signature's name for it.
  Status name_values(const std::vector<Value*>& list, const std::vector<Value*>& values,
                     std::vector<std::pair<uint32_t, std::string>> names, const std::string& key,
                     std::vector<SignatureTensor>& out) {
    // Value → the entries for it, taken from the back.
    std::map<const Value*, std::vector<std::string>> by_value;
    const std::unordered_set<const Value*> listed(list.begin(), list.end());
    for (auto it = names.rbegin(); it != names.rend(); ++it) {
      by_value[values[it->first]].push_back(std::move(it->second));
    }
    for (const Value* value : list) {
      std::vector<std::string>& left = by_value[value];
      out.push_back({left.empty() ? value->name : left.back(), value->dtype, value->shape});
      if (!left.empty()) left.pop_back();
    }
    for (const auto& [value, left] : by_value) {
      if (left.empty()) continue;
      if (!listed.count(value)) {
        return malformed("signature '" + key + "' gives the name '" + left.front() +
                         "' to a tensor that is neither input nor output of its subgraph");
      }
      out_.not_represented.push_back("the second name '" + left.front() + "' in signature '" + key +
                                     "'");
    }
    return {};
  }

  Status read_signature(const FlatTable& table, uint32_t index) {
    Signature signature;
    signature.key = std::string(table.string(schema::signature::kKey));
    signature.graph = out_.graphs[index];
    const Graph* graph = out_.model.find(signature.graph);
    const std::vector<Value*>& values = values_[index];
    std::vector<Value*> outputs;
    for (size_t i = 0; i < graph->output_count(); ++i) outputs.push_back(graph->output(i));
    PUMICE_TRY(auto inputs, tensor_names(table.tables(schema::signature::kInputs), values.size()));
    PUMICE_TRY(auto results,
               tensor_names(table.tables(schema::signature::kOutputs), values.size()));
    PUMICE_CHECK(
        name_values(graph->inputs(), values, std::move(inputs), signature.key, signature.inputs));
    PUMICE_CHECK(
        name_values(outputs, values, std::move(results), signature.key, signature.outputs));
    out_.model.signatures.push_back(std::move(signature));
    return {};
  }

  FlatBytes flat_;
  FileTables tables_;
  FlatTable model_;
  TfliteFile out_;
  std::vector<std::vector<Value*>> values_;  // by subgraph and tensor
};

}  // namespace

bool is_tflite(std::span<const std::byte> bytes) {
  return bytes.size() >= 8 && std::memcmp(bytes.data() + 4, schema::kIdentifier.data(), 4) == 0;
}

Result<TfliteFile> read_tflite(const Bytes& bytes, const std::string& file) {
  if (bytes.size() < 8) {
    return Error(ErrorCode::kTruncated, "the file is too short for a TensorFlow Lite model")
        .in(file);
  }
  if (!is_tflite(bytes.view())) {
    return Error(ErrorCode::kUnknownFormat, "this is no TensorFlow Lite model")
        .in(file)
        .expected("the identifier TFL3 at byte 4");
  }
  Result<TfliteFile> result = ModelReader(bytes).read();
  if (!result.ok()) return std::move(result).error().in(file);
  return result;
}

}  // namespace pumice
