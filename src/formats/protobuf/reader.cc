#include "formats/protobuf/reader.h"

#include <exception>

namespace pumice {

using protozero::pbf_wire_type;

void ProtoReader::fail(Fault fault) {
  if (fault_ == Fault::kNone) fault_ = fault;
  pending_ = false;
  reader_ = protozero::pbf_reader();
}

/// protozero reports faults by throwing; nothing leaves this layer but a sticky fault.
template <typename T, typename Get>
T ProtoReader::guarded(Get get) {
  try {
    return get();
  } catch (const protozero::end_of_buffer_exception&) {
    fail(Fault::kTruncated);
  } catch (const std::exception&) {
    fail(Fault::kMalformed);
  }
  return T();
}

bool ProtoReader::next() {
  if (!ok()) return false;
  const bool more = guarded<bool>([this] {
    if (pending_) reader_.skip();
    pending_ = false;
    return reader_.next();
  });
  if (!more) return false;
  field_ = reader_.tag();
  pending_ = true;
  return true;
}

/// Also keeps protozero's own assertions on the wire type from ever being reached.
bool ProtoReader::take(pbf_wire_type type) {
  if (!ok() || !pending_) return false;
  if (reader_.wire_type() != type) {
    fail(Fault::kWireType);
    return false;
  }
  pending_ = false;
  return true;
}

std::string_view ProtoReader::bytes() {
  if (!take(pbf_wire_type::length_delimited)) return {};
  return guarded<std::string_view>([this] {
    const auto view = reader_.get_view();
    return std::string_view(view.data(), view.size());
  });
}

ProtoReader ProtoReader::message() {
  if (depth_ >= kMaxDepth) {
    fail(Fault::kTooDeep);
    return ProtoReader();
  }
  return ProtoReader(bytes(), depth_ + 1);
}

int64_t ProtoReader::integer() {
  if (!take(pbf_wire_type::varint)) return 0;
  return guarded<int64_t>([this] { return reader_.get_int64(); });
}

float ProtoReader::real32() {
  if (!take(pbf_wire_type::fixed32)) return 0;
  return guarded<float>([this] { return reader_.get_float(); });
}

double ProtoReader::real64() {
  if (!take(pbf_wire_type::fixed64)) return 0;
  return guarded<double>([this] { return reader_.get_double(); });
}

uint32_t ProtoReader::fixed32() {
  if (!take(pbf_wire_type::fixed32)) return 0;
  return guarded<uint32_t>([this] { return reader_.get_fixed32(); });
}

bool ProtoReader::decode_varint(const char** p, const char* end, int64_t* value) {
  *value = guarded<int64_t>([&] { return static_cast<int64_t>(protozero::decode_varint(p, end)); });
  return ok();
}

Status ProtoReader::status() const {
  switch (fault_) {
    case Fault::kNone: return {};
    case Fault::kTruncated:
      return Error(ErrorCode::kTruncated, "a protocol buffer message ends before its content does")
          .hint("The file is probably incomplete: copy or download it again.");
    case Fault::kMalformed:
      return Error(ErrorCode::kMalformed, "the bytes are no valid protocol buffer message");
    case Fault::kWireType:
      return Error(ErrorCode::kMalformed, "field " + std::to_string(field_) +
                                              " of a protocol buffer message has another type "
                                              "than its format says");
    case Fault::kTooDeep:
      return Error(ErrorCode::kTooLarge, "protocol buffer messages are nested too deeply")
          .expected("at most " + std::to_string(kMaxDepth) + " levels");
  }
  return {};
}

}  // namespace pumice
