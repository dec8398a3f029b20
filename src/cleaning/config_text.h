// Keras configurations as text: parts are cut out or replaced, everything else stays to the letter.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pumice/error.h"

namespace pumice {

/// Where a value stands in a JSON text.
struct JsonSpan {
  size_t begin = 0, end = 0;
};

/// The value under nested member names; nothing where there is none or the text is no JSON.
std::optional<JsonSpan> find_member(std::string_view json,
                                    const std::vector<std::string_view>& path);
/// The value under a JSON pointer ("/config/layers/0/compile_config").
std::optional<JsonSpan> find_pointer(std::string_view json, std::string_view pointer);

/// training_config.optimizer_config; nothing where there is none, or it is null.
std::optional<std::string_view> optimizer_config_text(std::string_view json);

/// The text with the values at `spans` replaced. Spans must not overlap.
std::string replaced(std::string_view text, std::vector<std::pair<JsonSpan, std::string>> spans);

}  // namespace pumice
