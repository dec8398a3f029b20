#include "formats/json/reader.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "formats/utf8.h"

namespace pumice {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The end of the number that begins at `at`; `at` itself where there is none.
size_t number_end(std::string_view text, size_t at) {
  size_t i = at;
  const auto digits = [&] {
    const size_t start = i;
    while (i < text.size() && is_digit(text[i])) ++i;
    return i > start;
  };
  if (i < text.size() && text[i] == '-') ++i;
  const bool zero = i < text.size() && text[i] == '0';
  if (zero) {
    ++i;
  } else if (!digits()) {
    return at;
  }
  if (i < text.size() && text[i] == '.') {
    ++i;
    if (!digits()) return at;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
    if (!digits()) return at;
  }
  return i;
}

double parse_real(std::string_view number) {
  double value = 0;
  const auto [end, fault] = std::from_chars(number.data(), number.data() + number.size(), value);
  // Beyond the range: infinity or zero, as every other JSON parser rounds.
  if (fault == std::errc::result_out_of_range)
    return std::strtod(std::string(number).c_str(), nullptr);
  return value;
}

}  // namespace

bool parse_json_integer(std::string_view number, int64_t* value) {
  const char* end = number.data() + number.size();
  const auto [p, fault] = std::from_chars(number.data(), end, *value);
  if (fault == std::errc() && p == end) return true;
  if (number.empty() || number_end(number, 0) != number.size()) return false;
  const double real = parse_real(number);
  if (!(std::fabs(real) <= 9007199254740992.0) || real != std::floor(real)) return false;
  *value = static_cast<int64_t>(real);
  return true;
}

JsonReader::JsonReader(std::string_view text) : text_(text) {
  if (text_.starts_with("\xef\xbb\xbf")) at_ = 3;
}

void JsonReader::fail(const char* what, ErrorCode code) {
  if (what_) return;
  what_ = what;
  code_ = code;
}

void JsonReader::unexpected(const char* what) {
  fail(what, at_ >= text_.size() ? ErrorCode::kTruncated : ErrorCode::kMalformed);
}

Status JsonReader::status() const {
  if (ok()) return {};
  const std::string_view before = text_.substr(0, std::min(at_, text_.size()));
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const size_t newline = before.rfind('\n');
  const size_t column = before.size() - (newline == std::string_view::npos ? 0 : newline + 1) + 1;
  Error error(code_, "line " + std::to_string(line) + ", column " + std::to_string(column) + ": " +
                         (code_ == ErrorCode::kTruncated ? "the JSON text ends too early; " : "") +
                         what_);
  if (code_ != ErrorCode::kTruncated) return error;
  return std::move(error).hint("The file is probably incomplete: copy or download it again.");
}

void JsonReader::skip_space() {
  while (at_ < text_.size() &&
         (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t')) {
    ++at_;
  }
}

bool JsonReader::accept(char c) {
  skip_space();
  if (at_ >= text_.size() || text_[at_] != c) return false;
  ++at_;
  return true;
}

JsonKind JsonReader::kind() {
  if (!ok()) return JsonKind::kNone;
  skip_space();
  if (at_ >= text_.size()) return JsonKind::kNone;
  switch (text_[at_]) {
    case '{': return JsonKind::kObject;
    case '[': return JsonKind::kArray;
    case '"': return JsonKind::kString;
    case 't':
    case 'f': return JsonKind::kBoolean;
    case 'n': return JsonKind::kNull;
    default: return text_[at_] == '-' || is_digit(text_[at_]) ? JsonKind::kNumber : JsonKind::kNone;
  }
}

void JsonReader::begin(char bracket, const char* what) {
  if (!ok()) return;
  if (!accept(bracket)) return unexpected(what);
  if (++depth_ > kMaxDepth) return fail("values are nested too deeply", ErrorCode::kTooLarge);
  fresh_ = true;
}

void JsonReader::begin_object() { begin('{', "an object was expected"); }
void JsonReader::begin_array() { begin('[', "an array was expected"); }

/// True before a further member or element.
bool JsonReader::end_or_comma(char bracket) {
  if (!ok()) return false;
  if (accept(bracket)) {
    --depth_;
    fresh_ = false;
    return false;
  }
  if (!fresh_ && !accept(',')) {
    unexpected(bracket == '}' ? "',' or '}' was expected" : "',' or ']' was expected");
    return false;
  }
  fresh_ = false;
  return true;
}

bool JsonReader::next_member(std::string* key) {
  if (!end_or_comma('}')) return false;
  if (kind() != JsonKind::kString) {
    unexpected("a member's name was expected");
    return false;
  }
  *key = string();
  if (ok() && !accept(':')) unexpected("':' was expected");
  return ok();
}

bool JsonReader::next_element() { return end_or_comma(']'); }

uint32_t JsonReader::hex4() {
  uint32_t code = 0;
  if (text_.size() - at_ < 4) {
    at_ = text_.size();
    unexpected("a string without its closing quote");
    return 0;
  }
  const char* start = text_.data() + at_;
  const auto [end, fault] = std::from_chars(start, start + 4, code, 16);
  if (fault != std::errc() || end != start + 4) fail("an escape that is no \\uXXXX");
  at_ += 4;
  return code;
}

bool JsonReader::escape(std::string* out) {
  static constexpr std::string_view kFrom = "\"\\/bfnrt", kTo = "\"\\/\b\f\n\r\t";
  const char c = text_[at_++];
  if (const size_t i = kFrom.find(c); i != std::string_view::npos) {
    out->push_back(kTo[i]);
    return true;
  }
  if (c != 'u') {
    fail("an unknown escape in a string");
    return false;
  }
  uint32_t code = hex4();
  if (code >= 0xd800 && code < 0xdc00 && text_.substr(at_, 2) == "\\u") {
    at_ += 2;
    const uint32_t low = hex4();
    if (low >= 0xdc00 && low < 0xe000) {
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
  }
  if (code >= 0xd800 && code < 0xe000) fail("half of a surrogate pair in a string");
  if (ok()) append_utf8(out, code);
  return ok();
}

std::string JsonReader::string() {
  std::string out;
  if (!ok()) return out;
  if (!accept('"')) {
    unexpected("a string was expected");
    return out;
  }
  for (;;) {
    const size_t start = at_;
    while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' &&
           static_cast<unsigned char>(text_[at_]) >= 32) {
      ++at_;
    }
    out.append(text_.substr(start, at_ - start));
    if (at_ < text_.size() && text_[at_] == '"') {
      ++at_;
      return out;
    }
    if (at_ < text_.size() && text_[at_] == '\\' && ++at_ < text_.size()) {
      if (escape(&out)) continue;
    } else {
      unexpected(at_ < text_.size() ? "a control character in a string"
                                    : "a string without its closing quote");
    }
    return {};
  }
}

std::string_view JsonReader::number() {
  if (!ok()) return {};
  skip_space();
  const size_t end = number_end(text_, at_);
  if (end == at_) {
    // What is cut off inside a number is truncated.
    if (text_.find_first_not_of("0123456789+-.eE", at_) == std::string_view::npos) {
      at_ = text_.size();
    }
    unexpected("a number was expected");
    return {};
  }
  const std::string_view number = text_.substr(at_, end - at_);
  at_ = end;
  // A number that the text's end cuts off looks like a shorter one.
  if (at_ == text_.size() && depth_ > 0) unexpected("a number without what follows it");
  return number;
}

int64_t JsonReader::integer() {
  int64_t value = 0;
  const std::string_view text = number();
  if (ok() && !parse_json_integer(text, &value)) fail("an integer was expected");
  return value;
}

double JsonReader::real() {
  const std::string_view text = number();
  return ok() ? parse_real(text) : 0;
}

bool JsonReader::take_word(std::string_view word) {
  if (text_.substr(at_, word.size()) != word) {
    // What is cut off inside the word is truncated.
    if (word.starts_with(text_.substr(at_))) at_ = text_.size();
    unexpected("a value was expected");
    return false;
  }
  at_ += word.size();
  return true;
}

bool JsonReader::boolean() {
  if (kind() != JsonKind::kBoolean) {
    unexpected("true or false was expected");
    return false;
  }
  const bool value = text_[at_] == 't';
  return take_word(value ? "true" : "false") && value;
}

void JsonReader::skip() {
  std::string key;
  switch (kind()) {
    case JsonKind::kNone: return unexpected("a value was expected");
    case JsonKind::kNull: take_word("null"); return;
    case JsonKind::kBoolean: boolean(); return;
    case JsonKind::kNumber: number(); return;
    case JsonKind::kString: string(); return;
    case JsonKind::kArray:
      begin_array();
      while (next_element()) skip();
      return;
    case JsonKind::kObject:
      begin_object();
      while (next_member(&key)) skip();
      return;
  }
}

void JsonReader::finish() {
  if (!ok()) return;
  skip_space();
  if (at_ != text_.size()) fail("more text behind the end of the JSON value");
}

}  // namespace pumice
