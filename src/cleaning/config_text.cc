#include "cleaning/config_text.h"

#include <algorithm>

#include "formats/json/reader.h"

namespace pumice {
namespace {

std::string unescaped(std::string_view token) {
  std::string out;
  for (size_t i = 0; i < token.size(); ++i) {
    if (token[i] == '~' && i + 1 < token.size()) {
      out += token[++i] == '1' ? '/' : '~';
    } else {
      out += token[i];
    }
  }
  return out;
}

/// Steps down one token each; the reader is left before the value.
bool descend(JsonReader* r, const std::vector<std::string>& tokens) {
  for (const std::string& token : tokens) {
    bool found = false;
    if (r->kind() == JsonKind::kObject) {
      std::string key;
      r->begin_object();
      while (!found && r->next_member(&key)) {
        if (key == token) {
          found = true;
        } else {
          r->skip();
        }
      }
    } else if (r->kind() == JsonKind::kArray) {
      size_t index = 0;
      r->begin_array();
      while (!found && r->next_element()) {
        if (std::to_string(index++) == token) {
          found = true;
        } else {
          r->skip();
        }
      }
    }
    if (!found || !r->ok()) return false;
  }
  return true;
}

std::optional<JsonSpan> find(std::string_view json, const std::vector<std::string>& tokens) {
  JsonReader r(json);
  if (!descend(&r, tokens)) return std::nullopt;
  JsonSpan span;
  if (r.kind() == JsonKind::kNone) return std::nullopt;
  span.begin = r.position();
  r.skip();
  span.end = r.position();
  if (!r.ok()) return std::nullopt;
  while (span.end > span.begin &&
         std::string_view(" \t\r\n").find(json[span.end - 1]) != std::string_view::npos)
    --span.end;
  return span;
}

}  // namespace

std::optional<JsonSpan> find_member(std::string_view json,
                                    const std::vector<std::string_view>& path) {
  return find(json, {path.begin(), path.end()});
}

std::optional<JsonSpan> find_pointer(std::string_view json, std::string_view pointer) {
  std::vector<std::string> tokens;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    const size_t slash = std::min(pointer.find('/'), pointer.size());
    tokens.push_back(unescaped(pointer.substr(0, slash)));
    pointer.remove_prefix(slash);
  }
  return find(json, tokens);
}

std::optional<std::string_view> optimizer_config_text(std::string_view json) {
  const auto span = find_member(json, {"training_config", "optimizer_config"});
  if (!span) return std::nullopt;
  const std::string_view text = json.substr(span->begin, span->end - span->begin);
  if (text == "null") return std::nullopt;
  return text;
}

std::string replaced(std::string_view text, std::vector<std::pair<JsonSpan, std::string>> spans) {
  std::sort(spans.begin(), spans.end(),
            [](const auto& a, const auto& b) { return a.first.begin < b.first.begin; });
  std::string out;
  size_t at = 0;
  for (const auto& [span, with] : spans) {
    out.append(text.substr(at, span.begin - at)).append(with);
    at = span.end;
  }
  return out.append(text.substr(at));
}

}  // namespace pumice
