#include "formats/graph_def/tensor_proto.h"

#include <algorithm>
#include <string>
#include <vector>

namespace pumice {
namespace {

/// TensorProto's fields, values not yet converted.
struct TensorFields {
  int64_t dtype_number = 0;
  Shape shape = Shape::scalar();
  std::string_view content;
  bool has_content = false;
  // Of the typed value lists: the one of the dtype is decoded in a second walk.
};

/// The field that holds the values of a dtype, when they are not in tensor_content.
uint32_t value_field(DType dtype) {
  switch (dtype) {
    case DType::kFloat16:
    case DType::kBFloat16: return 13;
    case DType::kFloat32: return 5;
    case DType::kFloat64: return 6;
    case DType::kInt4:
    case DType::kInt8:
    case DType::kInt16:
    case DType::kInt32:
    case DType::kUInt8:
    case DType::kUInt16: return 7;
    case DType::kString: return 8;
    case DType::kComplex64: return 9;
    case DType::kInt64: return 10;
    case DType::kBool: return 11;
    case DType::kComplex128: return 12;
    case DType::kUInt32: return 16;
    case DType::kUInt64: return 17;
    default: return 0;
  }
}

Error wrong_count(DType dtype, const Dims& dims, uint64_t found, const char* unit) {
  return Error(ErrorCode::kMalformed, "a tensor's values do not fit its shape")
      .expected("values for " + std::string(dtype_name(dtype)) + to_string(dims))
      .found(std::to_string(found) + " " + unit);
}

void append(std::vector<std::byte>* bytes, const void* value, size_t size) {
  const auto* p = static_cast<const std::byte*>(value);
  bytes->insert(bytes->end(), p, p + size);
}

/// Values by a repeated field, as they are in memory. `view` is set instead of `bytes` where the
/// file holds them so.
struct Values {
  Bytes view;
  std::vector<std::byte> bytes;
  bool is_view = false;
  size_t size() const { return is_view ? view.size() : bytes.size(); }
};

/// At most `full` bytes are of interest: a value too many is kept, to be noticed, the rest is not.
Result<Values> read_numbers(ProtoReader message, DType dtype, uint64_t full, uint64_t message_size,
                            ProtoContext* context) {
  const uint32_t field = value_field(dtype);
  const bool real = field == 5 || field == 6 || field == 9 || field == 12;
  const bool half_width = field == 5 || field == 9;
  // Int4 values stand in int_val one by one; they are packed afterwards.
  const size_t width = dtype == DType::kInt4 ? 1 : element_size(dtype);
  // A varint of one byte can stand for an element of eight.
  PUMICE_CHECK(context->take(std::min(full, message_size * width)));
  Values values;
  const auto add = [&](const void* v, size_t size) {
    if (values.bytes.size() <= full) append(&values.bytes, v, size);
  };
  int chunks = 0;
  while (message.next()) {
    if (message.field() != field) continue;
    ++chunks;
    if (real) {
      if (chunks == 1 && message.is_bytes()) {
        values.view = context->view(message.bytes());
        values.is_view = true;
        continue;
      }
      if (values.is_view) {  // a second chunk: no longer one view
        values.bytes.assign(values.view.view().begin(), values.view.view().end());
        values.is_view = false;
      }
      if (half_width) {
        message.reals<float>([&](float v) { add(&v, sizeof v); });
      } else {
        message.reals<double>([&](double v) { add(&v, sizeof v); });
      }
    } else {
      // Little-endian: the low bytes come first.
      message.integers([&](int64_t v) { add(&v, width); });
    }
  }
  PUMICE_CHECK(message.status());
  return values;
}

Result<Constant> from_strings(std::vector<std::string> strings, Dims dims, int64_t elements,
                              ProtoContext* context) {
  const uint64_t found = strings.size();
  if (found == static_cast<uint64_t>(elements)) {
    return Constant(Tensor::of_strings(std::move(dims), std::move(strings)));
  }
  if (found > static_cast<uint64_t>(elements)) {
    return wrong_count(DType::kString, dims, found, "strings");
  }
  if (found <= 1) {
    if (strings.empty()) strings.emplace_back();
    return Constant(Tensor::of_strings({}, std::move(strings))).then(Splat{std::move(dims)});
  }
  PUMICE_CHECK(context->take(static_cast<uint64_t>(elements) *
                             (sizeof(std::string) + strings.back().size())));
  strings.resize(static_cast<size_t>(elements), strings.back());
  return Constant(Tensor::of_strings(std::move(dims), std::move(strings)));
}

/// tensor_content of a string tensor: the lengths as varints, then the characters.
Result<Constant> strings_from_content(std::string_view content, Dims dims, int64_t elements,
                                      ProtoContext* context) {
  if (static_cast<uint64_t>(elements) > content.size()) {
    return wrong_count(DType::kString, dims, content.size(), "bytes");
  }
  std::vector<uint64_t> lengths;
  size_t at = 0;
  for (int64_t i = 0; i < elements; ++i) {
    uint64_t length = 0;
    for (int shift = 0;; shift += 7) {
      if (at == content.size() || shift > 63) {
        return wrong_count(DType::kString, dims, content.size(), "bytes");
      }
      const uint8_t byte = static_cast<uint8_t>(content[at++]);
      length |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (!(byte & 0x80)) break;
    }
    lengths.push_back(length);
  }
  std::vector<std::string> strings;
  strings.reserve(lengths.size());
  for (const uint64_t length : lengths) {
    if (length > content.size() - at) {
      return wrong_count(DType::kString, dims, content.size(), "bytes");
    }
    strings.emplace_back(content.substr(at, length));
    at += length;
  }
  return from_strings(std::move(strings), std::move(dims), elements, context);
}

Result<Constant> read_strings(ProtoReader message, const TensorFields& fields, Dims dims,
                              int64_t elements, ProtoContext* context) {
  std::vector<std::string> strings;
  while (message.next()) {
    if (message.field() == value_field(DType::kString)) strings.emplace_back(message.bytes());
  }
  PUMICE_CHECK(message.status());
  if (strings.empty() && !fields.content.empty()) {
    return strings_from_content(fields.content, std::move(dims), elements, context);
  }
  return from_strings(std::move(strings), std::move(dims), elements, context);
}

/// One element a byte, as TensorFlow holds int4, into two elements a byte.
Tensor pack_int4(std::span<const std::byte> values, Dims dims) {
  std::vector<std::byte> packed((values.size() + 1) / 2);
  for (size_t i = 0; i < values.size(); ++i) {
    const std::byte low = values[i] & std::byte{0x0f};
    packed[i / 2] |= i % 2 == 0 ? low : low << 4;
  }
  return Tensor(DType::kInt4, std::move(dims), Bytes::own(std::move(packed)));
}

Tensor make_tensor(DType dtype, Dims dims, Bytes bytes) {
  if (dtype == DType::kInt4) return pack_int4(bytes.view(), std::move(dims));
  return Tensor(dtype, std::move(dims), std::move(bytes));
}

}  // namespace

Result<Shape> read_shape(ProtoReader message) {
  std::vector<Dim> dims;
  bool unknown_rank = false;
  while (message.next()) {
    if (message.field() == 2) {
      ProtoReader dim = message.message();
      int64_t size = 0;
      while (dim.next()) {
        if (dim.field() == 1) size = dim.integer();
      }
      PUMICE_CHECK(dim.status());
      if (dims.size() == 254) {
        return Error(ErrorCode::kTooLarge, "a shape has more than 254 dimensions");
      }
      dims.emplace_back(size);
    } else if (message.field() == 3) {
      unknown_rank = message.boolean();
    }
  }
  PUMICE_CHECK(message.status());
  return unknown_rank ? Shape::unknown() : Shape(std::move(dims));
}

Result<std::optional<Constant>> read_tensor(ProtoReader message, ProtoContext* context) {
  const ProtoReader values_again = message;
  const uint64_t size = message.remaining();
  TensorFields fields;
  while (message.next()) {
    switch (message.field()) {
      case 1: fields.dtype_number = message.integer(); break;
      case 2: {
        PUMICE_TRY(fields.shape, read_shape(message.message()));
        break;
      }
      case 4: fields.content = message.bytes(); break;
    }
  }
  PUMICE_CHECK(message.status());

  const DType dtype = dtype_from_tensorflow(fields.dtype_number);
  if (value_field(dtype) == 0) return std::optional<Constant>();
  if (!fields.shape.fully_known()) {
    return Error(ErrorCode::kMalformed, "a tensor's shape has unknown dimensions")
        .found(to_string(fields.shape));
  }
  Dims dims = fields.shape.sizes();
  const auto elements = element_count(dims);
  const uint64_t width = dtype == DType::kInt4 ? 1 : element_size(dtype);
  uint64_t full = 0;
  if (!elements || __builtin_mul_overflow(static_cast<uint64_t>(*elements), width, &full) ||
      full > static_cast<uint64_t>(INT64_MAX)) {
    return Error(ErrorCode::kMalformed, "a tensor's shape is impossible").found(to_string(dims));
  }
  if (dtype == DType::kString) {
    PUMICE_TRY(Constant strings, read_strings(values_again, fields, dims, *elements, context));
    return std::optional<Constant>(std::move(strings));
  }
  if (!fields.content.empty()) {
    if (fields.content.size() != full) {
      return wrong_count(dtype, dims, fields.content.size(), "bytes");
    }
    return std::optional<Constant>(
        make_tensor(dtype, std::move(dims), context->view(fields.content)));
  }

  PUMICE_TRY(Values values, read_numbers(values_again, dtype, full, size, context));
  const size_t found = values.size();
  if (found > full || found % width != 0) return wrong_count(dtype, dims, found, "bytes");
  if (found == full) {
    Bytes bytes = values.is_view ? values.view : Bytes::own(std::move(values.bytes));
    return std::optional<Constant>(make_tensor(dtype, std::move(dims), std::move(bytes)));
  }
  if (found <= width) {  // one value for all elements, or none: zero
    Bytes one = found == 0       ? Bytes::own(std::vector<std::byte>(width))
                : values.is_view ? values.view
                                 : Bytes::own(std::move(values.bytes));
    return std::optional<Constant>(
        Constant(make_tensor(dtype, {}, std::move(one))).then(Splat{std::move(dims)}));
  }
  // Several values, of which the last one stands for the rest.
  PUMICE_CHECK(context->take(full));
  if (values.is_view) {
    values.bytes.assign(values.view.view().begin(), values.view.view().end());
  }
  values.bytes.reserve(full);
  while (values.bytes.size() < full) {
    for (size_t i = 0; i < width; ++i) {
      values.bytes.push_back(values.bytes[values.bytes.size() - width]);
    }
  }
  return std::optional<Constant>(
      make_tensor(dtype, std::move(dims), Bytes::own(std::move(values.bytes))));
}

}  // namespace pumice
