#include "report/json.h"

#include <cstdio>

namespace pumice {
namespace {

Json tensors(const std::vector<SignatureTensor>& list) {
  Json json = Json::array();
  for (const SignatureTensor& t : list) {
    Json shape = nullptr;
    if (t.shape.known_rank()) shape = t.shape.sizes_or_minus_one();
    json.push_back({{"name", t.name}, {"dtype", dtype_name(t.dtype)}, {"shape", shape}});
  }
  return json;
}

}  // namespace

Json to_json(const GraphStatistics& s) {
  Json ops = Json::object();
  for (const auto& [name, count] : s.ops) ops[name] = count;
  return {{"nodes", s.nodes}, {"parameters", s.parameters}, {"bytes", s.bytes}, {"ops", ops}};
}

Json to_json(const std::vector<Signature>& signatures) {
  Json json = Json::array();
  for (const Signature& s : signatures)
    json.push_back(
        {{"key", s.key}, {"inputs", tensors(s.inputs)}, {"outputs", tensors(s.outputs)}});
  return json;
}

std::string dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string bytes_text(uint64_t bytes) {
  char text[32];
  if (bytes < 1000) {
    std::snprintf(text, sizeof text, "%d bytes", static_cast<int>(bytes));
  } else if (bytes < 1000000) {
    std::snprintf(text, sizeof text, "%.1f KB", static_cast<double>(bytes) / 1e3);
  } else {
    std::snprintf(text, sizeof text, "%.1f MB", static_cast<double>(bytes) / 1e6);
  }
  return text;
}

std::string signature_text(const Signature& signature) {
  std::string text = "  signature " + signature.key + "\n";
  auto line = [&](const char* what, const std::vector<SignatureTensor>& list) {
    for (const SignatureTensor& t : list)
      text += std::string("    ") + what + " " + t.name + ": " + std::string(dtype_name(t.dtype)) +
              " " + to_string(t.shape) + "\n";
  };
  line("in ", signature.inputs);
  line("out", signature.outputs);
  return text;
}

}  // namespace pumice
