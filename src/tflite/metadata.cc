#include "tflite/metadata.h"

#include <cstring>

#include <flatbuffers/flatbuffers.h>

#include "formats/zip/zip.h"
#include "tflite/flat_table.h"
#include "tflite/schema.h"

namespace pumice {
namespace {

using flatbuffers::FlatBufferBuilder;
using schema::vtable_entry;
using TableOffset = flatbuffers::Offset<flatbuffers::Table>;

constexpr char kIdentifier[] = "M001";

namespace slot {
namespace model {
constexpr int kName = 0, kDescription = 1, kVersion = 2, kSubgraphs = 3, kAuthor = 4, kLicense = 5,
              kFiles = 6, kMinParserVersion = 7;
}
namespace subgraph {
constexpr int kName = 0, kInputs = 2, kOutputs = 3, kFiles = 4, kOutputGroups = 8;
}
namespace tensor {
constexpr int kName = 0, kDescription = 1, kContent = 3, kProcessUnits = 4, kStats = 5, kFiles = 6;
}
namespace content {
constexpr int kPropertiesType = 0, kProperties = 1, kRange = 2;
}
namespace box {
constexpr int kIndex = 0, kType = 1, kCoordinates = 2;
}
namespace file {
constexpr int kName = 0, kDescription = 1, kType = 2, kLocale = 3;
}
constexpr int kColorSpace = 0;
constexpr int kRangeMin = 0, kRangeMax = 1;
constexpr int kUnitType = 0, kUnitOptions = 1;
constexpr int kMean = 0, kDeviation = 1;
constexpr int kStatsMax = 0, kStatsMin = 1;
constexpr int kGroupName = 0, kGroupTensors = 1;
}  // namespace slot

/// The union member of ProcessUnitOptions.
constexpr uint8_t kNormalizationOptions = 1;

class MetadataWriter {
 public:
  std::string write(const ModelMetadata& m) {
    const auto name = text(m.name), description = text(m.description), version = text(m.version),
               author = text(m.author), license = text(m.license);
    const auto parser = text(m.min_parser_version);
    const auto subgraphs = list(m.subgraphs, [this](const auto& s) { return subgraph(s); });
    const auto files = file_list(m.files);
    const auto start = b_.StartTable();
    add(slot::model::kName, name);
    add(slot::model::kDescription, description);
    add(slot::model::kVersion, version);
    add(slot::model::kSubgraphs, subgraphs);
    add(slot::model::kAuthor, author);
    add(slot::model::kLicense, license);
    add(slot::model::kFiles, files);
    add(slot::model::kMinParserVersion, parser);
    b_.Finish(TableOffset(b_.EndTable(start)), kIdentifier);
    return {reinterpret_cast<const char*>(b_.GetBufferPointer()), b_.GetSize()};
  }

 private:
  using AnyOffset = flatbuffers::Offset<void>;

  /// Absent fields have offset 0 and are left out.
  void add(int field, AnyOffset offset) {
    if (!offset.IsNull()) b_.AddOffset(vtable_entry(field), offset);
  }
  template <typename T>
  void add_number(int field, T value) {
    b_.AddElement<T>(vtable_entry(field), value, 0);
  }
  AnyOffset text(const std::string& s) {
    return s.empty() ? AnyOffset() : AnyOffset(b_.CreateString(s).o);
  }
  template <typename T>
  AnyOffset numbers(const std::vector<T>& values) {
    return values.empty() ? AnyOffset() : AnyOffset(b_.CreateVector(values).o);
  }
  template <typename T, typename Write>
  AnyOffset list(const std::vector<T>& items, Write write) {
    if (items.empty()) return {};
    std::vector<TableOffset> tables;
    for (const T& item : items) tables.push_back(write(item));
    return b_.CreateVector(tables).o;
  }
  AnyOffset file_list(const std::vector<AssociatedFile>& files) {
    return list(files, [this](const AssociatedFile& f) {
      const auto name = text(f.name), description = text(f.description), locale = text(f.locale);
      const auto start = b_.StartTable();
      add(slot::file::kName, name);
      add(slot::file::kDescription, description);
      add_number<int8_t>(slot::file::kType, f.type);
      add(slot::file::kLocale, locale);
      return TableOffset(b_.EndTable(start));
    });
  }

  TableOffset subgraph(const SubgraphMetadata& s) {
    const auto name = text(s.name);
    const auto inputs = list(s.inputs, [this](const auto& t) { return tensor(t); });
    const auto outputs = list(s.outputs, [this](const auto& t) { return tensor(t); });
    const auto files = file_list(s.files);
    const auto groups = list(s.output_groups, [this](const auto& g) { return group(g); });
    const auto start = b_.StartTable();
    add(slot::subgraph::kName, name);
    add(slot::subgraph::kInputs, inputs);
    add(slot::subgraph::kOutputs, outputs);
    add(slot::subgraph::kFiles, files);
    add(slot::subgraph::kOutputGroups, groups);
    return TableOffset(b_.EndTable(start));
  }

  TableOffset group(const TensorGroup& g) {
    const auto name = text(g.name);
    std::vector<flatbuffers::Offset<flatbuffers::String>> tensors;
    for (const std::string& t : g.tensors) tensors.push_back(b_.CreateString(t));
    const auto names = b_.CreateVector(tensors);
    const auto start = b_.StartTable();
    add(slot::kGroupName, name);
    add(slot::kGroupTensors, names.o);
    return TableOffset(b_.EndTable(start));
  }

  TableOffset tensor(const TensorMetadata& t) {
    const auto name = text(t.name), description = text(t.description);
    const auto content = this->content(t);
    const auto units = process_units(t);
    const auto stats = this->stats(t);
    const auto files = file_list(t.files);
    const auto start = b_.StartTable();
    add(slot::tensor::kName, name);
    add(slot::tensor::kDescription, description);
    add(slot::tensor::kContent, content);
    add(slot::tensor::kProcessUnits, units);
    add(slot::tensor::kStats, stats);
    add(slot::tensor::kFiles, files);
    return TableOffset(b_.EndTable(start));
  }

  AnyOffset content(const TensorMetadata& t) {
    if (t.content == TensorMetadata::kNothing) return {};
    const auto index = numbers(t.box_index);
    auto start = b_.StartTable();
    if (t.content == TensorMetadata::kImage) add_number<int8_t>(slot::kColorSpace, t.color_space);
    if (t.content == TensorMetadata::kBoundingBox) {
      add(slot::box::kIndex, index);
      add_number<int8_t>(slot::box::kType, t.box_type);
      add_number<int8_t>(slot::box::kCoordinates, t.coordinates);
    }
    const AnyOffset properties = b_.EndTable(start);
    AnyOffset range;
    if (t.range) {
      start = b_.StartTable();
      add_number<int32_t>(slot::kRangeMin, (*t.range)[0]);
      add_number<int32_t>(slot::kRangeMax, (*t.range)[1]);
      range = b_.EndTable(start);
    }
    start = b_.StartTable();
    add_number<uint8_t>(slot::content::kPropertiesType, t.content);
    add(slot::content::kProperties, properties);
    add(slot::content::kRange, range);
    return b_.EndTable(start);
  }

  AnyOffset process_units(const TensorMetadata& t) {
    if (t.mean.empty()) return {};
    const auto mean = numbers(t.mean), deviation = numbers(t.deviation);
    auto start = b_.StartTable();
    add(slot::kMean, mean);
    add(slot::kDeviation, deviation);
    const AnyOffset options = b_.EndTable(start);
    start = b_.StartTable();
    add_number<uint8_t>(slot::kUnitType, kNormalizationOptions);
    add(slot::kUnitOptions, options);
    const std::vector<TableOffset> units = {TableOffset(b_.EndTable(start))};
    return b_.CreateVector(units).o;
  }

  AnyOffset stats(const TensorMetadata& t) {
    if (t.max.empty() && t.min.empty()) return {};
    const auto max = numbers(t.max), min = numbers(t.min);
    const auto start = b_.StartTable();
    add(slot::kStatsMax, max);
    add(slot::kStatsMin, min);
    return b_.EndTable(start);
  }

  FlatBufferBuilder b_;
};

/// The oldest parser that understands what is written here: groups of tensors came with 1.2.0.
std::string min_parser_version(const ModelMetadata& metadata) {
  for (const SubgraphMetadata& s : metadata.subgraphs)
    if (!s.output_groups.empty()) return "1.2.0";
  return "1.0.0";
}

// ---- reading ----

std::string text(const FlatTable& table, int field) { return std::string(table.string(field)); }

template <typename T>
std::vector<T> numbers(const FlatTable& table, int field) {
  const FlatVector vector = table.vector(field, sizeof(T));
  std::vector<T> values;
  for (uint32_t i = 0; i < vector.size(); ++i) values.push_back(vector.at<T>(i));
  return values;
}

class MetadataReader {
 public:
  explicit MetadataReader(std::span<const std::byte> bytes) : flat_(bytes) {}

  Result<ModelMetadata> read() {
    const FlatTable t = flat_.root();
    ModelMetadata m;
    m.name = text(t, slot::model::kName);
    m.description = text(t, slot::model::kDescription);
    m.version = text(t, slot::model::kVersion);
    m.author = text(t, slot::model::kAuthor);
    m.license = text(t, slot::model::kLicense);
    m.min_parser_version = text(t, slot::model::kMinParserVersion);
    m.subgraphs = list<SubgraphMetadata>(t, slot::model::kSubgraphs,
                                         [this](const FlatTable& s) { return subgraph(s); });
    m.files = file_list(t, slot::model::kFiles);
    if (flat_.ok()) return m;
    return Error(flat_.truncated() ? ErrorCode::kTruncated : ErrorCode::kMalformed,
                 "the model's metadata (TFLITE_METADATA) are broken: " + flat_.problem());
  }

 private:
  template <typename T, typename Read>
  std::vector<T> list(const FlatTable& table, int field, Read read) {
    const FlatVector vector = table.tables(field);
    std::vector<T> items;
    for (uint32_t i = 0; i < vector.size() && flat_.ok(); ++i)
      items.push_back(read(vector.table(i)));
    return items;
  }
  std::vector<AssociatedFile> file_list(const FlatTable& table, int field) {
    return list<AssociatedFile>(table, field, [](const FlatTable& f) {
      return AssociatedFile{text(f, slot::file::kName), text(f, slot::file::kDescription),
                            f.number<int8_t>(slot::file::kType), text(f, slot::file::kLocale)};
    });
  }
  SubgraphMetadata subgraph(const FlatTable& t) {
    SubgraphMetadata s;
    s.name = text(t, slot::subgraph::kName);
    const auto read = [this](const FlatTable& of) { return tensor(of); };
    s.inputs = list<TensorMetadata>(t, slot::subgraph::kInputs, read);
    s.outputs = list<TensorMetadata>(t, slot::subgraph::kOutputs, read);
    s.files = file_list(t, slot::subgraph::kFiles);
    s.output_groups =
        list<TensorGroup>(t, slot::subgraph::kOutputGroups, [this](const FlatTable& g) {
          return TensorGroup{text(g, slot::kGroupName), strings(g, slot::kGroupTensors)};
        });
    return s;
  }
  std::vector<std::string> strings(const FlatTable& table, int field) {
    const FlatVector vector = table.tables(field);
    std::vector<std::string> items;
    for (uint32_t i = 0; i < vector.size() && flat_.ok(); ++i) items.emplace_back(vector.string(i));
    return items;
  }
  TensorMetadata tensor(const FlatTable& t) {
    TensorMetadata m;
    m.name = text(t, slot::tensor::kName);
    m.description = text(t, slot::tensor::kDescription);
    content(t.table(slot::tensor::kContent), m);
    const FlatVector units = t.tables(slot::tensor::kProcessUnits);
    for (uint32_t i = 0; i < units.size() && flat_.ok(); ++i) {
      const FlatTable unit = units.table(i);
      if (unit.number<uint8_t>(slot::kUnitType) != kNormalizationOptions) continue;
      const FlatTable options = unit.table(slot::kUnitOptions);
      m.mean = numbers<float>(options, slot::kMean);
      m.deviation = numbers<float>(options, slot::kDeviation);
    }
    const FlatTable stats = t.table(slot::tensor::kStats);
    m.max = numbers<float>(stats, slot::kStatsMax);
    m.min = numbers<float>(stats, slot::kStatsMin);
    m.files = file_list(t, slot::tensor::kFiles);
    return m;
  }
  void content(const FlatTable& t, TensorMetadata& m) {
    const auto kind = t.number<uint8_t>(slot::content::kPropertiesType);
    if (kind > TensorMetadata::kAudio) return;  // of a newer schema
    m.content = static_cast<TensorMetadata::Content>(kind);
    const FlatTable properties = t.table(slot::content::kProperties);
    if (m.content == TensorMetadata::kImage)
      m.color_space = properties.number<int8_t>(slot::kColorSpace);
    if (m.content == TensorMetadata::kBoundingBox) {
      m.box_index = numbers<uint32_t>(properties, slot::box::kIndex);
      m.box_type = properties.number<int8_t>(slot::box::kType);
      m.coordinates = properties.number<int8_t>(slot::box::kCoordinates);
    }
    if (const FlatTable range = t.table(slot::content::kRange); range.present())
      m.range = {range.number<int32_t>(slot::kRangeMin), range.number<int32_t>(slot::kRangeMax)};
  }

  FlatBytes flat_;
};

}  // namespace

std::string metadata_bytes(const ModelMetadata& metadata) {
  ModelMetadata written = metadata;
  written.min_parser_version = min_parser_version(metadata);
  return MetadataWriter().write(written);
}

Result<ModelMetadata> parse_metadata(std::span<const std::byte> bytes, const std::string& file) {
  if (bytes.size() < 8 || std::memcmp(bytes.data() + 4, kIdentifier, 4) != 0)
    return Error(ErrorCode::kMalformed,
                 "the model's metadata (TFLITE_METADATA) are of another kind")
        .in(file)
        .expected("the identifier M001");
  Result<ModelMetadata> read = MetadataReader(bytes).read();
  if (!read.ok()) return std::move(read).error().in(file);
  return read;
}

Result<std::optional<std::string>> read_appended(const Bytes& model, const std::string& name,
                                                 uint64_t limit, const std::string& file) {
  if (!looks_like_zip(model.view())) return std::optional<std::string>();
  const auto read = [&]() -> Result<std::optional<std::string>> {
    PUMICE_TRY(const ZipReader zip, ZipReader::open(model));
    const ZipEntry* entry = zip.find(name);
    if (!entry) return std::optional<std::string>();
    if (entry->size > limit)
      return Error(ErrorCode::kTooLarge, "the file '" + name + "' behind the model is too large")
          .expected("at most " + std::to_string(limit) + " bytes")
          .found(std::to_string(entry->size) + " bytes");
    PUMICE_TRY(const Bytes bytes, zip.read(*entry));
    return std::optional<std::string>(
        std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  };
  auto result = read();
  if (!result.ok()) return std::move(result).error().in(file);
  return result;
}

}  // namespace pumice
