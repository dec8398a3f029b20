#include "formats/graph_def/op_outputs.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace pumice {
namespace {

/// Takes the next description ("name", "name*attr", "name#attr") off the front.
std::string_view take_argument(std::string_view* outputs) {
  const size_t space = outputs->find(' ');
  std::string_view argument = outputs->substr(0, space);
  *outputs = space == std::string_view::npos ? std::string_view() : outputs->substr(space + 1);
  return argument;
}

template <typename T>
bool list_length(const Attribute& attribute, uint64_t* length) {
  const auto* list = std::get_if<std::vector<T>>(&attribute);
  if (list) *length = list->size();
  return list != nullptr;
}

/// How many results one output argument stands for.
std::optional<uint64_t> argument_length(std::string_view argument, const Attributes& attributes) {
  const size_t mark = argument.find_first_of("*#");
  if (mark == std::string_view::npos) return 1;
  const std::string_view name = argument.substr(mark + 1);
  if (argument[mark] == '*') {
    const int64_t* n = attributes.find<int64_t>(name);
    if (!n || *n < 0) return std::nullopt;
    return static_cast<uint64_t>(*n);
  }
  const Attribute* list = attributes.find_any(name);
  uint64_t n = 0;
  if (!list) return std::nullopt;
  // An empty list has no element type, so it reads as integers.
  if (list_length<DType>(*list, &n) || list_length<int64_t>(*list, &n)) return n;
  return std::nullopt;
}

}  // namespace

std::optional<std::string_view> find_op_outputs(std::string_view op) {
  const OpOutputs* end = kOpOutputs + kOpOutputsCount;
  const OpOutputs* it =
      std::lower_bound(kOpOutputs, end, op, [](const OpOutputs& entry, std::string_view key) {
        return std::string_view(entry.op) < key;
      });
  if (it == end || it->op != op) return std::nullopt;
  return std::string_view(it->outputs);
}

std::optional<uint64_t> count_results(std::string_view outputs, const Attributes& attributes) {
  uint64_t count = 0;
  while (!outputs.empty()) {
    const auto length = argument_length(take_argument(&outputs), attributes);
    if (!length || __builtin_add_overflow(count, *length, &count)) return std::nullopt;
  }
  return count;
}

std::optional<uint64_t> flat_result(std::string_view outputs, const Attributes& attributes,
                                    std::string_view argument, uint64_t index) {
  uint64_t first = 0;
  while (!outputs.empty()) {
    const std::string_view candidate = take_argument(&outputs);
    const auto length = argument_length(candidate, attributes);
    if (!length) return std::nullopt;
    if (candidate.substr(0, candidate.find_first_of("*#")) == argument) {
      if (index >= *length || __builtin_add_overflow(first, index, &first)) return std::nullopt;
      return first;
    }
    if (__builtin_add_overflow(first, *length, &first)) return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace pumice
