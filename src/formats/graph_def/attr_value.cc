#include "formats/graph_def/attr_value.h"

#include "formats/graph_def/tensor_proto.h"

namespace pumice {
namespace {

Result<FunctionRef> read_function_ref(ProtoReader message, ProtoContext* context) {
  FunctionRef ref;
  AttributeCollector attributes;
  while (message.next()) {
    if (message.field() == 1) {
      ref.name = message.bytes();
    } else if (message.field() == 2) {
      PUMICE_CHECK(attributes.add(message.message(), context));
    }
  }
  PUMICE_CHECK(message.status());
  Attributes all = attributes.take();
  if (!all.empty()) ref.attributes = std::make_shared<const Attributes>(std::move(all));
  return ref;
}

/// A list holds elements of one kind; an empty one has no kind and reads as integers.
Result<std::optional<Attribute>> read_list(ProtoReader message, ProtoContext* context) {
  std::vector<std::string> strings;
  std::vector<int64_t> integers;
  std::vector<float> reals;
  std::vector<bool> booleans;
  std::vector<DType> dtypes;
  std::vector<Shape> shapes;
  std::vector<FunctionRef> functions;
  bool tensors = false;
  while (message.next()) {
    switch (message.field()) {
      case 2: strings.emplace_back(message.bytes()); break;
      case 3: message.integers([&](int64_t v) { integers.push_back(v); }); break;
      case 4: message.reals<float>([&](float v) { reals.push_back(v); }); break;
      case 5: message.integers([&](int64_t v) { booleans.push_back(v != 0); }); break;
      case 6:
        message.integers([&](int64_t v) { dtypes.push_back(dtype_from_tensorflow(v)); });
        break;
      case 7: {
        PUMICE_TRY(Shape shape, read_shape(message.message()));
        shapes.push_back(std::move(shape));
        break;
      }
      case 8: tensors = true; break;
      case 9: {
        PUMICE_TRY(FunctionRef ref, read_function_ref(message.message(), context));
        functions.push_back(std::move(ref));
        break;
      }
    }
  }
  PUMICE_CHECK(message.status());
  if (!strings.empty()) return std::optional<Attribute>(std::move(strings));
  if (!reals.empty()) return std::optional<Attribute>(std::move(reals));
  if (!booleans.empty()) return std::optional<Attribute>(std::move(booleans));
  if (!dtypes.empty()) return std::optional<Attribute>(std::move(dtypes));
  if (!shapes.empty()) return std::optional<Attribute>(std::move(shapes));
  if (!functions.empty()) return std::optional<Attribute>(std::move(functions));
  if (tensors) return std::optional<Attribute>();
  return std::optional<Attribute>(std::move(integers));
}

}  // namespace

Result<std::optional<Attribute>> read_attr_value(ProtoReader message, ProtoContext* context) {
  std::optional<Attribute> value;
  while (message.next()) {
    switch (message.field()) {
      case 1: {
        PUMICE_TRY(value, read_list(message.message(), context));
        break;
      }
      case 2:
      case 9:  // a placeholder of an uninstantiated function
        value = std::string(message.bytes());
        break;
      case 3: value = message.integer(); break;
      case 4: value = message.real32(); break;
      case 5: value = message.boolean(); break;
      case 6: value = dtype_from_tensorflow(message.integer()); break;
      case 7: {
        PUMICE_TRY(value, read_shape(message.message()));
        break;
      }
      case 8: {
        PUMICE_TRY(auto tensor, read_tensor(message.message(), context));
        if (tensor) value = *std::move(tensor);
        break;
      }
      case 10: {
        PUMICE_TRY(value, read_function_ref(message.message(), context));
        break;
      }
    }
  }
  PUMICE_CHECK(message.status());
  return value;
}

Status AttributeCollector::add(ProtoReader entry, ProtoContext* context) {
  std::string key;
  std::optional<Attribute> value;
  while (entry.next()) {
    if (entry.field() == 1) {
      key = entry.bytes();
    } else if (entry.field() == 2) {
      PUMICE_TRY(value, read_attr_value(entry.message(), context));
    }
  }
  PUMICE_CHECK(entry.status());
  if (value) entries_.emplace_back(std::move(key), *std::move(value));
  return {};
}

Attributes AttributeCollector::take() {
  Attributes attributes(std::move(entries_));
  entries_.clear();
  return attributes;
}

}  // namespace pumice
