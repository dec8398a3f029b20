#include "graph/graph.h"

#include <algorithm>
#include <array>
#include <new>

namespace pumice {

void Node::link(size_t i) {
  Operand& operand = operands_[i];
  if (!operand.value) return;
  operand.use_index = static_cast<uint32_t>(operand.value->uses_.size());
  operand.value->uses_.push_back({this, static_cast<uint32_t>(i)});
}

void Node::unlink(size_t i) {
  Operand& operand = operands_[i];
  if (!operand.value) return;
  auto& uses = operand.value->uses_;
  Use last = uses.back();
  uses[operand.use_index] = last;
  last.node->operands_[last.operand].use_index = operand.use_index;
  uses.pop_back();
}

void Node::set_operand(size_t i, Value* value) {
  unlink(i);
  operands_[i].value = value;
  link(i);
}

void Node::add_operand(Value* value) {
  operands_.push_back({value, 0});
  link(operands_.size() - 1);
}

void Node::remove_operand(size_t i) {
  for (size_t k = i; k < operands_.size(); ++k) unlink(k);
  operands_.erase(i);
  for (size_t k = i; k < operands_.size(); ++k) link(k);
}

Value* Node::add_result() {
  Value* value = &first_result_;
  if (result_count_ > 0) {
    if (!more_results_) more_results_ = std::make_unique<std::vector<std::unique_ptr<Value>>>();
    value = more_results_->emplace_back(std::make_unique<Value>()).get();
  }
  value->node_ = this;
  value->index_ = result_count_++;
  return value;
}

bool Node::listed_as_use(size_t i) const {
  const Operand& operand = operands_[i];
  const auto uses = operand.value->uses();
  return operand.use_index < uses.size() && uses[operand.use_index].node == this &&
         uses[operand.use_index].operand == i;
}

Graph::Graph(std::string name_of_graph) : name(std::move(name_of_graph)) {
  return_ = make_node();
  return_->op = "Return";
  first_ = last_ = return_;
  count_ = 1;
}

Graph::~Graph() {
  for (Node* node = first_; node;) {
    Node* next = node->next();
    node->~Node();
    node = next;
  }
}

Node* Graph::make_node() {
  auto* node = new (pool_.allocate()) Node;
  node->graph_ = this;
  return node;
}

void Graph::destroy(Node* node) {
  node->~Node();
  pool_.release(node);
}

void Graph::insert(Node* node, Node* before) {
  node->next_ = before;
  node->previous_ = before->previous_;
  if (before->previous_) {
    before->previous_->next_ = node;
  } else {
    first_ = node;
  }
  before->previous_ = node;
}

void Graph::detach(Node* node) {
  (node->previous_ ? node->previous_->next_ : first_) = node->next_;
  (node->next_ ? node->next_->previous_ : last_) = node->previous_;
}

Node* Graph::create(std::string op, std::span<Value* const> operands, size_t results,
                    Node* before) {
  Node* node = make_node();
  node->op = std::move(op);
  node->operands_.reserve(operands.size());
  for (Value* value : operands) node->add_operand(value);
  for (size_t i = 0; i < results; ++i) node->add_result();
  insert(node, before ? before : return_);
  ++count_;
  return node;
}

Value* Graph::constant(Constant value, Node* before, std::string name_of_node) {
  Node* node = create("Const", std::span<Value* const>{}, 1, before);
  node->name = std::move(name_of_node);
  Value* result = node->result();
  result->dtype = value.dtype();
  result->shape = Shape(value.dims());
  node->attributes.set("value", std::move(value));
  return result;
}

Value* Graph::add_input(std::string name_of_input, DType dtype, Shape shape) {
  Node* before = inputs_.empty() ? first_ : inputs_.back()->node()->next_;
  Node* node = create("Input", std::span<Value* const>{}, 1, before);
  node->name = std::move(name_of_input);
  node->result()->dtype = dtype;
  node->result()->shape = std::move(shape);
  inputs_.push_back(node->result());
  return inputs_.back();
}

void Graph::remove_input(size_t i) {
  Node* node = inputs_[i]->node();
  inputs_.erase(inputs_.begin() + static_cast<std::ptrdiff_t>(i));
  erase(node);
}

void Graph::erase(Node* node) {
  for (size_t i = 0; i < node->operands_.size(); ++i) node->unlink(i);
  detach(node);
  --count_;
  destroy(node);
}

void Graph::move_before(Node* node, Node* before) {
  if (node == before) return;
  detach(node);
  insert(node, before);
}

void Graph::replace_uses(Value* from, Value* to) {
  if (from == to) return;
  for (const Use& use : from->uses_) {
    auto& operand = use.node->operands_[use.operand];
    operand.value = to;
    operand.use_index = static_cast<uint32_t>(to->uses_.size());
    to->uses_.push_back(use);
  }
  from->uses_.clear();
}

namespace {

bool any_result_used(const Node& node) {
  for (size_t i = 0; i < node.result_count(); ++i)
    if (!node.result(i)->unused()) return true;
  return false;
}

}  // namespace

size_t Graph::erase_dead() {
  size_t erased = 0;
  for (Node* node = last_; node;) {
    Node* previous = node->previous_;
    bool used =
        node == return_ || node->op == "Input" || has_side_effect(*node) || any_result_used(*node);
    if (!used) {
      erase(node);
      ++erased;
    }
    node = previous;
  }
  return erased;
}

bool Graph::sort() {
  // Kahn's algorithm over a queue seeded in the present order; O(nodes + edges).
  auto counts = [](const Node& reader, const Node& producer) {
    return !(reader.op == "Merge" && producer.op == "NextIteration");
  };
  size_t index = 0;
  std::vector<Node*> nodes;
  nodes.reserve(count_);
  for (Node& node : *this) {
    node.scratch = static_cast<int64_t>(index++);
    nodes.push_back(&node);
  }
  std::vector<uint32_t> waiting(nodes.size(), 0);
  std::vector<std::vector<uint32_t>> control_readers(nodes.size());
  for (Node* node : nodes) {
    uint32_t n = 0;
    for (const auto& operand : node->operands_)
      if (operand.value && counts(*node, *operand.value->node_)) ++n;
    for (Node* control : node->control_inputs) {
      control_readers[static_cast<size_t>(control->scratch)].push_back(
          static_cast<uint32_t>(node->scratch));
      ++n;
    }
    waiting[static_cast<size_t>(node->scratch)] = n;
  }
  std::vector<uint32_t> ready, order;
  order.reserve(nodes.size());
  auto drain = [&](uint32_t seed) {
    ready.push_back(seed);
    while (!ready.empty()) {
      uint32_t i = ready.back();
      ready.pop_back();
      order.push_back(i);
      Node* node = nodes[i];
      size_t mark = ready.size();
      for (size_t r = 0; r < node->result_count(); ++r)
        for (const Use& use : node->result(r)->uses_)
          if (counts(*use.node, *node)) {
            auto reader = static_cast<size_t>(use.node->scratch);
            if (--waiting[reader] == 0 && use.node != return_)
              ready.push_back(static_cast<uint32_t>(reader));
          }
      for (uint32_t reader : control_readers[i])
        if (--waiting[reader] == 0 && nodes[reader] != return_) ready.push_back(reader);
      std::reverse(ready.begin() + static_cast<std::ptrdiff_t>(mark), ready.end());
    }
  };
  std::vector<uint32_t> sources;
  for (Node* node : nodes)
    if (waiting[static_cast<size_t>(node->scratch)] == 0 && node != return_)
      sources.push_back(static_cast<uint32_t>(node->scratch));
  for (uint32_t source : sources) drain(source);
  if (order.size() + 1 != nodes.size()) return false;
  for (uint32_t i : order) move_before(nodes[i], return_);
  return true;
}

const Constant* constant_of(const Value* value) {
  if (!value || value->node()->op != "Const") return nullptr;
  return value->node()->attributes.find<Constant>("value");
}

bool has_side_effect(const Node& node) {
  static constexpr std::array<std::string_view, 6> kLowered = {
      "ASSIGN_VARIABLE", "CALL_ONCE", "HASHTABLE_IMPORT", "Return", "Assign", "AssignVariableOp"};
  std::string_view op = node.op;
  // Asked of every node by many passes: most are told by their first letter.
  if (op.empty() || std::string_view("ACHRS").find(op[0]) == std::string_view::npos) return false;
  if (std::find(kLowered.begin(), kLowered.end(), op) != kLowered.end()) return true;
  auto starts = [&](std::string_view prefix) { return op.substr(0, prefix.size()) == prefix; };
  return starts("Assign") || starts("ResourceApply") || starts("Apply") || starts("SparseApply") ||
         starts("ResourceSparseApply") || starts("ResourceScatter") ||
         starts(
             "Scatter"
             "Update");
}

}  // namespace pumice
