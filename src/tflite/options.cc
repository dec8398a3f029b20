#include "tflite/options.h"

#include <limits>
#include <optional>

#include "tflite/schema.h"

namespace pumice {
namespace {

using flatbuffers::FlatBufferBuilder;

/// An attribute as a number, whatever numeric type it has; a DType as its number in the schema.
std::optional<double> number_of(const Attribute& attribute) {
  if (const bool* b = std::get_if<bool>(&attribute)) return *b;
  if (const int64_t* i = std::get_if<int64_t>(&attribute)) return static_cast<double>(*i);
  if (const float* f = std::get_if<float>(&attribute)) return *f;
  if (const DType* t = std::get_if<DType>(&attribute)) {
    const int number = dtype_to_tflite(*t);
    if (number >= 0) return number;
  }
  return std::nullopt;
}

template <typename T>
bool fits(double value) {
  return value >= static_cast<double>(std::numeric_limits<T>::min()) &&
         value <= static_cast<double>(std::numeric_limits<T>::max()) &&
         value == static_cast<double>(static_cast<T>(value));
}

Error bad_option(const Node& node, std::string_view option, const std::string& why) {
  return Error(ErrorCode::kInternal, "option '" + std::string(option) + "' " + why)
      .at(node.name, node.op);
}

/// Options that refer to something outside their table; it must be written before the table.
Result<uint32_t> write_referred(const Node& node, const OptionDescription& option,
                                const Attribute& value, FlatBufferBuilder& builder) {
  switch (option.type) {
    case OptionType::kString:
      if (const auto* s = std::get_if<std::string>(&value)) return builder.CreateString(*s).o;
      break;
    case OptionType::kByteVector:
      if (const auto* s = std::get_if<std::string>(&value)) {
        return builder.CreateVector(reinterpret_cast<const uint8_t*>(s->data()), s->size()).o;
      }
      break;
    case OptionType::kInt32Vector:
      if (const auto* list = std::get_if<std::vector<int64_t>>(&value)) {
        for (int64_t v : *list) {
          if (v != static_cast<int32_t>(v)) {
            return bad_option(node, option.name, "does not fit in 32 bits");
          }
        }
        return builder.CreateVector(std::vector<int32_t>(list->begin(), list->end())).o;
      }
      break;
    case OptionType::kFloatVector:
      if (const auto* list = std::get_if<std::vector<float>>(&value)) {
        return builder.CreateVector(*list).o;
      }
      break;
    default: return uint32_t{0};
  }
  return bad_option(node, option.name, "is an attribute of another type");
}

Status write_number(const Node& node, const OptionDescription& option, const Attribute& value,
                    FlatBufferBuilder& builder) {
  const uint16_t entry = schema::vtable_entry(option.slot);
  const auto* integer = std::get_if<int64_t>(&value);
  if (option.type == OptionType::kInt64 && integer) {  // a double would round it
    builder.AddElement<int64_t>(entry, *integer, static_cast<int64_t>(option.default_value));
    return {};
  }
  const std::optional<double> number = number_of(value);
  if (!number) return bad_option(node, option.name, "is an attribute of another type");
  bool fit = true;
  switch (option.type) {
    case OptionType::kBool:
      builder.AddElement<uint8_t>(entry, *number != 0, option.default_value != 0);
      break;
    case OptionType::kByte:
    case OptionType::kTensorType:
      fit = fits<int8_t>(*number);
      if (fit) {
        builder.AddElement<int8_t>(entry, static_cast<int8_t>(*number),
                                   static_cast<int8_t>(option.default_value));
      }
      break;
    case OptionType::kInt32:
      fit = fits<int32_t>(*number);
      if (fit) {
        builder.AddElement<int32_t>(entry, static_cast<int32_t>(*number),
                                    static_cast<int32_t>(option.default_value));
      }
      break;
    case OptionType::kFloat:
      builder.AddElement<float>(entry, static_cast<float>(*number), option.default_value);
      break;
    default: fit = false; break;
  }
  if (!fit) return bad_option(node, option.name, "has a value that does not fit");
  return {};
}

Status check_names(const Node& node, const OpDescription& description) {
  for (const auto& [name, value] : node.attributes) {
    if (name.starts_with("_")) continue;
    bool known = false;
    for (const OptionDescription& option : description.options) known |= option.name == name;
    if (!known) return bad_option(node, name, "is none of this operator's");
  }
  return {};
}

bool is_referred(OptionType type) {
  return type == OptionType::kString || type == OptionType::kByteVector ||
         type == OptionType::kInt32Vector || type == OptionType::kFloatVector;
}

}  // namespace

Result<flatbuffers::Offset<flatbuffers::Table>> write_options(
    const Node& node, const OpDescription& description,
    const std::function<int(const std::string&)>& subgraph_index, FlatBufferBuilder& builder) {
  PUMICE_CHECK(check_names(node, description));
  std::vector<uint32_t> referred(description.options.size(), 0);
  for (size_t i = 0; i < referred.size(); ++i) {
    const OptionDescription& option = description.options[i];
    const Attribute* value = node.attributes.find_any(option.name);
    if (value && is_referred(option.type)) {
      PUMICE_TRY(referred[i], write_referred(node, option, *value, builder));
    }
  }
  const auto start = builder.StartTable();
  for (size_t i = 0; i < referred.size(); ++i) {
    const OptionDescription& option = description.options[i];
    const Attribute* value = node.attributes.find_any(option.name);
    const uint16_t entry = schema::vtable_entry(option.slot);
    Status status;
    if (referred[i] != 0) {
      builder.AddOffset(entry, flatbuffers::Offset<void>(referred[i]));
    } else if (option.type == OptionType::kSubgraph) {
      const auto* graph = value ? std::get_if<FunctionRef>(value) : nullptr;
      const int index = graph ? subgraph_index(graph->name) : -1;
      if (index < 0) {
        status = bad_option(node, option.name, "names no graph of the model");
      } else {
        builder.AddElement<int32_t>(entry, index, 0);
      }
    } else if (value && !is_referred(option.type)) {
      status = write_number(node, option, *value, builder);
    }
    if (!status.ok()) {
      builder.EndTable(start);
      return std::move(status).error();
    }
  }
  return flatbuffers::Offset<flatbuffers::Table>(builder.EndTable(start));
}

Status read_options(const FlatTable& table, const OpDescription& description,
                    const std::function<const std::string*(int)>& graph_name,
                    Attributes& attributes) {
  for (const OptionDescription& option : description.options) {
    const auto integer = static_cast<int64_t>(option.default_value);
    const std::string name(option.name);
    switch (option.type) {
      case OptionType::kBool:
        attributes.set(name, table.number<uint8_t>(option.slot, integer != 0) != 0);
        break;
      case OptionType::kByte:
        attributes.set(name,
                       int64_t{table.number<int8_t>(option.slot, static_cast<int8_t>(integer))});
        break;
      case OptionType::kInt32:
        attributes.set(name,
                       int64_t{table.number<int32_t>(option.slot, static_cast<int32_t>(integer))});
        break;
      case OptionType::kInt64:
        attributes.set(name, table.number<int64_t>(option.slot, integer));
        break;
      case OptionType::kFloat:
        attributes.set(name, table.number<float>(option.slot, option.default_value));
        break;
      case OptionType::kTensorType:
        attributes.set(name, dtype_from_tflite(
                                 table.number<int8_t>(option.slot, static_cast<int8_t>(integer))));
        break;
      case OptionType::kString:
      case OptionType::kByteVector:
        if (table.has(option.slot)) attributes.set(name, std::string(table.string(option.slot)));
        break;
      case OptionType::kInt32Vector: {
        const FlatVector values = table.vector(option.slot, 4);
        if (!values.present()) break;
        std::vector<int64_t> list(values.size());
        for (uint32_t i = 0; i < values.size(); ++i) list[i] = values.at<int32_t>(i);
        attributes.set(name, std::move(list));
        break;
      }
      case OptionType::kFloatVector: {
        const FlatVector values = table.vector(option.slot, 4);
        if (!values.present()) break;
        std::vector<float> list(values.size());
        for (uint32_t i = 0; i < values.size(); ++i) list[i] = values.at<float>(i);
        attributes.set(name, std::move(list));
        break;
      }
      case OptionType::kSubgraph: {
        const std::string* graph = graph_name(table.number<int32_t>(option.slot));
        if (!graph) {
          return Error(ErrorCode::kMalformed,
                       "option '" + name + "' names a subgraph that is not there");
        }
        attributes.set(name, FunctionRef{*graph, nullptr});
        break;
      }
    }
  }
  return {};
}

}  // namespace pumice
