#include "formats/hdf5/tree.h"

#include <algorithm>
#include <cstring>

#include "formats/file.h"
#include "graph/shape.h"

namespace pumice {
namespace {

/// The datatype message of variable-length strings in UTF-8: a sequence of one-byte characters that
/// is marked as text.
std::string variable_text_message() {
  const char base[] =
      "\x13\x00\x00\x00\x01\x00\x00\x00";  // class string, version 1, 1 byte, ends at NUL
  std::string message("\x19\x01\x01\x00\x10\x00\x00\x00",
                      8);  // variable-length, text, UTF-8; 16 bytes
  message.append(base, 8);
  return message;
}

/// Strings of `size` bytes, padded with NULs, ASCII.
std::string fixed_text_message(uint32_t size) {
  std::string message("\x13\x01\x00\x00", 4);
  for (int shift = 0; shift < 32; shift += 8) message.push_back(static_cast<char>(size >> shift));
  return message;
}

std::pair<std::string_view, std::string_view> split_first(std::string_view path) {
  const size_t slash = path.find('/');
  if (slash == std::string_view::npos) return {path, {}};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

std::pair<std::string_view, std::string_view> split_last(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {{}, path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

/// Where a link of this name is, or would be.
auto position(std::vector<Hdf5Link>& links, std::string_view name) {
  return std::lower_bound(links.begin(), links.end(), name,
                          [](const Hdf5Link& l, std::string_view n) { return l.name < n; });
}

bool has(std::vector<Hdf5Link>& links, std::string_view name) {
  const auto at = position(links, name);
  return at != links.end() && at->name == name;
}

}  // namespace

uint64_t Hdf5Data::elements() const {
  if (null) return 0;
  const auto count = element_count(dims);
  return count && *count >= 0 ? static_cast<uint64_t>(*count) : 0;
}

uint64_t Hdf5Data::byte_size() const { return elements() * type.size; }

Result<Bytes> Hdf5Data::load() const {
  if (chunks) return chunks->load();
  return bytes;
}

std::optional<double> Hdf5Data::number(uint64_t index) const {
  if (type.kind != Hdf5Type::Kind::kNumber || type.dtype == DType::kInvalid || index >= elements())
    return std::nullopt;
  const auto loaded = load();
  const size_t size = element_size(type.dtype);
  if (!loaded.ok() || size == 0 || loaded->size() / size <= index) return std::nullopt;
  return Tensor(type.dtype, {}, loaded->slice(index * size, size)).number_at(0);
}

std::optional<std::vector<std::string>> Hdf5Data::strings() const {
  std::vector<std::string> out;
  if (type.kind == Hdf5Type::Kind::kVariable && type.text) {
    for (const Piece& piece : pieces) {
      // What the length says, without the NULs that some writers count in.
      std::string text(as_text(piece.bytes.view()));
      while (!text.empty() && text.back() == '\0') text.pop_back();
      out.push_back(std::move(text));
    }
    return out;
  }
  if (type.kind != Hdf5Type::Kind::kText || type.size == 0) return std::nullopt;
  const auto loaded = load();
  if (!loaded.ok()) return std::nullopt;
  const std::string_view all = as_text(loaded->view());
  const bool spaces =
      !type.message.empty() && type.message.size() > 1 && (type.message[1] & 15) == 2;
  for (size_t at = 0; at + type.size <= all.size(); at += type.size) {
    std::string_view text = all.substr(at, type.size);
    if (spaces) {
      while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    } else {
      text = text.substr(0, text.find('\0'));
    }
    out.emplace_back(text);
  }
  return out;
}

Hdf5Data Hdf5Data::of_text(std::string_view text) {
  Hdf5Data data;
  data.type = {Hdf5Type::Kind::kVariable, 16, DType::kInvalid, true, variable_text_message()};
  const auto raw = std::as_bytes(std::span<const char>(text.data(), text.size()));
  data.pieces.push_back({Bytes::own({raw.begin(), raw.end()}), static_cast<uint32_t>(text.size())});
  return data;
}

Hdf5Data Hdf5Data::of_names(const std::vector<std::string>& names) {
  size_t longest = 1;  // HDF5 has no strings of no bytes
  for (const std::string& name : names) longest = std::max(longest, name.size());
  std::vector<std::byte> bytes(longest * names.size());
  for (size_t i = 0; i < names.size(); ++i)
    if (!names[i].empty())
      std::memcpy(bytes.data() + i * longest, names[i].data(), names[i].size());
  Hdf5Data data;
  const auto size = static_cast<uint32_t>(longest);
  data.type = {Hdf5Type::Kind::kText, size, DType::kInvalid, true, fixed_text_message(size)};
  data.dims = {static_cast<int64_t>(names.size())};
  data.bytes = Bytes::own(std::move(bytes));
  return data;
}

const Hdf5Attribute* Hdf5Object::attribute(std::string_view name) const {
  for (const Hdf5Attribute& a : attributes)
    if (a.name == name) return &a;
  return nullptr;
}

std::optional<std::string> Hdf5Object::text_attribute(std::string_view name) const {
  const Hdf5Attribute* found = attribute(name);
  if (!found) return std::nullopt;
  auto strings = found->data.strings();
  if (!strings || strings->empty()) return std::nullopt;
  return std::move(strings->front());
}

void Hdf5Object::set_attribute(const std::string& name, Hdf5Data value) {
  for (Hdf5Attribute& a : attributes) {
    if (a.name != name) continue;
    a.data = std::move(value);
    return;
  }
  attributes.push_back({name, std::move(value)});
}

bool Hdf5Object::remove_attribute(std::string_view name) {
  return std::erase_if(attributes, [&](const Hdf5Attribute& a) { return a.name == name; }) > 0;
}

Hdf5Object* Hdf5Object::find(std::string_view path) {
  Hdf5Object* at = this;
  while (!path.empty()) {
    const auto [name, rest] = split_first(path);
    const auto link = position(at->links, name);
    if (link == at->links.end() || link->name != name) return nullptr;
    at = &link->object;
    path = rest;
  }
  return at;
}

const Hdf5Object* Hdf5Object::find(std::string_view path) const {
  return const_cast<Hdf5Object*>(this)->find(path);
}

bool Hdf5Object::remove(std::string_view path) {
  const auto [folder, name] = split_last(path);
  Hdf5Object* parent = find(folder);
  if (!parent || name.empty() || !has(parent->links, name)) return false;
  parent->links.erase(position(parent->links, name));
  return true;
}

bool Hdf5Object::rename(std::string_view path, const std::string& new_name) {
  const auto [folder, name] = split_last(path);
  Hdf5Object* parent = find(folder);
  if (!parent || new_name.empty() || new_name.find('/') != std::string::npos) return false;
  if (!has(parent->links, name) || has(parent->links, new_name)) return false;
  const auto old = position(parent->links, name);
  Hdf5Link link{new_name, std::move(old->object)};
  parent->links.erase(old);
  parent->links.insert(position(parent->links, new_name), std::move(link));
  return true;
}

bool Hdf5Object::insert(std::string_view path, Hdf5Object object) {
  Hdf5Object* at = this;
  while (true) {
    const auto [name, rest] = split_first(path);
    if (at->dataset || name.empty()) return false;
    auto link = position(at->links, name);
    const bool there = link != at->links.end() && link->name == name;
    if (rest.empty()) {
      if (there) return false;
      at->links.insert(link, {std::string(name), std::move(object)});
      return true;
    }
    if (!there) link = at->links.insert(link, {std::string(name), {}});
    at = &link->object;
    path = rest;
  }
}

}  // namespace pumice
