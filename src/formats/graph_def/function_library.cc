#include "formats/graph_def/function_library.h"

#include <algorithm>

#include "formats/graph_def/graph_builder.h"
#include "formats/graph_def/tensor_proto.h"

namespace pumice {
namespace {

/// OpDef.ArgDef, of a function's signature.
struct Argument {
  std::string_view name, type_attr, number_attr, type_list_attr;
  int64_t type = 0;
};

Argument read_argument(ProtoReader* message) {
  Argument argument;
  while (message->next()) {
    switch (message->field()) {
      case 1: argument.name = message->bytes(); break;
      case 3: argument.type = message->integer(); break;
      case 4: argument.type_attr = message->bytes(); break;
      case 5: argument.number_attr = message->bytes(); break;
      case 6: argument.type_list_attr = message->bytes(); break;
    }
  }
  return argument;
}

struct FunctionSignature {
  std::string_view name;
  std::vector<Argument> inputs, outputs;
};

Result<FunctionSignature> read_signature(ProtoReader message) {
  FunctionSignature signature;
  while (message.next()) {
    switch (message.field()) {
      case 1: signature.name = message.bytes(); break;
      case 2:
      case 3: {
        auto& list = message.field() == 2 ? signature.inputs : signature.outputs;
        ProtoReader argument = message.message();
        list.push_back(read_argument(&argument));
        PUMICE_CHECK(argument.status());
        break;
      }
    }
  }
  PUMICE_CHECK(message.status());
  return signature;
}

/// A map entry of strings, or of string to bytes to be read later.
struct Entry {
  std::string_view key, value;
};

Result<Entry> read_entry(ProtoReader message) {
  Entry entry;
  while (message.next()) {
    if (message.field() == 1) entry.key = message.bytes();
    if (message.field() == 2) entry.value = message.bytes();
  }
  PUMICE_CHECK(message.status());
  return entry;
}

/// FunctionDef.arg_attr: what is known of each argument.
Status read_argument_attributes(ProtoReader entry, ProtoContext* context,
                                std::unordered_map<int64_t, Attributes>* by_argument) {
  int64_t index = 0;
  AttributeCollector attributes;
  while (entry.next()) {
    if (entry.field() == 1) {
      index = entry.integer();
    } else if (entry.field() == 2) {
      ProtoReader value = entry.message();
      while (value.next()) {
        if (value.field() == 1) PUMICE_CHECK(attributes.add(value.message(), context));
      }
      PUMICE_CHECK(value.status());
    }
  }
  PUMICE_CHECK(entry.status());
  (*by_argument)[index] = attributes.take();
  return {};
}

std::string describe(const std::vector<Argument>& outputs) {
  std::string text;
  for (const Argument& output : outputs) {
    if (!text.empty()) text += ' ';
    text += output.name;
    if (!output.number_attr.empty()) text.append("*").append(output.number_attr);
    if (!output.type_list_attr.empty()) text.append("#").append(output.type_list_attr);
  }
  return text;
}

}  // namespace

std::string describe_outputs(ProtoReader op_def) {
  auto signature = read_signature(op_def);
  return signature.ok() ? describe(signature->outputs) : std::string();
}

Status GraphDefFunctions::add_library(ProtoReader library) {
  while (library.next()) {
    if (library.field() != 1) continue;
    const std::string_view definition = library.bytes();
    ProtoReader function(definition);
    std::string_view name;
    while (name.empty() && function.next()) {
      if (function.field() != 1) continue;
      ProtoReader signature = function.message();
      while (name.empty() && signature.next()) {
        if (signature.field() == 1) name = signature.bytes();
      }
      PUMICE_CHECK(signature.status());
    }
    PUMICE_CHECK(function.status());
    if (functions_.emplace(name, Function{definition, nullptr, nullptr}).second) {
      names_.emplace_back(name);
    }
  }
  return library.status();
}

std::optional<std::string> GraphDefFunctions::outputs_of(std::string_view op) {
  if (auto it = functions_.find(op); it != functions_.end()) {
    ProtoReader function(it->second.definition);
    while (function.next()) {
      if (function.field() == 1) return describe_outputs(function.message());
    }
    return std::nullopt;
  }
  if (!op_list_read_) {
    op_list_read_ = true;
    ProtoReader list(op_list_);
    while (list.next()) {
      if (list.field() != 1) continue;
      const std::string_view definition = list.bytes();
      ProtoReader op_def(definition);
      while (op_def.next()) {
        if (op_def.field() != 1) continue;
        listed_ops_.emplace(op_def.bytes(), describe_outputs(ProtoReader(definition)));
        break;
      }
    }
  }
  auto it = listed_ops_.find(op);
  if (it == listed_ops_.end()) return std::nullopt;
  return it->second;
}

Result<std::unique_ptr<Graph>> GraphDefFunctions::build(const std::string& name,
                                                        std::string_view definition) {
  auto graph = std::make_unique<Graph>(name);
  GraphBuilder builder(graph.get(), context_.get(),
                       [this](std::string_view op) { return outputs_of(op); });
  FunctionSignature signature;
  std::unordered_map<int64_t, Attributes> argument_attributes;
  std::unordered_map<std::string_view, std::string_view> returned;
  std::vector<std::string_view> control_outputs;
  std::vector<std::string_view> nodes;
  ProtoReader function(definition);
  while (function.next()) {
    switch (function.field()) {
      case 1: {
        PUMICE_TRY(signature, read_signature(function.message()));
        break;
      }
      case 3: nodes.push_back(function.bytes()); break;
      case 4: {
        PUMICE_TRY(const Entry entry, read_entry(function.message()));
        returned[entry.key] = entry.value;
        break;
      }
      case 6: {
        PUMICE_TRY(const Entry entry, read_entry(function.message()));
        control_outputs.push_back(entry.value);
        break;
      }
      case 7:
        PUMICE_CHECK(
            read_argument_attributes(function.message(), context_.get(), &argument_attributes));
        break;
    }
  }
  PUMICE_CHECK(function.status());

  for (size_t i = 0; i < signature.inputs.size(); ++i) {
    const Argument& input = signature.inputs[i];
    if (!input.type_attr.empty() || !input.number_attr.empty() || !input.type_list_attr.empty()) {
      return Error(ErrorCode::kUnsupported, "the function's argument has no fixed type")
          .at(name, "function")
          .found("'" + std::string(input.name) + "'");
    }
    Attributes attributes;
    if (auto it = argument_attributes.find(static_cast<int64_t>(i));
        it != argument_attributes.end()) {
      attributes = std::move(it->second);
    }
    const auto shapes = attributes.get<std::vector<Shape>>("_output_shapes");
    // A resource's shape is a scalar's; `_output_shapes` tells nothing of what it refers to.
    PUMICE_CHECK(builder.add_argument(input.name, dtype_from_tensorflow(input.type),
                                      shapes.size() == 1 ? shapes[0] : Shape::unknown(),
                                      std::move(attributes)));
  }
  for (const std::string_view node : nodes) PUMICE_CHECK(builder.add_node(ProtoReader(node)));
  PUMICE_CHECK(builder.connect(/*in_function=*/true));
  for (const Argument& output : signature.outputs) {
    auto it = returned.find(output.name);
    if (it == returned.end()) {
      return Error(ErrorCode::kMalformed, "the function does not say what its output is")
          .at(name, "function")
          .found("no tensor for '" + std::string(output.name) + "'");
    }
    PUMICE_TRY(Value * value, builder.function_tensor(it->second));
    graph->add_output(value);
  }
  // A map has no order of its own: the same file must always give the same graph.
  std::sort(control_outputs.begin(), control_outputs.end());
  for (const std::string_view control : control_outputs) {
    if (Node* node = builder.find(control)) graph->return_node()->control_inputs.push_back(node);
  }
  return graph;
}

Result<const Graph*> GraphDefFunctions::find(const std::string& name) {
  auto it = functions_.find(name);
  if (it == functions_.end()) return static_cast<const Graph*>(nullptr);
  Function& function = it->second;
  if (!function.graph) {
    auto graph = build(name, function.definition);
    if (!graph.ok()) {
      return std::move(graph).error().in(context_->file()).at(name, "function");
    }
    function.graph = std::move(graph).value();
  }
  return static_cast<const Graph*>(function.graph.get());
}

const Attributes* GraphDefFunctions::attributes(const std::string& name) {
  auto it = functions_.find(name);
  if (it == functions_.end()) return nullptr;
  Function& function = it->second;
  if (!function.attributes) {
    AttributeCollector attributes;
    ProtoReader definition(function.definition);
    while (definition.next()) {
      // What cannot be read here is reported by find().
      if (definition.field() == 5 && !attributes.add(definition.message(), context_.get()).ok())
        break;
    }
    function.attributes = std::make_unique<Attributes>(attributes.take());
  }
  return function.attributes.get();
}

}  // namespace pumice
