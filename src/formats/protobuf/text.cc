#include "formats/protobuf/text.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "formats/protobuf/reader.h"
#include "formats/utf8.h"

namespace pumice {
namespace {

bool is_identifier(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Recursive descent; every function gives false after fail().
class TextParser {
 public:
  TextParser(std::string_view text, std::string* out) : text_(text), out_(out) {}

  bool message_body(std::string_view type, char close, int depth);
  Error error() const;

 private:
  bool fail(const char* what, ErrorCode code = ErrorCode::kMalformed) {
    if (!what_) what_ = what, code_ = code;
    return false;
  }
  bool unexpected(const char* what) {
    return fail(what, at_ >= text_.size() ? ErrorCode::kTruncated : ErrorCode::kMalformed);
  }
  void skip_space();
  bool accept(char c);
  std::string_view word();
  bool value(const TextField* field, int depth);
  bool scalar(const TextField* field);
  bool list(const TextField* field, int depth);
  bool message(const TextField* field, char close, int depth);
  bool string_literal();
  bool escape();
  void put_varint(uint64_t v);
  void put_fixed(const void* v, size_t size);

  std::string_view text_;
  std::string* out_;
  size_t at_ = 0;
  std::string literal_;
  const char* what_ = nullptr;
  ErrorCode code_ = ErrorCode::kMalformed;
};

Error TextParser::error() const {
  const std::string_view before = text_.substr(0, std::min(at_, text_.size()));
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const size_t start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  Error error(code_, std::string("line ") + std::to_string(line) + ", column " +
                         std::to_string(before.size() - start + 1) + ": " +
                         (what_ ? what_ : "text that is no protocol buffer"));
  if (code_ != ErrorCode::kTruncated) return error;
  return std::move(error).hint("The file is probably incomplete: copy or download it again.");
}

void TextParser::skip_space() {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c == '#') {
      const size_t end = text_.find('\n', at_);
      at_ = end == std::string_view::npos ? text_.size() : end;
    } else if (c == ' ' || (c >= '\t' && c <= '\r')) {
      ++at_;
    } else {
      return;
    }
  }
}

bool TextParser::accept(char c) {
  skip_space();
  if (at_ >= text_.size() || text_[at_] != c) return false;
  ++at_;
  return true;
}

/// An identifier, a number, or a sign with what follows it.
std::string_view TextParser::word() {
  skip_space();
  const size_t start = at_;
  while (at_ < text_.size()) {
    const char c = text_[at_];
    const bool sign =
        (c == '-' || c == '+') && (at_ == start || text_[at_ - 1] == 'e' || text_[at_ - 1] == 'E');
    if (!is_identifier(c) && c != '.' && !sign) break;
    ++at_;
  }
  return text_.substr(start, at_ - start);
}

void TextParser::put_varint(uint64_t v) {
  for (; v >= 0x80; v >>= 7) out_->push_back(static_cast<char>(v | 0x80));
  out_->push_back(static_cast<char>(v));
}

void TextParser::put_fixed(const void* v, size_t size) {
  out_->append(static_cast<const char*>(v), size);  // little-endian
}

bool TextParser::message_body(std::string_view type, char close, int depth) {
  if (depth > ProtoReader::kMaxDepth) {
    return fail("messages are nested too deeply", ErrorCode::kTooLarge);
  }
  for (;;) {
    skip_space();
    if (at_ >= text_.size()) return close ? unexpected("the text ends inside a message") : true;
    if (close && accept(close)) return true;
    if (accept(';') || accept(',')) continue;
    const TextField* field = nullptr;
    if (accept('[')) {  // an extension or an Any: no field of ours
      const size_t end = text_.find(']', at_);
      if (end == std::string_view::npos) return unexpected("a '[' without its ']'");
      at_ = end + 1;
    } else {
      const std::string_view name = word();
      if (name.empty()) return unexpected("a field name was expected");
      field = find_text_field(type, name);
    }
    const bool colon = accept(':');
    skip_space();
    const char c = at_ < text_.size() ? text_[at_] : '\0';
    if (!colon && c != '{' && c != '<' && c != '[') return unexpected("a ':' was expected");
    if (!value(field, depth)) return false;
  }
}

/// The value of a field; read and dropped where `field` is null.
bool TextParser::value(const TextField* field, int depth) {
  skip_space();
  if (at_ >= text_.size()) return unexpected("the text ends before a value");
  if (accept('[')) return list(field, depth);
  if (accept('{')) return message(field, '}', depth);
  if (accept('<')) return message(field, '>', depth);
  return scalar(field);
}

bool TextParser::list(const TextField* field, int depth) {
  if (depth > ProtoReader::kMaxDepth) {
    return fail("lists are nested too deeply", ErrorCode::kTooLarge);
  }
  if (accept(']')) return true;
  do {
    if (!value(field, depth + 1)) return false;
  } while (accept(','));
  return accept(']') || unexpected("a ',' or ']' was expected in a list");
}

bool TextParser::message(const TextField* field, char close, int depth) {
  if (field && field->kind != TextKind::kMessage) {
    return fail("a message where a plain value was expected");
  }
  const size_t start = out_->size();
  if (!field) {
    // Unknown messages are parsed by an empty schema, which keeps nothing of them.
    const bool good = message_body("", close, depth + 1);
    out_->resize(start);
    return good;
  }
  put_varint(field->number << 3 | 2);
  // A length of fixed width, filled in afterwards, spares moving the content.
  const size_t length_at = out_->size();
  out_->append(5, '\0');
  if (!message_body(field->type, close, depth + 1)) return false;
  uint64_t length = out_->size() - length_at - 5;
  if (length > std::numeric_limits<uint32_t>::max()) {
    return fail("a message is larger than 4 GiB", ErrorCode::kTooLarge);
  }
  for (size_t i = 0; i < 5; ++i, length >>= 7) {
    (*out_)[length_at + i] = static_cast<char>((length & 0x7f) | (i < 4 ? 0x80 : 0));
  }
  return true;
}

bool TextParser::escape() {
  const char c = text_[at_++];
  static constexpr char kFrom[] = "abfnrtv\\'\"?";
  static constexpr char kTo[] = "\a\b\f\n\r\t\v\\'\"?";
  if (const char* p = c ? std::strchr(kFrom, c) : nullptr) {
    literal_.push_back(kTo[p - kFrom]);
    return true;
  }
  const auto number = [&](int base, int most) {
    uint32_t code = 0;
    for (int i = 0; i < most && at_ < text_.size(); ++i, ++at_) {
      const int digit = hex_digit(text_[at_]);
      if (digit < 0 || digit >= base) break;
      code = code * base + digit;
    }
    return code;
  };
  if (c >= '0' && c <= '7') {
    --at_;
    literal_.push_back(static_cast<char>(number(8, 3)));
  } else if (c == 'x' || c == 'X') {
    literal_.push_back(static_cast<char>(number(16, 2)));
  } else if (c == 'u' || c == 'U') {
    append_utf8(&literal_, number(16, c == 'u' ? 4 : 8) & 0x1fffff);
  } else {
    return fail("an unknown escape in a string");
  }
  return true;
}

/// One or several adjacent literals into literal_.
bool TextParser::string_literal() {
  literal_.clear();
  for (;;) {
    skip_space();
    if (at_ >= text_.size() || (text_[at_] != '"' && text_[at_] != '\'')) return true;
    const char quote = text_[at_++];
    for (;;) {
      const size_t start = at_;
      while (at_ < text_.size() && text_[at_] != quote && text_[at_] != '\\' &&
             text_[at_] != '\n') {
        ++at_;
      }
      literal_.append(text_.substr(start, at_ - start));
      if (at_ >= text_.size()) return unexpected("the text ends inside a string");
      if (text_[at_] == '\n') return fail("a string without its closing quote");
      const char c = text_[at_++];
      if (c == quote) break;
      if (at_ >= text_.size()) return unexpected("the text ends inside a string");
      if (!escape()) return false;
    }
  }
}

bool parse_integer(std::string_view word, uint64_t* bits) {
  const bool negative = !word.empty() && word[0] == '-';
  if (negative) word.remove_prefix(1);
  int base = 10;
  if (word.size() > 2 && word[0] == '0' && (word[1] == 'x' || word[1] == 'X')) {
    base = 16;
    word.remove_prefix(2);
  } else if (word.size() > 1 && word[0] == '0') {
    base = 8;
    word.remove_prefix(1);
  }
  uint64_t v = 0;
  const auto [end, fault] = std::from_chars(word.data(), word.data() + word.size(), v, base);
  if (fault != std::errc() || end != word.data() + word.size()) return false;
  *bits = negative ? -v : v;
  return true;
}

template <typename Real>
bool parse_real(std::string_view word, Real* value) {
  bool negative = false;
  if (!word.empty() && (word[0] == '-' || word[0] == '+')) {
    negative = word[0] == '-';
    word.remove_prefix(1);
  }
  if (!word.empty() && (word.back() == 'f' || word.back() == 'F') && word != "inf") {
    word.remove_suffix(1);
  }
  std::string lower(word.substr(0, 16));
  for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  if (lower == "inf" || lower == "infinity") {
    *value = std::numeric_limits<Real>::infinity();
  } else if (lower == "nan") {
    *value = std::numeric_limits<Real>::quiet_NaN();
  } else {
    const auto [end, fault] = std::from_chars(word.data(), word.data() + word.size(), *value);
    if (end != word.data() + word.size() || fault == std::errc::invalid_argument) return false;
    if (fault ==
        std::errc::result_out_of_range) {  // too large or too small: as the compiler rounds
      const double wide = std::strtod(std::string(word).c_str(), nullptr);
      *value = static_cast<Real>(wide);
    }
  }
  if (negative) *value = -*value;
  return true;
}

bool TextParser::scalar(const TextField* field) {
  const char first = text_[at_];
  if (first == '"' || first == '\'') {
    if (!string_literal()) return false;
    if (!field) return true;
    if (field->kind != TextKind::kString) return fail("a string where another value was expected");
    put_varint(field->number << 3 | 2);
    put_varint(literal_.size());
    out_->append(literal_);
    return true;
  }
  std::string_view w = word();
  if (w == "-" || w == "+") {  // a sign may stand apart
    const size_t start = at_ - 1;
    if (word().empty()) return unexpected("a value was expected");
    literal_.assign(1, text_[start]);
    const std::string_view rest = text_.substr(start + 1, at_ - start - 1);
    literal_ += rest.substr(rest.find_first_not_of(" \t\r\n\v\f"));
    w = literal_;
  }
  if (w.empty()) return unexpected("a value was expected");
  if (!field) return true;
  switch (field->kind) {
    case TextKind::kVarint: {
      uint64_t bits = 0;
      if (w == "true" || w == "True" || w == "t") {
        bits = 1;
      } else if (w != "false" && w != "False" && w != "f" && !parse_integer(w, &bits)) {
        return fail("an integer was expected");
      }
      put_varint(field->number << 3 | 0);
      put_varint(bits);
      return true;
    }
    case TextKind::kEnum: {
      uint64_t bits = 0;
      if (!parse_integer(w, &bits)) {
        const int64_t number = text_enumerator(w);
        if (number < 0) return fail("an unknown enumerator");
        bits = static_cast<uint64_t>(number);
      }
      put_varint(field->number << 3 | 0);
      put_varint(bits);
      return true;
    }
    case TextKind::kFloat: {
      float v = 0;
      if (!parse_real(w, &v)) return fail("a number was expected");
      put_varint(field->number << 3 | 5);
      put_fixed(&v, sizeof v);
      return true;
    }
    case TextKind::kDouble: {
      double v = 0;
      if (!parse_real(w, &v)) return fail("a number was expected");
      put_varint(field->number << 3 | 1);
      put_fixed(&v, sizeof v);
      return true;
    }
    case TextKind::kFixed32: {
      uint64_t bits = 0;
      if (!parse_integer(w, &bits)) return fail("an integer was expected");
      put_varint(field->number << 3 | 5);
      put_fixed(&bits, 4);
      return true;
    }
    case TextKind::kFixed64: {
      uint64_t bits = 0;
      if (!parse_integer(w, &bits)) return fail("an integer was expected");
      put_varint(field->number << 3 | 1);
      put_fixed(&bits, 8);
      return true;
    }
    case TextKind::kString: return fail("a quoted string was expected");
    case TextKind::kMessage: return fail("a message in braces was expected");
  }
  return false;
}

}  // namespace

Result<std::string> text_to_wire(std::string_view text, std::string_view message) {
  std::string wire;
  TextParser parser(text, &wire);
  if (!parser.message_body(message, '\0', 0)) return parser.error();
  return wire;
}

}  // namespace pumice
