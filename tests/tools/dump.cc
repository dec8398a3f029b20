// Test tool: reads a source and prints what the readers made of it as JSON: the referee scripts
// under tests/formats compare it with what TensorFlow reads from the same files.
//   pumice_dump PATH [--functions] [--text] [--tags a,b]
// Exit status: that of the error (include/pumice/error.h), 0 otherwise.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>

#include <zlib.h>

#include "formats/source.h"

namespace pumice {
namespace {

std::string quoted(std::string_view s) {
  std::string out = "\"";
  for (const unsigned char c : s) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c < 32 || c >= 127) {
      char buffer[8];
      std::snprintf(buffer, sizeof buffer, "\\u%04x", c);  // bytes as Latin-1
      out += buffer;
    } else {
      out += static_cast<char>(c);
    }
  }
  return out + '"';
}

std::string shape_json(const Shape& shape) {
  if (!shape.known_rank()) return "null";
  std::string out = "[";
  for (const int64_t d : shape.sizes_or_minus_one()) {
    if (out.size() > 1) out += ",";
    out += std::to_string(d);
  }
  return out + "]";
}

/// dtype, dims and a CRC-32 of the values; strings are hashed as length, characters.
std::string constant_json(const Constant& constant) {
  uLong crc = crc32(0, nullptr, 0);
  const auto dims = shape_json(Shape(constant.dims()));
  std::string out = "{\"dtype\":" + quoted(dtype_name(constant.dtype())) + ",\"dims\":" + dims;
  if (constant.elements() > (int64_t{1} << 31)) return out + ",\"huge\":true}";
  const Tensor tensor = constant.materialize();
  if (tensor.dtype() == DType::kString) {
    for (const std::string& s : tensor.strings()) {
      const uint64_t n = s.size();
      crc = crc32(crc, reinterpret_cast<const Bytef*>(&n), sizeof n);
      crc = crc32(crc, reinterpret_cast<const Bytef*>(s.data()), static_cast<uInt>(n));
    }
  } else {
    crc = crc32_z(crc, reinterpret_cast<const Bytef*>(tensor.data()), tensor.bytes().size());
  }
  return out + ",\"crc\":" + std::to_string(crc) + "}";
}

std::string graph_json(const Graph& graph) {
  std::string out = "{\"nodes\":[";
  bool first = true;
  for (Node& node : graph) {
    if (!first) out += ",\n";
    first = false;
    out += "{\"name\":" + quoted(node.name) + ",\"op\":" + quoted(node.op) +
           ",\"results\":" + std::to_string(node.result_count()) + ",\"inputs\":[";
    for (size_t i = 0; i < node.operand_count(); ++i) {
      const Value* v = node.operand(i);
      if (i) out += ",";
      out += v ? quoted(v->node()->name + ":" + std::to_string(v->index())) : "null";
    }
    out += "],\"control\":[";
    for (size_t i = 0; i < node.control_inputs.size(); ++i) {
      if (i) out += ",";
      out += quoted(node.control_inputs[i]->name);
    }
    out += "]";
    if (const auto* value = node.attributes.find<Constant>("value")) {
      out += ",\"value\":" + constant_json(*value);
    }
    out += "}";
  }
  return out + "]}";
}

std::string signature_json(const SourceSignature& signature) {
  std::string out = "{\"key\":" + quoted(signature.key) + ",\"method\":" + quoted(signature.method);
  for (const bool inputs : {true, false}) {
    out += inputs ? ",\"inputs\":[" : ",\"outputs\":[";
    bool first = true;
    for (const auto& t : inputs ? signature.inputs : signature.outputs) {
      if (!first) out += ",";
      first = false;
      out += "{\"name\":" + quoted(t.name) +
             ",\"tensor\":" + quoted(t.tensor.node + ":" + std::to_string(t.tensor.result)) +
             ",\"dtype\":" + quoted(dtype_name(t.dtype)) + ",\"shape\":" + shape_json(t.shape) +
             "}";
    }
    out += "]";
  }
  return out + "}";
}

std::string objects_json(const std::vector<ObjectNode>& objects) {
  std::string out = "[";
  for (const ObjectNode& o : objects) {
    if (out.size() > 1) out += ",\n";
    out += "{\"kind\":" + quoted(o.kind) + ",\"identifier\":" + quoted(o.identifier) +
           ",\"name\":" + quoted(o.name) + ",\"children\":[";
    for (size_t i = 0; i < o.children.size(); ++i) {
      out += (i ? ",[" : "[") + quoted(o.children[i].first) + "," +
             std::to_string(o.children[i].second) + "]";
    }
    out += "],\"slots\":" + std::to_string(o.slots.size()) + ",\"attributes\":[";
    for (size_t i = 0; i < o.attributes.size(); ++i) {
      out += (i ? ",[" : "[") + quoted(o.attributes[i].first) + "," +
             quoted(o.attributes[i].second) + "]";
    }
    out += "]}";
  }
  return out + "]";
}

int run(int argc, char** argv) {
  ReadOptions options;
  bool functions = false, text = false, graph = false;
  std::string path;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    if (arg == "--functions") {
      functions = true;
    } else if (arg == "--text") {
      text = true;
    } else if (arg == "--graph") {
      graph = true;
    } else if (arg == "--tags" && i + 1 < argc) {
      options.tags.clear();
      std::string tag;
      for (const char* p = argv[++i];; ++p) {
        if (*p == ',' || *p == '\0') {
          if (!tag.empty()) options.tags.push_back(tag);
          tag.clear();
          if (!*p) break;
        } else {
          tag += *p;
        }
      }
    } else {
      path = arg;
    }
  }
  auto read = read_source(path, options);
  if (!read.ok()) {
    std::fprintf(stderr, "%s: %s\n", error_code_name(read.error().code()),
                 read.error().text().c_str());
    return exit_status(read.error().code());
  }
  Source& source = *read;
  std::string out = "{\"format\":" + quoted(source.format) +
                    ",\"producer\":" + quoted(source.producer) +
                    ",\"bytes\":" + std::to_string(source.bytes) +
                    ",\"nodes\":" + std::to_string(source.graph ? source.graph->node_count() : 0);
  out += ",\"files\":[";
  for (size_t i = 0; i < source.files.size(); ++i) out += (i ? "," : "") + quoted(source.files[i]);
  out += "],\"signatures\":[";
  for (size_t i = 0; i < source.signatures.size(); ++i) {
    out += (i ? "," : "") + signature_json(source.signatures[i]);
  }
  out += "],\n\"variables\":{";
  bool first = true;
  for (const auto& [node, variable] : source.variables) {
    if (!first) out += ",\n";
    first = false;
    out +=
        quoted(node) + ":{\"name\":" + quoted(variable.name) +
        ",\"missing\":" + quoted(variable.missing_because) +
        ",\"shape\":" + shape_json(variable.shape) + ",\"value\":" +
        (variable.initial.dtype() == DType::kInvalid ? "null" : constant_json(variable.initial)) +
        "}";
  }
  out += "},\n\"facts\":{\"objects\":" + objects_json(source.facts.objects) +
         ",\n\"checkpoint_objects\":" + objects_json(source.facts.checkpoint_objects) +
         ",\n\"checkpoint\":[";
  first = true;
  for (const auto& entry : source.facts.checkpoint) {
    if (!first) out += ",\n";
    first = false;
    out += "{\"key\":" + quoted(entry.key) + ",\"dtype\":" + quoted(dtype_name(entry.dtype)) +
           ",\"dims\":" + shape_json(Shape(entry.dims)) +
           ",\"bytes\":" + std::to_string(entry.bytes);
    if (source.facts.checkpoint_value) {
      auto value = source.facts.checkpoint_value(entry.key);
      out += ",\"value\":" +
             (value.ok() ? constant_json(Constant(*value)) : quoted(value.error().text()));
    }
    out += "}";
  }
  out += "],\"documents\":[";
  first = true;
  for (const auto& document : source.facts.documents) {
    if (!first) out += ",\n";
    first = false;
    out += "{\"file\":" + quoted(document.file) + ",\"pointer\":" + quoted(document.pointer) +
           ",\"json\":" + quoted(document.json) + "}";
  }
  out += "],\"collections\":{";
  first = true;
  for (const auto& [name, nodes] : source.facts.collections) {
    if (!first) out += ",\n";
    first = false;
    out += quoted(name) + ":[";
    for (size_t i = 0; i < nodes.size(); ++i) out += (i ? "," : "") + quoted(nodes[i]);
    out += "]";
  }
  out += "},\"warnings\":[";
  for (size_t i = 0; i < source.facts.warnings.size(); ++i) {
    out += (i ? "," : "") + quoted(source.facts.warnings[i]);
  }
  out += "]}";
  if (graph && source.graph) out += ",\n\"graph\":" + graph_json(*source.graph);
  if (functions) {
    out += ",\n\"functions\":{";
    first = true;
    if (source.functions) {
      for (const std::string& name : source.functions->names()) {
        auto body = source.functions->find(name);
        if (!body.ok()) {
          std::fprintf(stderr, "%s: %s\n", error_code_name(body.error().code()),
                       body.error().text().c_str());
          return exit_status(body.error().code());
        }
        if (!first) out += ",\n";
        first = false;
        out += quoted(name) + ":" + graph_json(**body);
      }
    }
    out += "}";
  }
  out += "}\n";
  if (text && source.graph) out = to_text(*source.graph);
  std::fwrite(out.data(), 1, out.size(), stdout);
  return 0;
}

}  // namespace
}  // namespace pumice

int main(int argc, char** argv) { return pumice::run(argc, argv); }
