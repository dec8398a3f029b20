// BEFORE  Enter ─► Merge ─► Switch ─► (body) ─► NextIteration ─┐      one frame a loop
//                    ▲        └─► Exit                         │
//                    └─────────────────────────────────────────┘
// AFTER   While(initial values, invariants) {cond=@…, body=@…}
//
// TensorFlow 1's dataflow loops become functional ones, innermost frames first. Constant Enters
// (loop invariants) become loop variables that the body hands on. Source: "Implementation of control
// flow in TensorFlow" (Yu et al., 2017), the frames of Enter/Exit.
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
  Node* change = nullptr;         // the Switch; null when the value leaves the loop nowhere
  Node* next_iteration = nullptr;
  Node* exit = nullptr;
};

struct Frame {
  std::string name;
  std::vector<Node*> enters;  // in graph order
  std::vector<LoopVariable> variables;
  std::vector<Node*> invariants;  // constant Enters
  Node* condition = nullptr;      // LoopCond
};

Error broken(const Node& node, const std::string& what) {
  return malformed(node, "the loop is malformed: " + what);
}

Node* reader_of(const Value* value, const char* op) {
  for (const Use& use : value->uses())
    if (use.node->is(op)) return use.node;
  return nullptr;
}

/// Finds the parts of a loop from its Enter nodes.
Status analyze(Frame& frame) {
  for (Node* enter : frame.enters) {
    Node* merge = reader_of(enter->result(), "Merge");
    if (enter->attributes.boolean("is_constant") || !merge) {
      frame.invariants.push_back(enter);
      continue;
    }
    LoopVariable v;
    v.enter = enter;
    v.merge = merge;
    if (merge->operand_count() != 2) return broken(*merge, "a Merge of other than two values");
    for (size_t i = 0; i < 2; ++i)
      if (merge->operand(i) && merge->operand(i)->node()->is("NextIteration"))
        v.next_iteration = merge->operand(i)->node();
    if (!v.next_iteration) return broken(*merge, "no NextIteration leads back to it");
    v.change = reader_of(merge->result(), "Switch");
    if (v.change) {
      Node* condition = v.change->operand_count() == 2 ? v.change->operand(1)->node() : nullptr;
      if (!condition || !condition->is("LoopCond"))
        return broken(*v.change, "its Switch is not driven by a LoopCond");
      if (frame.condition && frame.condition != condition)
        return broken(*v.change, "two conditions in one loop");
      frame.condition = condition;
      v.exit = reader_of(v.change->result(0), "Exit");
    }
    frame.variables.push_back(v);
  }
  if (frame.variables.empty())
    return broken(*frame.enters.front(), "frame '" + frame.name + "' has no loop variable");
  if (!frame.condition)
    return broken(*frame.enters.front(), "frame '" + frame.name + "' has no condition, so it never exits");
  return {};
}

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
        if (!open_.insert(&node).second && stack.size() > 4'000'000)
          return broken(node, "a cycle that is no loop");
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

std::string enter_name(const Node& node) { return node.name; }

Status raise(Model& model, Graph& graph, Frame& frame) {
  PUMICE_CHECK(analyze(frame));
  Graph* cond = model.add_graph(model.unique_name(graph.name + "/" + frame.name + "/cond"));
  Graph* body = model.add_graph(model.unique_name(graph.name + "/" + frame.name + "/body"));
  std::unordered_map<const Value*, Value*> in_cond, in_body;
  std::vector<Value*> initial, body_inputs;
  auto add = [&](Node* enter, std::initializer_list<const Value*> also_cond,
                 std::initializer_list<const Value*> also_body) {
    Value* outside = enter->operand(0);
    initial.push_back(outside);
    Value* c = cond->add_input(enter_name(*enter), outside->dtype, Shape());
    Value* b = body->add_input(enter_name(*enter), outside->dtype, Shape());
    in_cond[enter->result()] = c;
    in_body[enter->result()] = b;
    for (const Value* v : also_cond) in_cond[v] = c;
    for (const Value* v : also_body) in_body[v] = b;
    body_inputs.push_back(b);
  };
  for (LoopVariable& v : frame.variables) {
    if (v.change) {
      add(v.enter, {v.merge->result()}, {v.merge->result(), v.change->result(1)});
    } else {
      add(v.enter, {v.merge->result()}, {v.merge->result()});
    }
  }
  for (Node* enter : frame.invariants) add(enter, {}, {});

  Extraction to_cond(*cond, in_cond), to_body(*body, in_body);
  PUMICE_TRY(Value * condition, to_cond.copy(frame.condition->operand(0)));
  cond->add_output(condition);
  for (LoopVariable& v : frame.variables) {
    PUMICE_TRY(Value * next, to_body.copy(v.next_iteration->operand(0)));
    body->add_output(next);
  }
  for (size_t i = 0; i < frame.invariants.size(); ++i)
    body->add_output(body_inputs[frame.variables.size() + i]);

  Node* loop = graph.create("While", initial, initial.size(), frame.condition);
  loop->name = frame.name;
  loop->attributes = {{"cond", FunctionRef{cond->name, nullptr}},
                      {"body", FunctionRef{body->name, nullptr}}};
  for (size_t i = 0; i < initial.size(); ++i) loop->result(i)->dtype = initial[i]->dtype;
  for (size_t i = 0; i < frame.variables.size(); ++i)
    if (Node* exit = frame.variables[i].exit) graph.replace_uses(exit->result(), loop->result(i));
  // Cut the cycles; what is left of the loop is dead.
  for (LoopVariable& v : frame.variables)
    for (size_t i = 0; i < v.merge->operand_count(); ++i)
      if (v.merge->operand(i)->node() == v.next_iteration) v.merge->set_operand(i, v.enter->result());
  return {};
}

/// How deep in loops each Enter stands: the depth of what it reads, plus one.
std::map<std::string, int> frame_depths(Graph& graph) {
  std::unordered_map<const Node*, int> depth;
  std::map<std::string, int> frames;
  // The graph is in order but for the back edges, which do not change depths.
  for (Node& node : graph) {
    int d = 0;
    for (size_t i = 0; i < node.operand_count(); ++i)
      if (node.operand(i) && !(node.is("Merge") && node.operand(i)->node()->is("NextIteration")))
        d = std::max(d, depth[node.operand(i)->node()]);
    if (node.is("Enter")) {
      ++d;
      int& of_frame = frames[node.attributes.string("frame_name")];
      of_frame = std::max(of_frame, d);
    } else if (node.is("Exit")) {
      --d;
    }
    depth[&node] = d;
  }
  return frames;
}

}  // namespace

Status raise_loops(Model& model, Graph& graph) {
  bool any = false;
  for (Node& node : graph) any |= node.is("Enter");
  if (!any) return {};
  if (!graph.sort())
    return Error(ErrorCode::kMalformed, "the graph has a cycle that is no loop");
  auto depths = frame_depths(graph);
  std::vector<std::pair<int, std::string>> order;
  for (const auto& [name, depth] : depths) order.emplace_back(-depth, name);
  std::sort(order.begin(), order.end());
  for (const auto& [depth, name] : order) {
    Frame frame{name, {}, {}, {}, nullptr};
    for (Node& node : graph)
      if (node.is("Enter") && node.attributes.string("frame_name") == name)
        frame.enters.push_back(&node);
    if (!frame.enters.empty()) PUMICE_CHECK(raise(model, graph, frame));
    graph.erase_dead();
    if (!graph.sort())
      return Error(ErrorCode::kMalformed, "the graph has a cycle beside loop '" + name + "'");
  }
  return {};
}

}  // namespace pumice
