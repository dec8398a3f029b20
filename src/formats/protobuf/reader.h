// Reading protocol buffer messages where they lie: bounds-checked, nothing copied, nothing thrown.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <protozero/pbf_reader.hpp>

#include "pumice/error.h"

namespace pumice {

/// A cursor over the fields of one message. A fault is sticky: next() then gives false and status()
/// the error, so a loop needs one check, behind it:
///   ProtoReader r(bytes);
///   while (r.next()) { if (r.field() == 1) name = r.bytes(); }
///   PUMICE_CHECK(r.status());
/// A field that is not read is skipped. Reading a field as another type than it has is a fault.
class ProtoReader {
 public:
  /// Messages nested deeper than this are refused (recursive ones could exhaust the stack).
  static constexpr int kMaxDepth = 100;

  ProtoReader() = default;
  explicit ProtoReader(std::string_view bytes, int depth = 0)
      : reader_(bytes.data() ? bytes.data() : "", bytes.size()), depth_(depth) {}

  bool next();
  uint32_t field() const { return field_; }
  /// The field is length-delimited (bytes, a string, a message, packed numbers).
  bool is_bytes() const {
    return pending_ && reader_.wire_type() == protozero::pbf_wire_type::length_delimited;
  }

  /// Bytes, a string, or a message to be read later.
  std::string_view bytes();
  /// A nested message.
  ProtoReader message();
  /// int32, int64, uint32, uint64, enum: the bits, negative numbers sign-extended.
  int64_t integer();
  bool boolean() { return integer() != 0; }
  float real32();
  double real64();
  uint32_t fixed32();

  /// Calls sink(int64_t) for each number of a repeated integer field, packed or not.
  template <typename Sink>
  void integers(Sink sink) {
    if (!is_bytes()) {
      const int64_t v = integer();
      if (ok()) sink(v);
      return;
    }
    std::string_view packed = bytes();
    const char* p = packed.data();
    const char* end = p + packed.size();
    int64_t v = 0;
    while (p != end && decode_varint(&p, end, &v)) sink(v);
  }
  /// Calls sink(float) / sink(double) for each number of a repeated field, packed or not.
  template <typename T, typename Sink>
  void reals(Sink sink);

  bool ok() const { return fault_ == Fault::kNone; }
  /// kTruncated where the bytes end too early, kMalformed otherwise.
  Status status() const;
  /// Bytes of the message that no next() has passed yet.
  size_t remaining() const { return reader_.length(); }
  int depth() const { return depth_; }

 private:
  enum class Fault : uint8_t { kNone, kTruncated, kMalformed, kWireType, kTooDeep };

  bool take(protozero::pbf_wire_type type);
  bool decode_varint(const char** p, const char* end, int64_t* value);
  void fail(Fault fault);
  template <typename T, typename Get>
  T guarded(Get get);

  protozero::pbf_reader reader_;
  uint32_t field_ = 0;
  int depth_ = 0;
  bool pending_ = false;  // a field was announced and not read yet
  Fault fault_ = Fault::kNone;
};

template <typename T, typename Sink>
void ProtoReader::reals(Sink sink) {
  if (!is_bytes()) {
    T v;
    if constexpr (sizeof(T) == 4)
      v = real32();
    else
      v = real64();
    if (ok()) sink(v);
    return;
  }
  std::string_view packed = bytes();
  if (packed.size() % sizeof(T) != 0) return fail(Fault::kMalformed);
  for (size_t i = 0; i < packed.size(); i += sizeof(T)) {
    T v;
    __builtin_memcpy(&v, packed.data() + i, sizeof(T));
    sink(v);
  }
}

}  // namespace pumice
