#include "formats/hdf5/messages.h"

#include <limits>

#include "formats/file.h"
#include "graph/shape.h"

namespace pumice {
namespace {

Error malformed(const char* what) {
  return Error(ErrorCode::kMalformed, std::string("HDF5: ") + what);
}
Error unsupported(const std::string& what) {
  return Error(ErrorCode::kUnsupported, "HDF5: pumice does not read " + what);
}

DType integer_type(uint32_t size, bool is_signed) {
  switch (size) {
    case 1: return is_signed ? DType::kInt8 : DType::kUInt8;
    case 2: return is_signed ? DType::kInt16 : DType::kUInt16;
    case 4: return is_signed ? DType::kInt32 : DType::kUInt32;
    case 8: return is_signed ? DType::kInt64 : DType::kUInt64;
    default: return DType::kInvalid;
  }
}

/// IEEE's and bfloat16, by where exponent and mantissa lie.
DType float_type(uint32_t size, Hdf5Cursor& properties) {
  const uint16_t offset = properties.u16(), precision = properties.u16();
  const uint8_t exponent_at = properties.u8(), exponent = properties.u8();
  const uint8_t mantissa_at = properties.u8(), mantissa = properties.u8();
  const uint32_t bias = properties.u32();
  if (offset != 0 || precision != size * 8 || mantissa_at != 0 || exponent_at != mantissa)
    return DType::kInvalid;
  if (size == 2 && exponent == 5 && mantissa == 10 && bias == 15) return DType::kFloat16;
  if (size == 2 && exponent == 8 && mantissa == 7 && bias == 127) return DType::kBFloat16;
  if (size == 4 && exponent == 8 && mantissa == 23 && bias == 127) return DType::kFloat32;
  if (size == 8 && exponent == 11 && mantissa == 52 && bias == 1023) return DType::kFloat64;
  return DType::kInvalid;
}

/// The message begins with its class and version, three bytes of bits, and the size.
struct TypeHead {
  uint8_t kind = 0, version = 0;
  uint32_t bits = 0, size = 0;
};

TypeHead type_head(Hdf5Cursor& c) {
  TypeHead h;
  const uint8_t first = c.u8();
  h.kind = first & 15;
  h.version = first >> 4;
  h.bits = static_cast<uint32_t>(c.integer(3));
  h.size = c.u32();
  return h;
}

/// h5py's bool: an enum of one-byte integers FALSE = 0 and TRUE = 1.
bool is_bool(const TypeHead& h, Hdf5Cursor c) {
  if (h.size != 1 || (h.bits & 0xffff) != 2) return false;
  const TypeHead base = type_head(c);
  if (base.kind != 0 || base.size != 1) return false;
  c.skip(4);  // offset and precision
  // Names are padded to 8 bytes up to version 2.
  const bool padded = h.version < 3;
  if (!c.mark(std::string_view(padded ? "FALSE\0\0\0" : "FALSE\0", padded ? 8 : 6))) return false;
  if (!c.mark(std::string_view(padded ? "TRUE\0\0\0\0" : "TRUE\0", padded ? 8 : 5))) return false;
  const uint8_t no = c.u8(), yes = c.u8();
  return c.ok() && no == 0 && yes == 1;
}

}  // namespace

Result<Hdf5Type> parse_hdf5_type(std::span<const std::byte> body) {
  Hdf5Cursor c(body);
  const TypeHead h = type_head(c);
  if (!c.ok()) return malformed("a datatype ends too early");
  Hdf5Type type;
  type.size = h.size;
  type.message = std::string(as_text(body));
  if (h.size == 0) return malformed("a datatype has no bytes");
  const bool big_endian = h.bits & 1;
  using Kind = Hdf5Type::Kind;
  switch (h.kind) {
    case 0: {
      const uint16_t offset = c.u16(), precision = c.u16();
      type.kind = Kind::kNumber;
      if (!big_endian && c.ok() && offset == 0 && precision == h.size * 8)
        type.dtype = integer_type(h.size, h.bits & 8);
      return type;
    }
    case 1:
      type.kind = Kind::kNumber;
      if (!big_endian && !(h.bits & 0x40)) type.dtype = float_type(h.size, c);
      if (!c.ok()) return malformed("a datatype ends too early");
      return type;
    case 3:
      type.kind = Kind::kText;
      type.text = true;
      return type;
    case 2:
    case 4:
    case 5: return type;
    case 8:
      type.kind = Kind::kNumber;
      if (is_bool(h, c)) type.dtype = DType::kBool;
      return type;
    case 9: {
      const TypeHead base = type_head(c);
      if (!c.ok()) return malformed("a datatype ends too early");
      // Elements of the base type lie in the heap as they are: no addresses among them.
      if (base.kind > 5) return unsupported("variable-length data of such elements");
      if (h.size != 16) return malformed("variable-length elements take 16 bytes");
      if (base.size == 0) return malformed("a datatype has no bytes");
      type.kind = Kind::kVariable;
      type.text = (h.bits & 15) == 1;
      return type;
    }
    case 6: return unsupported("compound types");
    case 7: return unsupported("references");
    case 10: return unsupported("array types");
    default: return malformed("an unknown class of datatypes");
  }
}

Status parse_hdf5_space(std::span<const std::byte> body, Hdf5Data& data) {
  Hdf5Cursor c(body);
  const uint8_t version = c.u8(), rank = c.u8(), flags = c.u8();
  if (version == 1) {
    c.skip(5);
  } else if (version == 2) {
    const uint8_t kind = c.u8();
    data.null = kind == 2;
    if (kind > 2 || (kind != 1 && rank != 0)) return malformed("a dataspace contradicts itself");
  } else {
    return unsupported("dataspaces of version " + std::to_string(version));
  }
  if (rank > 32) return malformed("a dataspace has more than 32 dimensions");
  if (flags & ~1) return unsupported("dataspaces with permuted dimensions");
  for (int i = 0; i < rank; ++i) {
    const uint64_t dim = c.u64();
    if (dim > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
      return Error(ErrorCode::kTooLarge, "HDF5: a dimension is absurd").found(std::to_string(dim));
    data.dims.push_back(static_cast<int64_t>(dim));
  }
  if (!c.ok()) return malformed("a dataspace ends too early");
  if (!element_count(data.dims))
    return Error(ErrorCode::kTooLarge, "HDF5: a shape has more elements than can be counted");
  return {};
}

Result<Hdf5Layout> parse_hdf5_layout(std::span<const std::byte> body) {
  Hdf5Cursor c(body);
  Hdf5Layout layout;
  const uint8_t version = c.u8();
  using Class = Hdf5Layout::Class;
  if (version == 1 || version == 2) {
    const uint8_t rank = c.u8(), storage = c.u8();
    c.skip(5);
    if (storage > 2) return malformed("an unknown storage of data");
    layout.storage = static_cast<Class>(storage);
    if (layout.storage != Class::kCompact) layout.address = c.u64();
    if (rank > 33) return malformed("data have more than 32 dimensions");
    for (int i = 0; i < rank; ++i) layout.chunk.push_back(c.u32());
    // The last size of chunks is the element's; it stands apart in these versions' other classes.
    if (layout.storage == Class::kChunked) {
      if (rank < 1) return malformed("chunks without a shape");
      layout.chunk.pop_back();
    }
    if (layout.storage == Class::kCompact) layout.compact = c.take(c.u32());
  } else if (version == 3 || version == 4) {
    const uint8_t storage = c.u8();
    if (storage == 3) return unsupported("virtual datasets");
    if (storage > 2) return malformed("an unknown storage of data");
    layout.storage = static_cast<Class>(storage);
    if (layout.storage == Class::kCompact) {
      layout.compact = c.take(c.u16());
    } else if (layout.storage == Class::kContiguous) {
      layout.address = c.u64();
      layout.size = c.u64();
    } else if (version == 4) {
      return unsupported(
          "chunks as libhdf5's newest formats index them (written with libver='latest')");
    } else {
      const uint8_t rank = c.u8();
      layout.address = c.u64();
      if (rank < 1 || rank > 33) return malformed("chunks with an absurd number of dimensions");
      for (int i = 0; i < rank; ++i) layout.chunk.push_back(c.u32());
      layout.chunk.pop_back();
    }
  } else {
    return unsupported("data layouts of version " + std::to_string(version));
  }
  if (!c.ok()) return malformed("a data layout ends too early");
  return layout;
}

Result<std::vector<Hdf5Filter>> parse_hdf5_filters(std::span<const std::byte> body) {
  Hdf5Cursor c(body);
  const uint8_t version = c.u8(), count = c.u8();
  if (version != 1 && version != 2)
    return unsupported("filter pipelines of version " + std::to_string(version));
  if (version == 1) c.skip(6);
  if (count > 32) return malformed("more than 32 filters");
  std::vector<Hdf5Filter> filters;
  for (int i = 0; i < count; ++i) {
    Hdf5Filter filter;
    filter.id = c.u16();
    const uint16_t name = version == 1 || filter.id >= 256 ? c.u16() : 0;
    c.skip(2);
    const uint16_t values = c.u16();
    c.skip(name);
    if (values > 32 || !c.ok()) return malformed("a filter with an absurd number of values");
    for (int v = 0; v < values; ++v) filter.values.push_back(c.u32());
    if (version == 1 && values % 2) c.skip(4);
    if (!c.ok()) return malformed("a filter pipeline ends too early");
    if (filter.id != 1 && filter.id != 2)
      return unsupported("data packed by filter " + std::to_string(filter.id) +
                         " (only deflate and shuffle)");
    filters.push_back(std::move(filter));
  }
  return filters;
}

Result<std::span<const std::byte>> parse_hdf5_fill(std::span<const std::byte> body, bool old) {
  Hdf5Cursor c(body);
  bool defined = true;
  if (!old) {
    const uint8_t version = c.u8();
    if (version == 1 || version == 2) {
      c.skip(2);
      defined = c.u8() != 0 || version == 1;
    } else if (version == 3) {
      defined = c.u8() & 0x20;
    } else {
      return unsupported("fill values of version " + std::to_string(version));
    }
  }
  const uint32_t size = defined ? c.u32() : 0;
  const auto value = c.take(size <= 0x7fffffff ? size : 0);  // -1: undefined
  if (!c.ok()) return malformed("a fill value ends too early");
  return value;
}

Result<Hdf5LinkMessage> parse_hdf5_link(std::span<const std::byte> body) {
  Hdf5Cursor c(body);
  const uint8_t version = c.u8(), flags = c.u8();
  if (version != 1) return unsupported("links of version " + std::to_string(version));
  const uint8_t kind = flags & 8 ? c.u8() : 0;
  if (flags & 4) c.skip(8);
  if (flags & 16) c.skip(1);
  const uint64_t size = c.integer(size_t{1} << (flags & 3));
  Hdf5LinkMessage link;
  link.name = std::string(as_text(c.take(size)));
  link.hard = kind == 0;
  if (link.hard) link.address = c.u64();
  if (!c.ok() || link.name.empty()) return malformed("a link ends too early");
  return link;
}

Result<Hdf5AttributeMessage> parse_hdf5_attribute(std::span<const std::byte> body,
                                                  std::string* name) {
  Hdf5Cursor c(body);
  const uint8_t version = c.u8(), flags = c.u8();
  if (version < 1 || version > 3)
    return unsupported("attributes of version " + std::to_string(version));
  const uint16_t name_size = c.u16(), type_size = c.u16(), space_size = c.u16();
  if (version == 3) c.skip(1);
  const auto part = [&](uint16_t size) {
    const auto bytes = c.take(size);
    if (version == 1 && size % 8) c.skip(8 - size % 8);
    return bytes;
  };
  Hdf5AttributeMessage m;
  const std::string_view full = as_text(part(name_size));
  m.attribute.name = std::string(full.substr(0, full.find('\0')));
  if (name) *name = m.attribute.name;
  if (version > 1 && (flags & 3)) return unsupported("attributes of a committed datatype");
  const auto type = part(type_size), space = part(space_size);
  if (!c.ok()) return malformed("an attribute ends too early");
  PUMICE_TRY(m.attribute.data.type, parse_hdf5_type(type));
  PUMICE_CHECK(parse_hdf5_space(space, m.attribute.data));
  const uint64_t count = m.attribute.data.elements();
  if (count > c.left() / m.attribute.data.type.size)
    return malformed("an attribute's elements are more than its bytes")
        .expected(std::to_string(count) + " elements")
        .found(std::to_string(c.left()) + " bytes");
  m.elements = c.take(count * m.attribute.data.type.size);
  return m;
}

}  // namespace pumice
