#include "doctor/versions.h"

#include <algorithm>
#include <charconv>

namespace pumice {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

bool satisfies_clause(const PythonVersion& version, std::string_view clause) {
  size_t length = 0;
  while (length < clause.size() &&
         std::string_view("<>=!~").find(clause[length]) != std::string_view::npos)
    ++length;
  const std::string_view op = clause.substr(0, length);
  std::string_view wanted_text = trimmed(clause.substr(length));
  const bool prefix = wanted_text.size() > 2 && wanted_text.substr(wanted_text.size() - 2) == ".*";
  if (prefix) wanted_text.remove_suffix(2);
  const PythonVersion wanted = parse_version(wanted_text);
  if (wanted.release.empty()) return true;
  // Only the first `count` numbers, for ==2.13.* and ~=2.13.1.
  auto starts_like = [&](size_t count) {
    for (size_t i = 0; i < count; ++i) {
      const int have = i < version.release.size() ? version.release[i] : 0;
      if (have != wanted.release[i]) return false;
    }
    return true;
  };
  const int order = version.compare(wanted);
  if (op == "==") return prefix ? starts_like(wanted.release.size()) : order == 0;
  if (op == "!=") return prefix ? !starts_like(wanted.release.size()) : order != 0;
  if (op == ">=") return order >= 0;
  if (op == "<=") return order <= 0;
  if (op == ">") return order > 0;
  if (op == "<") return order < 0;
  if (op == "~=") return order >= 0 && starts_like(wanted.release.size() - 1);
  return true;
}

}  // namespace

int PythonVersion::compare(const PythonVersion& other) const {
  for (size_t i = 0; i < std::max(release.size(), other.release.size()); ++i) {
    const int a = i < release.size() ? release[i] : 0;
    const int b = i < other.release.size() ? other.release[i] : 0;
    if (a != b) return a < b ? -1 : 1;
  }
  return 0;
}

PythonVersion parse_version(std::string_view text) {
  PythonVersion version;
  text = trimmed(text);
  if (!text.empty() && (text[0] == 'v' || text[0] == 'V')) text.remove_prefix(1);
  if (const size_t epoch = text.find('!'); epoch != std::string_view::npos)
    text.remove_prefix(epoch + 1);
  while (!text.empty() && is_digit(text[0]) && version.release.size() < 8) {
    int number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc()) break;
    version.release.push_back(number);
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    if (text.size() < 2 || text[0] != '.' || !is_digit(text[1])) break;
    text.remove_prefix(1);
  }
  const std::string_view rest = text.substr(0, text.find('+'));
  version.development = rest.find("dev") != std::string_view::npos ||
                        rest.find("rc") != std::string_view::npos ||
                        (!rest.empty() && (rest[0] == 'a' || rest[0] == 'b'));
  return version;
}

std::string normalized_name(std::string_view name) {
  std::string normal;
  for (char c : trimmed(name)) {
    if (c == '_' || c == '.') c = '-';
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c != '-' || normal.empty() || normal.back() != '-') normal += c;
  }
  return normal;
}

Requirement parse_requirement(std::string_view text) {
  Requirement requirement;
  if (const size_t marker = text.find(';'); marker != std::string_view::npos) {
    requirement.conditional = true;
    text = text.substr(0, marker);
  }
  text = trimmed(text);
  size_t end = 0;
  while (end < text.size() &&
         std::string_view(" ([<>=!~\t").find(text[end]) == std::string_view::npos)
    ++end;
  requirement.name = normalized_name(text.substr(0, end));
  text.remove_prefix(end);
  if (const size_t extras = text.find(']'); extras != std::string_view::npos)
    text.remove_prefix(extras + 1);
  for (char c : text)
    if (c != '(' && c != ')' && !is_space(c)) requirement.specifiers += c;
  return requirement;
}

bool satisfies(const PythonVersion& version, std::string_view specifiers) {
  while (!specifiers.empty()) {
    const size_t comma = specifiers.find(',');
    if (!satisfies_clause(version, trimmed(specifiers.substr(0, comma)))) return false;
    if (comma == std::string_view::npos) break;
    specifiers.remove_prefix(comma + 1);
  }
  return true;
}

}  // namespace pumice
