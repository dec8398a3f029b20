// Reading JSON where it lies: a cursor that takes one value after the other. No tree, no copies,
// nothing thrown.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pumice/error.h"

namespace pumice {

enum class JsonKind : uint8_t {
  kNone,  // no value: the text's end, or a fault
  kNull,
  kBoolean,
  kNumber,
  kString,
  kArray,
  kObject,
};

/// A cursor over one JSON text (RFC 8259). Whoever stands before a value must take it: as what it
/// is, or with skip(). A fault is sticky: the loops below then end, values read as empty, and
/// status() is the error, so that one check behind the loops is enough:
///   JsonReader r(text);
///   r.begin_object();
///   while (r.next_member(&key)) { if (key == "name") name = r.string(); else r.skip(); }
///   PUMICE_CHECK(r.status());
/// A copy of the cursor reads on from where it was made: nothing is parsed twice unless it is
/// wanted.
class JsonReader {
 public:
  /// Deeper nesting is refused (reading it could exhaust the stack).
  static constexpr int kMaxDepth = 200;

  JsonReader() = default;
  /// `text` must outlive the reader. A byte order mark in front is skipped.
  explicit JsonReader(std::string_view text);

  /// What the next value is, as far as its first character tells.
  JsonKind kind();

  void begin_object();
  /// Goes to the next member's value and sets its key; false behind the last one.
  bool next_member(std::string* key);
  void begin_array();
  /// Goes to the next element; false behind the last one.
  bool next_element();

  /// Escapes resolved, in UTF-8.
  std::string string();
  /// A number as the text has it.
  std::string_view number();
  /// A number that is an integer of 64 bits ("3", "3.0" and "3e0" are).
  int64_t integer();
  double real();
  bool boolean();
  /// Passes over a value of any kind, checking it.
  void skip();
  /// Where in the text the reader stands: at a value that kind() has looked at, or behind one.
  size_t position() const { return at_; }
  /// Checks that nothing but white space is left.
  void finish();

  bool ok() const { return what_ == nullptr; }
  /// Reports a fault of content at the present place; `what` must be a literal.
  void fail(const char* what, ErrorCode code = ErrorCode::kMalformed);
  /// "line L, column C: …". kTruncated where the text ends too early.
  Status status() const;

 private:
  void skip_space();
  void unexpected(const char* what);
  bool accept(char c);
  bool take_word(std::string_view word);
  void begin(char bracket, const char* what);
  bool end_or_comma(char bracket);
  bool escape(std::string* out);
  uint32_t hex4();

  std::string_view text_;
  size_t at_ = 0;
  int depth_ = 0;
  bool fresh_ = false;  // directly behind an opening bracket
  const char* what_ = nullptr;
  ErrorCode code_ = ErrorCode::kMalformed;
};

/// The integer that a JSON number or the text of one stands for; false where it is none.
bool parse_json_integer(std::string_view number, int64_t* value);

}  // namespace pumice
