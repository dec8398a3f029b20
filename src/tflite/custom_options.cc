#include "tflite/custom_options.h"

#include <type_traits>

#include <flatbuffers/flexbuffers.h>

namespace pumice {
namespace {

template <typename T>
struct IsVector : std::false_type {};
template <typename T>
struct IsVector<std::vector<T>> : std::true_type {};

template <typename T>
constexpr bool kIsPlain =
    std::is_same_v<T, bool> || std::is_same_v<T, int64_t> || std::is_same_v<T, float> ||
    std::is_same_v<T, std::string> || std::is_same_v<T, DType>;

template <typename T>
void add(flexbuffers::Builder& builder, const T& value) {
  if constexpr (std::is_same_v<T, bool>)
    builder.Bool(value);
  else if constexpr (std::is_same_v<T, int64_t>)
    builder.Int(value);
  else if constexpr (std::is_same_v<T, float>)
    builder.Float(value);
  else if constexpr (std::is_same_v<T, std::string>)
    builder.String(value);
  else if constexpr (std::is_same_v<T, DType>)
    builder.String(std::string(dtype_name(value)));
}

/// Shapes, constants, functions and lists of these stay out.
template <typename T>
void add_entry(flexbuffers::Builder& builder, const char* key, const T& value) {
  if constexpr (kIsPlain<T>) {
    builder.Key(key);
    add(builder, value);
  } else if constexpr (IsVector<T>::value) {
    if constexpr (kIsPlain<typename T::value_type>) {
      builder.Key(key);
      builder.Vector([&] {
        for (const auto& element : value) add(builder, element);
      });
    }
  }
}

}  // namespace

std::string custom_options(const Attributes& attributes) {
  flexbuffers::Builder builder;
  builder.Map([&] {
    for (const auto& [name, attribute] : attributes) {
      const char* key = name.c_str();
      std::visit([&](const auto& value) { add_entry(builder, key, value); }, attribute);
    }
  });
  builder.Finish();
  const auto& bytes = builder.GetBuffer();
  return std::string(bytes.begin(), bytes.end());
}

}  // namespace pumice
