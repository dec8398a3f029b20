#include "formats/tfjs/manifest.h"

#include <cmath>
#include <unordered_set>

namespace pumice {
namespace {

Error bad_weight(const TfjsWeight& weight, std::string what) {
  return Error(ErrorCode::kMalformed, std::move(what)).at(weight.name, "weight");
}

/// A manifest comes from anywhere: it must not make pumice read files outside the model's folder.
bool stays_in_folder(std::string_view path) {
  if (path.empty() || path.front() == '/' || path.find('\\') != std::string_view::npos ||
      path.find('\0') != std::string_view::npos) {
    return false;
  }
  for (size_t at = 0; at <= path.size();) {
    const size_t end = std::min(path.find('/', at), path.size());
    if (path.substr(at, end - at) == "..") return false;
    at = end + 1;
  }
  return true;
}

Result<TfjsWeight::Quantization> read_quantization(JsonReader* json, const TfjsWeight& weight) {
  std::string key, dtype;
  std::optional<double> scale, minimum;
  json->begin_object();
  while (json->next_member(&key)) {
    if (key == "dtype") {
      dtype = json->string();
    } else if (key == "scale") {
      scale = json->real();
    } else if (key == "min") {
      minimum = json->real();
    } else {
      json->skip();
    }
  }
  PUMICE_CHECK(json->status());
  TfjsWeight::Quantization quantization;
  quantization.stored = dtype_from_name(dtype);
  if (quantization.stored == DType::kFloat16) return quantization;
  if (quantization.stored != DType::kUInt8 && quantization.stored != DType::kUInt16) {
    return bad_weight(weight, "the weight has an unknown quantization")
        .expected("uint8, uint16 or float16")
        .found("'" + dtype + "'");
  }
  if (!scale || !minimum || !std::isfinite(*scale) || !std::isfinite(*minimum)) {
    return bad_weight(weight, "the weight's quantization does not say what its values stand for")
        .expected("scale and min, both finite")
        .found(scale && minimum ? "an infinite one"
               : !scale         ? "no scale"
                                : "no min");
  }
  quantization.scale = *scale;
  quantization.minimum = *minimum;
  return quantization;
}

/// What a quantized weight may stand for, as TensorFlow.js reads it.
bool quantizes(DType stored, DType dtype) {
  return dtype == DType::kFloat32 || (dtype == DType::kInt32 && stored != DType::kFloat16);
}

Result<TfjsWeight> read_weight(JsonReader* json) {
  TfjsWeight weight;
  std::string key, dtype;
  bool has_shape = false;
  std::optional<JsonReader> quantization;
  json->begin_object();
  while (json->next_member(&key)) {
    if (key == "name") {
      weight.name = json->string();
    } else if (key == "dtype") {
      dtype = json->string();
    } else if (key == "shape") {
      has_shape = true;
      weight.dims.clear();
      json->begin_array();
      while (json->next_element()) weight.dims.push_back(json->integer());
    } else {
      // The name, which its faults mention, may come behind it.
      if (key == "quantization" && json->kind() != JsonKind::kNull) quantization = *json;
      json->skip();
    }
  }
  PUMICE_CHECK(json->status());
  if (weight.name.empty()) return Error(ErrorCode::kMalformed, "a weight has no name");
  weight.dtype = dtype_from_name(dtype);
  if (weight.dtype != DType::kString && element_size(weight.dtype) == 0) {
    return bad_weight(weight, "the weight has an unknown dtype").found("'" + dtype + "'");
  }
  const auto elements = element_count(weight.dims);
  if (!has_shape || !elements) {
    return bad_weight(weight, "the weight's shape is impossible")
        .found(has_shape ? to_string(weight.dims) : "none");
  }
  weight.elements = *elements;
  if (quantization) {
    PUMICE_TRY(weight.quantization, read_quantization(&*quantization, weight));
    if (!quantizes(weight.stored_dtype(), weight.dtype)) {
      return bad_weight(weight, "the weight's quantization does not fit its dtype")
          .expected("float32, or int32 from an integer")
          .found(std::string(dtype_name(weight.dtype)) + " from " +
                 std::string(dtype_name(weight.stored_dtype())));
    }
  }
  return weight;
}

}  // namespace

Result<std::vector<TfjsWeightGroup>> read_tfjs_manifest(JsonReader* json) {
  std::vector<TfjsWeightGroup> groups;
  std::unordered_set<std::string> names, paths;
  std::string key;
  json->begin_array();
  while (json->next_element()) {
    TfjsWeightGroup& group = groups.emplace_back();
    json->begin_object();
    while (json->next_member(&key)) {
      if (key != "paths" && key != "weights") {
        json->skip();
        continue;
      }
      json->begin_array();
      while (json->next_element()) {
        if (key == "weights") {
          PUMICE_TRY(TfjsWeight weight, read_weight(json));
          if (!names.insert(weight.name).second) {
            return bad_weight(weight, "two weights have one name");
          }
          group.weights.push_back(std::move(weight));
          continue;
        }
        std::string path = json->string();
        PUMICE_CHECK(json->status());
        if (!stays_in_folder(path)) {
          return Error(ErrorCode::kMalformed, "a weights file does not stand beside the model")
              .expected("a relative path without '..'")
              .found("'" + path + "'")
              .hint("Put the weights files into the model's folder and name them so.");
        }
        if (!paths.insert(path).second) {
          return Error(ErrorCode::kMalformed, "the manifest names one weights file twice")
              .found("'" + path + "'");
        }
        group.paths.push_back(std::move(path));
      }
    }
  }
  PUMICE_CHECK(json->status());
  return groups;
}

}  // namespace pumice
