#include <algorithm>
#include <limits>
#include <optional>

#include "formats/npz/npz.h"

namespace pumice {
namespace {

Error malformed(std::string message) {
  return Error(ErrorCode::kMalformed, "npy array: " + std::move(message));
}

// NumPy's type code without byte order ("f4"), and ours.
struct TypeCode {
  const char* code;
  DType dtype;
};
constexpr TypeCode kTypeCodes[] = {
    {"f4", DType::kFloat32},   {"f2", DType::kFloat16},     {"f8", DType::kFloat64},
    {"i1", DType::kInt8},      {"i2", DType::kInt16},       {"i4", DType::kInt32},
    {"i8", DType::kInt64},     {"u1", DType::kUInt8},       {"u2", DType::kUInt16},
    {"u4", DType::kUInt32},    {"u8", DType::kUInt64},      {"b1", DType::kBool},
    {"c8", DType::kComplex64}, {"c16", DType::kComplex128},
};

// The header: a Python dictionary of three entries, in a subset of Python's syntax.
class HeaderParser {
 public:
  explicit HeaderParser(std::string_view text) : text_(text) {}

  struct Header {
    std::string descr;
    bool fortran = false;
    Dims dims;
  };

  std::optional<Header> parse() {
    Header h;
    bool descr = false, order = false, shape = false;
    if (!take('{')) return std::nullopt;
    while (!take('}')) {
      std::optional<std::string> key = quoted();
      if (!key || !take(':')) return std::nullopt;
      if (*key == "descr" && !descr) {
        std::optional<std::string> value = quoted();
        if (!value) return std::nullopt;
        h.descr = *value;
        descr = true;
      } else if (*key == "fortran_order" && !order) {
        if (word("True"))
          h.fortran = true;
        else if (!word("False"))
          return std::nullopt;
        order = true;
      } else if (*key == "shape" && !shape) {
        if (!dims(&h.dims)) return std::nullopt;
        shape = true;
      } else {
        return std::nullopt;
      }
      if (!take(',') && !peek('}')) return std::nullopt;
    }
    skip_space();
    if (at_ != text_.size() || !descr || !order || !shape) return std::nullopt;
    return h;
  }

 private:
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  bool peek(char c) {
    skip_space();
    return at_ < text_.size() && text_[at_] == c;
  }
  bool take(char c) {
    if (!peek(c)) return false;
    ++at_;
    return true;
  }
  bool word(std::string_view w) {
    skip_space();
    if (text_.substr(at_, w.size()) != w) return false;
    at_ += w.size();
    return true;
  }
  std::optional<std::string> quoted() {
    skip_space();
    if (at_ >= text_.size() || (text_[at_] != '\'' && text_[at_] != '"')) return std::nullopt;
    size_t end = text_.find(text_[at_], at_ + 1);
    if (end == text_.npos) return std::nullopt;
    std::string value(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return value;
  }
  bool dims(Dims* out) {
    if (!take('(')) return false;
    while (!take(')')) {
      skip_space();
      int64_t value = 0;
      size_t begin = at_;
      for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
        if (value > (std::numeric_limits<int64_t>::max() - 9) / 10) return false;
        value = value * 10 + (text_[at_] - '0');
      }
      if (at_ == begin || out->size() >= 64) return false;
      (void)word("L");  // Python 2 wrote long integers so
      out->push_back(value);
      if (!take(',') && !peek(')')) return false;
    }
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
};

// Code points of NumPy's UTF-32 strings as UTF-8; trailing zeros are padding.
std::string utf8_of(const std::byte* data, size_t characters, bool big) {
  std::string out;
  for (size_t i = 0; i < characters; ++i) {
    uint32_t c = 0;
    for (int b = 0; b < 4; ++b) {
      uint32_t byte = std::to_integer<uint32_t>(data[4 * i + b]);
      c |= byte << (8 * (big ? 3 - b : b));
    }
    if (c == 0) break;
    if (c > 0x10ffff) c = 0xfffd;
    if (c < 0x80) {
      out += static_cast<char>(c);
    } else if (c < 0x800) {
      out += static_cast<char>(0xc0 | (c >> 6));
      out += static_cast<char>(0x80 | (c & 63));
    } else if (c < 0x10000) {
      out += static_cast<char>(0xe0 | (c >> 12));
      out += static_cast<char>(0x80 | ((c >> 6) & 63));
      out += static_cast<char>(0x80 | (c & 63));
    } else {
      out += static_cast<char>(0xf0 | (c >> 18));
      out += static_cast<char>(0x80 | ((c >> 12) & 63));
      out += static_cast<char>(0x80 | ((c >> 6) & 63));
      out += static_cast<char>(0x80 | (c & 63));
    }
  }
  return out;
}

Result<Tensor> parse_strings(const HeaderParser::Header& h, int64_t elements, const Bytes& data) {
  const bool wide = h.descr[1] == 'U';
  uint64_t length = 0;
  for (char c : h.descr.substr(2)) {
    if (c < '0' || c > '9' || length > (1 << 28))
      return malformed("a string type without a length");
    length = length * 10 + (c - '0');
  }
  const uint64_t size = wide ? 4 * length : length;
  const uint64_t count = static_cast<uint64_t>(elements);
  // Elements without any byte would make a shape of nothing huge: they are bounded by the file too.
  if (size == 0 ? count > data.size() + 1024 : count != data.size() / size || data.size() % size)
    return malformed("the data do not fit the shape");
  std::vector<std::string> strings(count);
  for (uint64_t i = 0; i < count; ++i) {
    const std::byte* at = data.data() + i * size;
    if (wide) {
      strings[i] = utf8_of(at, length, h.descr[0] == '>');
    } else {
      std::string_view s(reinterpret_cast<const char*>(at), length);
      size_t last = s.find_last_not_of('\0');
      strings[i] = std::string(s.substr(0, last == s.npos ? 0 : last + 1));
    }
  }
  return Tensor::of_strings(h.dims, std::move(strings));
}

// Bytes in the other order, in units of `width`.
Bytes swapped(const Bytes& data, size_t width) {
  std::vector<std::byte> out(data.data(), data.data() + data.size());
  for (size_t i = 0; i + width <= out.size(); i += width)
    std::reverse(out.begin() + i, out.begin() + i + width);
  return Bytes::own(std::move(out));
}

// Column-major data in row-major order.
Bytes row_major(const Bytes& data, const Dims& dims, size_t width) {
  std::vector<std::byte> out(data.size());
  std::vector<size_t> step(dims.size());  // of each dimension in the column-major source
  size_t stride = 1;
  for (size_t d = 0; d < dims.size(); ++d) {
    step[d] = stride;
    stride *= static_cast<size_t>(dims[d]);
  }
  std::vector<int64_t> index(dims.size());
  size_t from = 0;
  for (size_t to = 0; to < out.size(); to += width) {
    std::memcpy(out.data() + to, data.data() + from * width, width);
    for (size_t d = dims.size(); d-- > 0;) {
      from += step[d];
      if (++index[d] < dims[d]) break;
      from -= step[d] * static_cast<size_t>(dims[d]);
      index[d] = 0;
    }
  }
  return Bytes::own(std::move(out));
}

}  // namespace

Result<Tensor> parse_npy(const Bytes& document) {
  std::string_view all(reinterpret_cast<const char*>(document.data()), document.size());
  if (all.size() < 10) return Error(ErrorCode::kTruncated, "npy array: the header is cut short");
  if (all.substr(0, 6) != "\x93NUMPY") return malformed("it does not begin with NumPy's mark");
  const int version = static_cast<unsigned char>(all[6]);
  if (version < 1 || version > 3) {
    return Error(ErrorCode::kUnsupported, "npy array: unknown version of the format")
        .expected("1 to 3")
        .found(std::to_string(version));
  }
  const size_t length_size = version == 1 ? 2 : 4;
  if (all.size() < 8 + length_size)
    return Error(ErrorCode::kTruncated, "npy array: the header is cut short");
  size_t length = 0;
  for (size_t i = 0; i < length_size; ++i)
    length |= size_t{static_cast<unsigned char>(all[8 + i])} << (8 * i);
  const size_t begin = 8 + length_size;
  if (length > all.size() - begin)
    return Error(ErrorCode::kTruncated, "npy array: the header is cut short");
  if (length > 65536) return malformed("the header is too long");
  std::optional<HeaderParser::Header> h = HeaderParser(all.substr(begin, length)).parse();
  if (!h) {
    return Error(ErrorCode::kUnsupported, "npy array: the header is not a plain array's")
        .hint("Structured arrays are not read.");
  }
  if (h->descr.size() < 2 || std::string_view("<>|=").find(h->descr[0]) == std::string_view::npos)
    return malformed("the dtype cannot be understood").found("'" + h->descr + "'");
  std::optional<int64_t> elements = element_count(h->dims);
  if (!elements) return malformed("the shape is too large").found(to_string(h->dims));

  Bytes data = document.slice(begin + length, document.size() - begin - length);
  if (h->descr[1] == 'S' || h->descr[1] == 'U') return parse_strings(*h, *elements, data);
  const auto* type = std::find_if(std::begin(kTypeCodes), std::end(kTypeCodes),
                                  [&](const TypeCode& t) { return h->descr.substr(1) == t.code; });
  if (type == std::end(kTypeCodes)) {
    return Error(ErrorCode::kUnsupported, "npy array: no tensor has this dtype")
        .found("'" + h->descr + "'")
        .hint(h->descr[1] == 'O' ? "Arrays of Python objects are not read." : "");
  }
  const size_t width = element_size(type->dtype);
  if (static_cast<uint64_t>(*elements) != data.size() / width || data.size() % width != 0) {
    return Error(static_cast<uint64_t>(*elements) > data.size() / width ? ErrorCode::kTruncated
                                                                        : ErrorCode::kMalformed,
                 "npy array: the data do not fit the shape")
        .expected(std::to_string(*elements) + " elements of " + std::to_string(width) + " bytes")
        .found(std::to_string(data.size()) + " bytes");
  }
  if (h->descr[0] == '>' && width > 1)
    data = swapped(data, is_complex(type->dtype) ? width / 2 : width);
  if (h->fortran && h->dims.size() > 1) data = row_major(data, h->dims, width);
  return Tensor(type->dtype, std::move(h->dims), std::move(data));
}

Result<std::string> npy_header(DType dtype, const Dims& dims) {
  const auto* type = std::find_if(std::begin(kTypeCodes), std::end(kTypeCodes),
                                  [&](const TypeCode& t) { return t.dtype == dtype; });
  if (type == std::end(kTypeCodes)) {
    return Error(ErrorCode::kUnsupported, "npy array: NumPy has no such dtype")
        .found(std::string(dtype_name(dtype)));
  }
  std::string shape;
  for (int64_t d : dims) shape += std::to_string(d) + (dims.size() == 1 ? "," : ", ");
  if (dims.size() > 1) shape.resize(shape.size() - 2);
  std::string text = std::string("{'descr': '") + (element_size(dtype) == 1 ? '|' : '<') +
                     type->code + "', 'fortran_order': False, 'shape': (" + shape + "), }";
  const size_t unpadded = 10 + text.size() + 1;
  text.append((64 - unpadded % 64) % 64, ' ');
  text += '\n';
  if (text.size() > 0xffff) return Error(ErrorCode::kUnsupported, "npy array: too many dimensions");
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(text.size() & 0xff);
  header += static_cast<char>(text.size() >> 8);
  return header + text;
}

}  // namespace pumice
