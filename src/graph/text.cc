#include <sstream>
#include <unordered_map>

#include "graph/graph.h"

namespace pumice {
namespace {

template <typename T>
void print(std::ostream& out, const T& value);

template <typename T>
void print_list(std::ostream& out, const std::vector<T>& values) {
  out << "[";
  for (size_t i = 0; i < values.size(); ++i) {
    if (i) out << ", ";
    print<T>(out, values[i]);
  }
  out << "]";
}

void print_string(std::ostream& out, const std::string& s) {
  out << '"';
  for (char c : s) {
    if (c == '"' || c == '\\') {
      out << '\\' << c;
    } else if (static_cast<unsigned char>(c) < 32 || static_cast<unsigned char>(c) > 126) {
      static const char* kHex = "0123456789abcdef";
      out << "\\x" << kHex[(c >> 4) & 15] << kHex[c & 15];
    } else {
      out << c;
    }
  }
  out << '"';
}

void print_constant(std::ostream& out, const Constant& c) {
  out << dtype_name(c.dtype()) << to_string(c.dims());
  if (c.elements() > 16 || c.source().elements() > 16) return;
  Tensor t = c.materialize();
  out << " {";
  for (int64_t i = 0; i < t.elements(); ++i) {
    if (i) out << ", ";
    if (t.dtype() == DType::kString) {
      print_string(out, t.strings()[static_cast<size_t>(i)]);
    } else if (is_float(t.dtype()) || is_complex(t.dtype())) {
      out << t.number_at(i);
    } else {
      out << t.integer_at(i);
    }
  }
  out << "}";
}

template <typename T>
void print(std::ostream& out, const T& value) {
  if constexpr (std::is_same_v<T, bool>)
    out << (value ? "true" : "false");
  else if constexpr (std::is_arithmetic_v<T>)
    out << value;
  else if constexpr (std::is_same_v<T, std::string>)
    print_string(out, value);
  else if constexpr (std::is_same_v<T, DType>)
    out << dtype_name(value);
  else if constexpr (std::is_same_v<T, Shape>)
    out << to_string(value);
  else if constexpr (std::is_same_v<T, SharedConstant>)
    print_constant(out, *value);
  else if constexpr (std::is_same_v<T, FunctionRef>)
    out << "@" << value.name;
  else
    print_list(out, value);
}

}  // namespace

std::string to_text(const Graph& graph) {
  std::ostringstream out;
  std::unordered_map<const Value*, size_t> numbers;
  for (Node& node : graph)
    for (size_t i = 0; i < node.result_count(); ++i)
      numbers.emplace(node.result(i), numbers.size());
  out << "graph " << graph.name << "\n";
  for (Node& node : graph) {
    out << "  ";
    for (size_t i = 0; i < node.result_count(); ++i) {
      const Value* v = node.result(i);
      out << (i ? ", " : "") << "%" << numbers[v] << ":" << dtype_name(v->dtype)
          << to_string(v->shape);
    }
    if (node.result_count()) out << " = ";
    out << node.op << "(";
    for (size_t i = 0; i < node.operand_count(); ++i) {
      out << (i ? ", " : "");
      if (node.operand(i))
        out << "%" << numbers[node.operand(i)];
      else
        out << "none";
    }
    out << ")";
    if (!node.attributes.empty()) {
      out << " {";
      bool first = true;
      for (const auto& [name, value] : node.attributes) {
        out << (first ? "" : ", ") << name << "=";
        std::visit([&](const auto& v) { print(out, v); }, value);
        first = false;
      }
      out << "}";
    }
    if (!node.control_inputs.empty()) {
      out << " after";
      for (const Node* control : node.control_inputs) out << " \"" << control->name << "\"";
    }
    if (!node.name.empty()) out << "  \"" << node.name << "\"";
    out << "\n";
  }
  return out.str();
}

}  // namespace pumice
