// BEFORE  x ─► Identity(depth 1) ─► A ─┐                      AFTER  If(p, x) {then: A(x), else: B(x)}
//         x ─► Identity(depth 1) ─► B ─┴► _Choose(p, A, B)
//
// Choices of one predicate that run under the same conditions, of which none needs another's
// result, become one If: what stands deeper than they do moves into the branches, deepest choices
// first. Constants and handles of variables are copied into branches, other values from outside
// become operands of the If.
#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "import/import.h"

namespace pumice {
namespace {

int64_t depth_of(const Node& node) { return node.attributes.integer(kGuardDepth); }

/// Choices that become one If. A later group never feeds an earlier one.
struct Group {
  int64_t number = 0;
  std::vector<Node*> choices;
};

/// Gathers the choices of one depth. `graph` is in order. Linear.
std::vector<Group> group(Graph& graph, int64_t depth) {
  std::vector<Group> groups;
  std::map<std::pair<const Value*, int64_t>, size_t>
      last_of;                                      // predicate and guard → the newest group
  std::unordered_map<const Node*, int64_t> newest;  // the highest group that a node depends on
  for (Node& node : graph) {
    int64_t depends = 0;
    for (size_t i = 0; i < node.operand_count(); ++i)
      if (node.operand(i))
        if (auto it = newest.find(node.operand(i)->node()); it != newest.end())
          depends = std::max(depends, it->second);
    if (node.is(kChoose) && depth_of(node) == depth) {
      const auto* guard = node.attributes.find<int64_t>(kGuard);
      const std::pair<const Value*, int64_t> key{node.operand(0), guard ? *guard : -1};
      auto it = last_of.find(key);
      if (it == last_of.end() || !guard || depends >= groups[it->second].number) {
        groups.push_back({static_cast<int64_t>(groups.size()) + 1, {}});
        it = last_of.insert_or_assign(key, groups.size() - 1).first;
      }
      groups[it->second].choices.push_back(&node);
      depends = groups[it->second].number;
    }
    if (depends) newest[&node] = depends;
  }
  return groups;
}

/// Constants and handles are what they are wherever they stand.
bool is_copied(const Node& node) {
  return node.is("Const") || node.is("VarHandleOp") || node.is("VariableV2") || node.is("Variable");
}

class Branch {
 public:
  Branch(Model& model, const Graph& outside, const std::string& name, int64_t depth)
      : graph_(*model.add_graph(model.unique_name(outside.name + "/" + name))), depth_(depth) {}

  Graph& graph() { return graph_; }
  /// Values from outside that the branch reads, in the order of first use.
  const std::vector<Value*>& captured() const { return captured_; }

  /// Finds the nodes that the value hangs on and that stand deeper than the choice.
  void collect(Value* value) {
    std::vector<Value*> stack{value};
    while (!stack.empty()) {
      Value* top = stack.back();
      stack.pop_back();
      Node& node = *top->node();
      const bool inside = depth_of(node) > depth_ || is_copied(node);
      if (!inside) {
        if (seen_.insert(top).second) captured_.push_back(top);
        continue;
      }
      if (!nodes_.insert(&node).second) continue;
      for (size_t i = 0; i < node.operand_count(); ++i)
        if (node.operand(i)) stack.push_back(node.operand(i));
    }
  }

  /// Copies them, in order, and gives the graph its inputs and outputs.
  void build(const std::vector<Value*>& inputs, const std::vector<Value*>& outputs) {
    std::unordered_map<const Value*, Value*> values;
    for (Value* input : inputs)
      values[input] = graph_.add_input(input->node()->name, input->dtype, Shape());
    std::vector<const Node*> order(nodes_.begin(), nodes_.end());
    std::sort(order.begin(), order.end(),
              [](const Node* a, const Node* b) { return a->scratch < b->scratch; });
    for (const Node* node : order) {
      std::vector<Value*> operands;
      for (size_t i = 0; i < node->operand_count(); ++i)
        operands.push_back(node->operand(i) ? values.at(node->operand(i)) : nullptr);
      Node* copy = graph_.create(node->op, operands, node->result_count());
      copy->attributes = node->attributes;
      copy->attributes.remove(kGuardDepth);
      copy->name = node->name;
      for (size_t i = 0; i < node->result_count(); ++i) {
        copy->result(i)->dtype = node->result(i)->dtype;
        copy->result(i)->shape = node->result(i)->shape;
        values[node->result(i)] = copy->result(i);
      }
    }
    for (Value* output : outputs) graph_.add_output(values.at(output));
  }

 private:
  Graph& graph_;
  int64_t depth_;
  std::unordered_set<const Value*> seen_;
  std::unordered_set<const Node*> nodes_;
  std::vector<Value*> captured_;
};

void raise(Model& model, Graph& graph, const Group& group, int64_t depth) {
  const Node& first = *group.choices.front();
  Branch then(model, graph, first.name + "/then", depth),
      other(model, graph, first.name + "/else", depth);
  std::vector<Value*> yes, no;
  for (Node* choice : group.choices) {
    yes.push_back(choice->operand(1));
    no.push_back(choice->operand(2));
    then.collect(yes.back());
    other.collect(no.back());
  }
  std::vector<Value*> inputs = then.captured();
  std::unordered_set<const Value*> there(inputs.begin(), inputs.end());
  for (Value* value : other.captured())
    if (there.insert(value).second) inputs.push_back(value);
  then.build(inputs, yes);
  other.build(inputs, no);

  std::vector<Value*> operands{first.operand(0)};
  operands.insert(operands.end(), inputs.begin(), inputs.end());
  Node* made = graph.create("If", operands, group.choices.size());
  made->name = first.name;
  made->attributes = {{"then_branch", FunctionRef{then.graph().name, nullptr}},
                      {"else_branch", FunctionRef{other.graph().name, nullptr}}};
  if (depth) made->attributes.set(kGuardDepth, depth);
  for (size_t i = 0; i < group.choices.size(); ++i) {
    made->result(i)->dtype = group.choices[i]->result()->dtype;
    graph.replace_uses(group.choices[i]->result(), made->result(i));
  }
}

}  // namespace

Status raise_conditionals(Model& model, Graph& graph) {
  std::map<int64_t, size_t> depths;
  bool any_depth = false;
  for (Node& node : graph) {
    if (node.is(kChoose)) ++depths[depth_of(node)];
    any_depth |= node.attributes.has(kGuardDepth);
  }
  for (auto it = depths.rbegin(); it != depths.rend(); ++it) {
    if (!graph.sort())
      return Error(ErrorCode::kMalformed, "a conditional of the graph is part of a cycle")
          .found("graph '" + graph.name + "'");
    int64_t index = 0;
    for (Node& node : graph) node.scratch = index++;
    for (const Group& choices : group(graph, it->first)) raise(model, graph, choices, it->first);
    graph.erase_dead();
  }
  if (!depths.empty() && !graph.sort())
    return Error(ErrorCode::kMalformed, "a conditional of the graph is part of a cycle")
        .found("graph '" + graph.name + "'");
  if (any_depth)
    for (Node& node : graph) node.attributes.remove(kGuardDepth);
  return {};
}

}  // namespace pumice
