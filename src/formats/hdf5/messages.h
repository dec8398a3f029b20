// The messages of an object header, each parsed from its own bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/hdf5/blocks.h"
#include "formats/hdf5/tree.h"

namespace pumice {

/// kUnsupported for references and for compound types (they may hold addresses); big-endian numbers
/// are kept as bytes without a dtype.
Result<Hdf5Type> parse_hdf5_type(std::span<const std::byte> body);

/// Sets `null` and `dims`. kTooLarge when the number of elements overflows.
Status parse_hdf5_space(std::span<const std::byte> body, Hdf5Data& data);

struct Hdf5Layout {
  enum class Class { kCompact, kContiguous, kChunked } storage = Class::kContiguous;
  std::span<const std::byte> compact;
  uint64_t address = kHdf5Undefined;  // of the data, or of the chunks' index
  std::optional<uint64_t> size;       // of contiguous data, where the file says it
  std::vector<uint64_t> chunk;        // sizes, without the element's
};
/// kUnsupported: versions after 3 for chunks, virtual datasets.
Result<Hdf5Layout> parse_hdf5_layout(std::span<const std::byte> body);

struct Hdf5Filter {
  uint16_t id = 0;
  std::vector<uint32_t> values;
};
/// kUnsupported: filters other than deflate and shuffle.
Result<std::vector<Hdf5Filter>> parse_hdf5_filters(std::span<const std::byte> body);

/// The fill value's bytes; empty: zeros. `old`: message 4, otherwise 5.
Result<std::span<const std::byte>> parse_hdf5_fill(std::span<const std::byte> body, bool old);

struct Hdf5LinkMessage {
  std::string name;
  uint64_t address = 0;  // of the object's header
  bool hard = true;      // otherwise soft or external
};
Result<Hdf5LinkMessage> parse_hdf5_link(std::span<const std::byte> body);

/// An attribute's parts; the elements themselves are read by the caller.
struct Hdf5AttributeMessage {
  Hdf5Attribute attribute;  // name, type and shape
  std::span<const std::byte> elements;
};
/// The name is set as soon as it is known, for messages: `name` may be null.
Result<Hdf5AttributeMessage> parse_hdf5_attribute(std::span<const std::byte> body,
                                                  std::string* name);

}  // namespace pumice
