#include "formats/graph_def/graph_builder.h"

#include <charconv>

#include "formats/graph_def/op_outputs.h"

namespace pumice {
namespace {

constexpr uint64_t kBytesPerResult = sizeof(Value) + 2 * sizeof(void*);
constexpr uint64_t kMaxResults = 1 << 20;

bool parse_index(std::string_view text, uint64_t* index) {
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), *index);
  return fault == std::errc() && end == text.data() + text.size();
}

Error dangling(std::string_view tensor) {
  return Error(ErrorCode::kMalformed, "an input names a node that the graph does not have")
      .found("'" + std::string(tensor) + "'")
      .hint("The file may be incomplete, or a part cut out of a larger graph.");
}

}  // namespace

std::optional<std::string_view> GraphBuilder::outputs_of(std::string_view op) {
  if (auto known = find_op_outputs(op)) return known;
  if (!lookup_) return std::nullopt;
  auto [it, fresh] = looked_up_.try_emplace(std::string(op));
  if (fresh) it->second = lookup_(op);
  if (!it->second) return std::nullopt;
  return std::string_view(*it->second);
}

Status GraphBuilder::declare(std::string_view name, Node* node) {
  if (!nodes_.emplace(name, node).second) {
    return Error(ErrorCode::kMalformed, "two nodes have one name")
        .in(context_->file())
        .at(std::string(name), node->op);
  }
  return {};
}

/// Many nodes of a graph have the same attributes to the byte: they are read once and shared.
Result<Attributes> GraphBuilder::read_attributes(std::string_view op, int depth) {
  constexpr size_t kLargestShared = 512;
  if (entries_.empty()) return Attributes();
  const char* begin = entries_.front().data();
  const char* end = entries_.back().data() + entries_.back().size();
  const size_t first_size = entries_.front().size();
  // A constant is read once anyway, as a rule.
  const bool shared = op != "Const" && end - begin <= static_cast<ptrdiff_t>(kLargestShared);
  const std::string_view bytes(begin, shared ? static_cast<size_t>(end - begin) : 0);
  if (shared) {
    const auto it = read_before_.find(bytes);
    if (it != read_before_.end() && it->second.entries == entries_.size() &&
        it->second.first_size == first_size)
      return it->second.attributes;
  }
  AttributeCollector collector;
  for (std::string_view entry : entries_)
    PUMICE_CHECK(collector.add(ProtoReader(entry, depth), context_));
  Attributes attributes = collector.take();
  if (shared) read_before_.emplace(bytes, ReadBefore{entries_.size(), first_size, attributes});
  return attributes;
}

Status GraphBuilder::add_node(ProtoReader node_def) {
  std::string_view name, op;
  const size_t first = inputs_.size();
  entries_.clear();
  while (node_def.next()) {
    switch (node_def.field()) {
      case 1: name = node_def.bytes(); break;
      case 2: op = node_def.bytes(); break;
      case 3: inputs_.push_back(node_def.bytes()); break;
      case 5: entries_.push_back(node_def.bytes()); break;
    }
  }
  PUMICE_CHECK(node_def.status());
  auto attributes = read_attributes(op, node_def.depth() + 1);
  if (!attributes.ok()) {
    return std::move(attributes)
        .error()
        .in(context_->file())
        .at(std::string(name), std::string(op));
  }
  // The representation's own ops, which TensorFlow does not have.
  if (op == "Input" || op == "Return") {
    return Error(ErrorCode::kUnsupported, "the op's name is one that pumice keeps for itself")
        .in(context_->file())
        .at(std::string(name), std::string(op));
  }
  Attributes all = *std::move(attributes);
  // An op that no table knows has one result; more appear when they are read.
  uint64_t results = 1;
  const auto outputs = op == "Const" ? std::nullopt : outputs_of(op);
  if (outputs) results = count_results(*outputs, all).value_or(1);
  if (results > 1) {
    if (results > kMaxResults) {
      return Error(ErrorCode::kTooLarge, "has too many results")
          .in(context_->file())
          .at(std::string(name), std::string(op))
          .found(std::to_string(results));
    }
    PUMICE_CHECK(context_->take(results * kBytesPerResult));
  }
  Node* node = graph_->create(std::string(op), {}, static_cast<size_t>(results));
  node->name = name;
  node->attributes = std::move(all);
  if (op == "Const") {
    if (const Constant* value = node->attributes.find<Constant>("value")) {
      node->result()->dtype = value->dtype();
      node->result()->shape = Shape(value->dims());
    }
  }
  pending_.push_back({node, first, inputs_.size() - first});
  return declare(name, node);
}

Status GraphBuilder::add_argument(std::string_view name, DType dtype, Shape shape,
                                  Attributes attributes) {
  Node* node = graph_->add_input(std::string(name), dtype, std::move(shape))->node();
  node->attributes = std::move(attributes);
  return declare(name, node);
}

Result<Value*> GraphBuilder::result_of(Node* node, uint64_t index) {
  while (node->result_count() <= index) {
    const uint64_t more = index + 1 - node->result_count();
    const auto outputs = find_op_outputs(node->op);
    if (index >= kMaxResults || (outputs && count_results(*outputs, node->attributes))) {
      return Error(ErrorCode::kMalformed, "an input asks for a result that its node does not have")
          .expected("one of " + std::to_string(node->result_count()) + " results of '" +
                    node->name + "' (" + node->op + ")")
          .found("result " + std::to_string(index));
    }
    PUMICE_CHECK(context_->take(more * kBytesPerResult));
    while (node->result_count() <= index) node->add_result();
  }
  return node->result(static_cast<size_t>(index));
}

Result<Value*> GraphBuilder::graph_tensor(std::string_view name) {
  uint64_t index = 0;
  std::string_view node_name = name;
  const size_t colon = name.rfind(':');
  if (colon != std::string_view::npos && parse_index(name.substr(colon + 1), &index)) {
    node_name = name.substr(0, colon);
  }
  Node* node = find(node_name);
  if (!node) return dangling(name);
  return result_of(node, index);
}

Result<Value*> GraphBuilder::function_tensor(std::string_view name) {
  const size_t colon = name.find(':');
  Node* node = find(name.substr(0, colon));
  if (!node) return dangling(name);
  if (colon == std::string_view::npos) return result_of(node, 0);
  std::string_view argument = name.substr(colon + 1);
  uint64_t index = 0;
  const size_t second = argument.find(':');
  if (second != std::string_view::npos) {
    if (!parse_index(argument.substr(second + 1), &index)) {
      return Error(ErrorCode::kMalformed, "an input's name has no result number")
          .found("'" + std::string(name) + "'");
    }
    argument = argument.substr(0, second);
  }
  // Very old functions name the flat result: `node:0`.
  if (parse_index(argument, &index)) return result_of(node, index);
  const auto outputs = outputs_of(node->op);
  // An op outside the table has one plain output: its argument needs no name.
  if (!outputs) return result_of(node, index);
  const auto flat = flat_result(*outputs, node->attributes, argument, index);
  if (!flat) {
    return Error(ErrorCode::kMalformed, "an input asks for a result that its node does not have")
        .expected("one of the outputs '" + std::string(*outputs) + "' of '" + node->name + "' (" +
                  node->op + ")")
        .found("'" + std::string(name) + "'");
  }
  return result_of(node, *flat);
}

Status GraphBuilder::connect(bool in_function) {
  for (const Pending& pending : pending_) {
    for (size_t i = 0; i < pending.count; ++i) {
      const std::string_view input = inputs_[pending.first + i];
      const auto fail = [&](Error error) {
        return std::move(error).in(context_->file()).at(pending.node->name, pending.node->op);
      };
      if (!input.empty() && input[0] == '^') {
        Node* before = find(input.substr(1));
        if (!before) return fail(dangling(input));
        pending.node->control_inputs.push_back(before);
        continue;
      }
      auto value = in_function ? function_tensor(input) : graph_tensor(input);
      if (!value.ok()) return fail(std::move(value).error());
      pending.node->add_operand(*value);
    }
  }
  pending_.clear();
  inputs_.clear();
  return {};
}

}  // namespace pumice
