// BEFORE  Enter ─► Merge ─► Switch ─► (body) ─► NextIteration ─┐      one frame a loop
//                    ▲        └─► Exit                         │
//                    └─────────────────────────────────────────┘
// AFTER   While(initial values, invariants) {cond=@…, body=@…}
//
// TensorFlow 1's dataflow loops become functional ones, innermost frames first. Constant Enters
// (loop invariants) become loop variables that the body hands on. Source: "Implementation of
// control flow in TensorFlow" (Yu et al., 2017), the frames of Enter/Exit.
#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "import/import.h"
#include "ops/infer.h"

namespace pumice {
namespace {

struct LoopVariable {
  Node* enter = nullptr;
  Node* merge = nullptr;
  Node* change = nullptr;  // the Switch; null where only the condition reads the value
  Node* next_iteration = nullptr;
};

/// One loop: what its LoopCond drives. Loops may share the name of a frame (a graph that was
/// imported twice, a function that is called twice), so names do not tell them apart.
struct Loop {
  std::string name;
  Node* condition = nullptr;  // LoopCond
  std::vector<LoopVariable> variables;
  std::vector<Node*> invariants;  // constant Enters
};

Error broken(const Node& node, const std::string& what) {
  return malformed(node, "the loop is malformed: " + what);
}

/// The LoopCond that decides when a value leaves its loop; null where none does.
Node* condition_of_exit(const Node& exit) {
  const Node* change =
      exit.operand_count() == 1 && exit.operand(0) ? exit.operand(0)->node() : nullptr;
  if (!change || (!change->is("Switch") && !change->is("RefSwitch")) ||
      change->operand_count() != 2)
    return nullptr;
  Node* condition = change->operand(1) ? change->operand(1)->node() : nullptr;
  return condition && condition->is("LoopCond") ? condition : nullptr;
}

/// Finds the parts of a loop, from its condition: the variables that it or what leaves the loop
/// needs, and the invariants that these need. A loop inside it, told by its Exit, must be raised
/// first.
class Analysis {
 public:
  explicit Analysis(Loop& loop) : loop_(loop) {}

  /// The condition of a loop that the last run() came upon; null: it has found all.
  Node* inner() const { return inner_; }

  Status run() {
    Node& condition = *loop_.condition;
    if (condition.operand_count() != 1 || !condition.operand(0))
      return broken(condition, "a condition of other than one value");
    for (const Use& use : condition.result()->uses()) {
      if (!use.node->is("Switch") && !use.node->is("RefSwitch")) continue;
      if (use.operand != 1 || !use.node->operand(0))
        return broken(*use.node, "its Switch has no value");
      PUMICE_CHECK(add_variable(*use.node->operand(0)->node()));
    }
    PUMICE_CHECK(walk(condition.operand(0)));
    for (size_t i = 0; i < loop_.variables.size(); ++i)
      PUMICE_CHECK(walk(loop_.variables[i].next_iteration->operand(0)));
    if (inner_) return {};
    if (loop_.variables.empty()) return broken(condition, "it has no loop variable");
    const Node& enter = *loop_.variables.front().enter;
    loop_.name = enter.attributes.string("frame_name", enter.name);
    return {};
  }

 private:
  Status add_variable(Node& merge) {
    if (!merges_.insert(&merge).second) return {};
    if (!merge.is("Merge") && !merge.is("RefMerge"))
      return broken(merge, "a loop variable that no Merge makes");
    LoopVariable v;
    v.merge = &merge;
    if (merge.operand_count() != 2) return broken(merge, "a Merge of other than two values");
    for (size_t i = 0; i < 2; ++i) {
      Node* from = merge.operand(i) ? merge.operand(i)->node() : nullptr;
      if (from && from->is("NextIteration")) v.next_iteration = from;
      if (from && from->is("Enter")) v.enter = from;
    }
    if (!v.next_iteration) return broken(merge, "no NextIteration leads back to it");
    if (!v.enter) return broken(merge, "no Enter leads into it");
    if (merge.result_count() > 1 && !merge.result(1)->unused())
      return broken(merge, "the number that its Merge gives is read");
    for (const Use& use : merge.result()->uses()) {
      if (!use.node->is("Switch") && !use.node->is("RefSwitch")) continue;
      if (use.operand != 0) continue;
      Value* driver = use.node->operand(1);
      if (!driver || !driver->node()->is("LoopCond"))
        return broken(*use.node, "its Switch is not driven by a LoopCond");
      if (driver->node() != loop_.condition) return broken(*use.node, "two conditions in one loop");
      if (v.change) return broken(*use.node, "a loop variable has two Switches");
      v.change = use.node;
    }
    loop_.variables.push_back(v);
    return {};
  }

  /// Follows what a value needs up to where the loop is entered.
  Status walk(Value* value) {
    std::vector<Value*> stack{value};
    while (!stack.empty()) {
      Value* top = stack.back();
      stack.pop_back();
      Node& node = *top->node();
      if (node.is("Merge") || node.is("RefMerge")) {
        PUMICE_CHECK(add_variable(node));
        continue;
      }
      if (!seen_.insert(&node).second) continue;
      if (node.is("Switch") || node.is("RefSwitch")) {
        if (node.operand_count() != 2 || !node.operand(1) ||
            node.operand(1)->node() != loop_.condition)
          return broken(node, "a value of one loop is read in another");
        continue;
      }
      if (node.is("Enter") || node.is("RefEnter")) {
        loop_.invariants.push_back(&node);
        continue;
      }
      if (node.is("Exit") || node.is("RefExit")) {
        Node* condition = condition_of_exit(node);
        if (condition && condition != loop_.condition) {
          inner_ = condition;
          return {};
        }
      }
      if (node.is("NextIteration") || node.is("Exit") || node.is("RefExit") || node.is("Input"))
        return broken(node, "a value reaches its body without entering the loop");
      for (size_t i = 0; i < node.operand_count(); ++i)
        if (node.operand(i)) stack.push_back(node.operand(i));
    }
    return {};
  }

  Loop& loop_;
  Node* inner_ = nullptr;
  std::unordered_set<const Node*> merges_, seen_;
};

/// Copies what `outputs` need into `into`; `known` maps values of the loop to values of `into`.
class Extraction {
 public:
  Extraction(Graph& into, std::unordered_map<const Value*, Value*> known)
      : into_(into), values_(std::move(known)) {}

  Result<Value*> copy(Value* value) {
    std::vector<Value*> stack{value};
    while (!stack.empty()) {
      Value* top = stack.back();
      if (values_.count(top)) {
        stack.pop_back();
        continue;
      }
      Node& node = *top->node();
      if (node.is("Input") || node.is("Merge") || node.is("NextIteration") || node.is("Enter") ||
          node.is("Exit"))
        return broken(node, "a value reaches its body without entering the loop");
      size_t mark = stack.size();
      for (size_t i = 0; i < node.operand_count(); ++i)
        if (node.operand(i) && !values_.count(node.operand(i))) stack.push_back(node.operand(i));
      if (stack.size() != mark) {
        // What was pushed the first time is made by the second.
        if (!open_.insert(&node).second) return broken(node, "a cycle that is no loop");
        continue;
      }
      std::vector<Value*> operands;
      for (size_t i = 0; i < node.operand_count(); ++i)
        operands.push_back(node.operand(i) ? values_.at(node.operand(i)) : nullptr);
      Node* made = into_.create(node.op, operands, node.result_count());
      made->attributes = node.attributes;
      made->name = node.name;
      for (size_t i = 0; i < node.result_count(); ++i) {
        made->result(i)->dtype = node.result(i)->dtype;
        made->result(i)->shape = node.result(i)->shape;
        values_[node.result(i)] = made->result(i);
      }
      stack.pop_back();
    }
    return values_.at(value);
  }

 private:
  Graph& into_;
  std::unordered_map<const Value*, Value*> values_;
  std::unordered_set<const Node*> open_;
};

/// The loop stands as deep in conditionals as what enters it.
int64_t guard_depth(const Loop& loop) {
  int64_t depth = 0;
  for (const LoopVariable& v : loop.variables)
    depth = std::max(depth, v.enter->attributes.integer(kGuardDepth));
  for (const Node* enter : loop.invariants)
    depth = std::max(depth, enter->attributes.integer(kGuardDepth));
  return depth;
}

Status raise(Model& model, Graph& graph, const Loop& loop) {
  Graph* cond = model.add_graph(model.unique_name(graph.name + "/" + loop.name + "/cond"));
  Graph* body = model.add_graph(model.unique_name(graph.name + "/" + loop.name + "/body"));
  std::unordered_map<const Value*, Value*> in_cond, in_body;
  std::vector<Value*> initial, body_inputs;
  auto add = [&](Node& enter, std::initializer_list<const Value*> inside) {
    Value* outside = enter.operand(0);
    initial.push_back(outside);
    Value* c = cond->add_input(enter.name, outside->dtype, Shape());
    Value* b = body->add_input(enter.name, outside->dtype, Shape());
    in_cond[enter.result()] = c;
    in_body[enter.result()] = b;
    for (const Value* v : inside) in_cond[v] = c, in_body[v] = b;
    body_inputs.push_back(b);
  };
  for (const LoopVariable& v : loop.variables) {
    add(*v.enter, {v.merge->result()});
    if (v.change) in_body[v.change->result(1)] = body_inputs.back();
  }
  for (Node* enter : loop.invariants) add(*enter, {});

  Extraction to_cond(*cond, in_cond), to_body(*body, in_body);
  PUMICE_TRY(Value * condition, to_cond.copy(loop.condition->operand(0)));
  cond->add_output(condition);
  for (const LoopVariable& v : loop.variables) {
    PUMICE_TRY(Value * next, to_body.copy(v.next_iteration->operand(0)));
    body->add_output(next);
  }
  for (size_t i = 0; i < loop.invariants.size(); ++i)
    body->add_output(body_inputs[loop.variables.size() + i]);

  Node* made = graph.create("While", initial, initial.size(), loop.condition);
  made->name = loop.name;
  made->attributes = {{"cond", FunctionRef{cond->name, nullptr}},
                      {"body", FunctionRef{body->name, nullptr}}};
  if (int64_t depth = guard_depth(loop)) made->attributes.set(kGuardDepth, depth);
  for (size_t i = 0; i < initial.size(); ++i) made->result(i)->dtype = initial[i]->dtype;
  for (size_t i = 0; i < loop.variables.size(); ++i) {
    const LoopVariable& v = loop.variables[i];
    if (v.change)
      for (const Use& use : v.change->result(0)->uses())
        if (use.node->is("Exit") || use.node->is("RefExit"))
          graph.replace_uses(use.node->result(), made->result(i));
    // Cut the cycles; what is left of the loop is dead.
    for (size_t k = 0; k < v.merge->operand_count(); ++k)
      if (v.merge->operand(k)->node() == v.next_iteration)
        v.merge->set_operand(k, v.enter->result());
  }
  return {};
}

/// Raises the loop of a condition, those inside it first.
Status raise_from(Model& model, Graph& graph, Node& outermost,
                  std::unordered_set<const Node*>& raised) {
  std::vector<Node*> stack{&outermost};
  std::unordered_set<const Node*> open;
  while (!stack.empty()) {
    Node& condition = *stack.back();
    if (raised.count(&condition)) {
      stack.pop_back();
      continue;
    }
    Loop loop{{}, &condition, {}, {}};
    Analysis analysis(loop);
    PUMICE_CHECK(analysis.run());
    if (Node* inner = analysis.inner()) {
      open.insert(&condition);
      if (open.count(inner) || raised.count(inner))
        return broken(*inner, "two loops stand inside each other");
      stack.push_back(inner);
      continue;
    }
    PUMICE_CHECK(raise(model, graph, loop));
    raised.insert(&condition);
    open.erase(&condition);
    stack.pop_back();
  }
  return {};
}

}  // namespace

Status raise_loops(Model& model, Graph& graph) {
  bool any = false;
  for (Node& node : graph)
    any |= node.is("Enter") || node.is("NextIteration") || node.is("Exit") || node.is("LoopCond");
  if (!any) return {};
  if (!graph.sort()) return Error(ErrorCode::kMalformed, "the graph has a cycle that is no loop");
  std::vector<Node*> conditions;
  for (Node& node : graph)
    if (node.is("LoopCond")) conditions.push_back(&node);
  std::unordered_set<const Node*> raised;
  for (Node* condition : conditions) PUMICE_CHECK(raise_from(model, graph, *condition, raised));
  if (!graph.sort())
    return Error(ErrorCode::kMalformed, "the graph has a cycle that is no loop")
        .found("graph '" + graph.name + "'");
  graph.erase_dead();
  for (Node& node : graph)
    if (node.is("Enter") || node.is("RefEnter") || node.is("NextIteration") || node.is("Exit") ||
        node.is("RefExit"))
      return broken(node, node.is("NextIteration")
                              ? "it does not lead back to a loop's Merge"
                              : "its frame has no condition, so it never exits");
  return {};
}

}  // namespace pumice
