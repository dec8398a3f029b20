// Demand-driven copy: walks from the wanted outputs to their inputs, through calls, and copies each
// node once per call frame. What no output needs is never looked at.
#include <string_view>
#include <unordered_map>
#include <utility>

#include "import/copy_conditionals.h"
#include "import/dropped_nodes.h"
#include "import/frames.h"
#include "import/import.h"

namespace pumice {
namespace {

constexpr int kMostAdopted = 2000;

bool is_back_edge(const Node& reader, const Value* operand) {
  return reader.op == "Merge" && operand->node()->op == "NextIteration";
}

/// Nodes that must keep their order beside writes: the writes and the reads of state.
bool is_stateful(const Node& node) {
  return has_side_effect(node) || node.op == "ReadVariableOp" || node.op == "ResourceGather";
}

bool names_functions(const Node& node) {
  for (const char* op : {"While", "StatelessWhile", "If", "StatelessIf", "Case", "StatelessCase"})
    if (node.is(op)) return true;
  return false;
}

/// The values that must be there before `node` is copied.
Status inputs_of(Frame& frame, const Node& node, std::vector<const Value*>& inputs) {
  inputs.clear();
  if (frame.guards && is_conditional_merge(node))
    return ConditionalCopier::inputs_of_merge(frame, node, inputs);
  const bool first_only = hands_on_first(node) || (frame.guards && is_conditional_switch(node));
  for (size_t i = 0; i < (first_only ? 1 : node.operand_count()); ++i)
    if (node.operand(i) && !is_back_edge(node, node.operand(i))) inputs.push_back(node.operand(i));
  return {};
}

/// A whole function body as an entry point.
EntryPoint entry_of(const Graph& body) {
  EntryPoint entry;
  for (const Value* input : body.inputs()) {
    entry.inputs.push_back(input);
    entry.input_dtypes.push_back(dtype_by_attributes(*input));
    entry.input_shapes.push_back(Shape::unknown());
  }
  for (size_t i = 0; i < body.output_count(); ++i) entry.outputs.push_back(body.output(i));
  return entry;
}

class Instantiation {
 public:
  Instantiation(const Source& source, const Graph& from, const EntryPoint& entry, Model& model,
                Graph& graph, std::vector<DroppedNode>* dropped)
      : source_(source),
        from_(from),
        entry_(entry),
        model_(model),
        graph_(graph),
        dropped_(dropped),
        frames_(source, from, entry.inputs),
        conditionals_(frames_, graph) {}

  Status run() {
    Frame& root = frames_.root();
    for (size_t i = 0; i < entry_.inputs.size(); ++i) {
      const Value* from = entry_.inputs[i];
      Value* input =
          graph_.add_input(from->node()->name, entry_.input_dtypes[i], entry_.input_shapes[i]);
      input->name = from->node()->name;
      if (!root.made(from)) root.give(from, input);
    }
    for (const Value* output : entry_.outputs) PUMICE_CHECK(always_computed(root, *output));
    for (const Value* output : entry_.outputs) PUMICE_CHECK(demand({&root, output, nullptr}));
    // Writes that control outputs of the called functions ask for, although no data comes of them.
    for (const Value* output : entry_.outputs)
      PUMICE_CHECK(demand({&root, nullptr, output->node()}));
    // A function's control outputs; a whole graph has none.
    for (const Node* control : from_.return_node()->control_inputs)
      PUMICE_CHECK(demand({&root, nullptr, control}));
    PUMICE_CHECK(close_loops());
    for (const Value* output : entry_.outputs) graph_.add_output(frames_.lookup(root, output));
    return {};
  }

 private:
  struct Task {
    Frame* frame;
    const Value* value;   // to be made (or null)
    const Node* effects;  // whose side effects are to be made (or null)
  };

  /// A value that a loop's Merge gets from its NextIteration.
  struct BackEdge {
    Frame* frame;
    const Value* source;
    Node* merge;
    size_t operand;
  };

  /// Does a task and all that it hangs on.
  Status demand(const Task& wanted) {
    std::vector<Task> stack{wanted};
    while (!stack.empty()) {
      Task task = stack.back();
      size_t mark = stack.size();
      if (task.effects) {
        PUMICE_TRY(bool done, order(*task.frame, *task.effects, stack));
        if (done && stack.size() == mark) stack.pop_back();
        continue;
      }
      PUMICE_TRY(Place place, frames_.resolve(*task.frame, task.value));
      if (place.frame->made(place.value)) {
        stack.pop_back();
        continue;
      }
      const Node& node = *place.value->node();
      PUMICE_TRY(bool ready, wait_for_inputs(*place.frame, node, stack));
      if (!ready) continue;
      PUMICE_CHECK(copy(*place.frame, node));
      stack.pop_back();
    }
    return {};
  }

  /// Pushes what `node` still waits for; true when all is there.
  Result<bool> wait_for_inputs(Frame& frame, const Node& node, std::vector<Task>& stack) {
    size_t mark = stack.size();
    Visit& visit = frame.visit(node);
    if (!node.control_inputs.empty() && !std::exchange(visit.ordered, true))
      for (const Node* control : node.control_inputs) stack.push_back({&frame, nullptr, control});
    PUMICE_CHECK(inputs_of(frame, node, needed_));
    for (size_t i = needed_.size(); i-- > 0;) {
      PUMICE_TRY(Place place, frames_.resolve(frame, needed_[i]));
      if (place.frame->made(place.value)) continue;
      if (place.frame->visit(*place.value->node()).waiting)
        return Error(ErrorCode::kMalformed, "the graph has a cycle through this node")
            .at(node.name, node.op);
      stack.push_back({place.frame, place.value, nullptr});
    }
    visit.waiting = stack.size() != mark;
    return !visit.waiting;
  }

  /// Visits a control predecessor: copies it when it reads or writes state, and looks further up.
  /// Pushes what must come first; true when nothing more is to be pushed.
  Result<bool> order(Frame& frame, const Node& node, std::vector<Task>& stack) {
    size_t mark = stack.size();
    // What stands in a branch that is never taken has no effects.
    if (frame.is_dead(node)) return true;
    const bool first = !std::exchange(frame.visit(node).visited, true);
    if (first) PUMICE_CHECK(note_dropped(source_, node, frame.prefix, dropped_));
    PUMICE_TRY(Frame * callee, frames_.enter(frame, node));
    if (first) {
      for (const Node* control : node.control_inputs) stack.push_back({&frame, nullptr, control});
      for (size_t i = 0; i < node.operand_count(); ++i)
        if (node.operand(i) && !frame.made(node.operand(i)))
          stack.push_back({&frame, nullptr, node.operand(i)->node()});
      if (callee)
        for (const Node* control : callee->graph->return_node()->control_inputs)
          stack.push_back({callee, nullptr, control});
      if (stack.size() != mark) return false;
    }
    if (!callee && is_stateful(node) && !frame.visit(node).copied) {
      PUMICE_TRY(bool ready, wait_for_inputs(frame, node, stack));
      if (!ready) return false;
      PUMICE_CHECK(copy(frame, node));
    }
    return true;
  }

  Status copy(Frame& frame, const Node& node) {
    if (std::exchange(frame.visit(node).copied, true)) return {};
    if (graph_.node_count() > Frames::kMostNodes) return Frames::too_many_nodes(node);
    if (frame.guards && is_conditional_merge(node)) return conditionals_.copy_merge(frame, node);
    if (frame.guards && is_conditional_switch(node)) {
      conditionals_.copy_switch(frame, node);
      return {};
    }
    const size_t depth = frame.guard_depth(node);
    if (depth && has_side_effect(node))
      return Error(ErrorCode::kUnsupported, "it writes state in one branch of a conditional")
          .at(node.name, node.op);
    const bool is_check = hands_on_first(node);
    if (is_check) PUMICE_CHECK(note_dropped(source_, node, frame.prefix, dropped_));
    Node* copy = create_copy(frame, node, is_check);
    if (depth) copy->attributes.set(kGuardDepth, static_cast<int64_t>(depth));
    if (const Composite* composite = frames_.composite(node)) {
      copy->op = composite->op;
      copy->attributes = composite->attributes;
    }
    frame.visit(node).copy = copy;
    if (frame.graph == source_.graph.get()) bind_handle(node, *copy);
    return names_functions(node) ? adopt_functions(*copy) : Status();
  }

  /// The node with its operands' copies; of a check, what it hands on. Loops' back edges stay open.
  Node* create_copy(Frame& frame, const Node& node, bool is_check) {
    std::vector<Value*> operands;
    for (size_t i = 0; i < (is_check ? 1 : node.operand_count()); ++i) {
      const Value* operand = node.operand(i);
      const bool now = operand && !is_back_edge(node, operand);
      operands.push_back(now ? frames_.lookup(frame, operand) : nullptr);
    }
    Node* copy = graph_.create(is_check ? "Identity" : node.op, operands, node.result_count());
    copy->attributes = node.attributes;
    copy->name = frame.prefix.empty() ? node.name : frame.prefix + node.name;
    for (size_t i = 0; i < node.result_count(); ++i) {
      copy->result(i)->dtype = dtype_by_attributes(*node.result(i));
      copy->result(i)->shape = node.result(i)->shape;
    }
    for (size_t i = 0; i < operands.size(); ++i)
      if (const Value* operand = node.operand(i); operand && is_back_edge(node, operand))
        back_edges_.push_back({&frame, operand, copy, i});
    return copy;
  }

  /// The functions that a control-flow node names become graphs of the model, one copy a node:
  /// their shapes depend on where they are called.
  Status adopt_functions(Node& node) {
    for (const char* name : {"cond", "body", "then_branch", "else_branch"})
      if (const auto* ref = node.attributes.find<FunctionRef>(name)) {
        PUMICE_TRY(FunctionRef adopted, adopt(node, *ref));
        node.attributes.set(name, std::move(adopted));
      }
    if (const auto* refs = node.attributes.find<std::vector<FunctionRef>>("branches")) {
      std::vector<FunctionRef> adopted;
      for (const FunctionRef& ref : *refs) {
        PUMICE_TRY(FunctionRef branch, adopt(node, ref));
        adopted.push_back(std::move(branch));
      }
      node.attributes.set("branches", std::move(adopted));
    }
    return {};
  }

  Result<FunctionRef> adopt(const Node& node, const FunctionRef& ref) {
    PUMICE_TRY(const Graph* body, source_.functions ? source_.functions->find(ref.name)
                                                    : Result<const Graph*>(nullptr));
    if (!body)
      return Error(ErrorCode::kMalformed, "the function is not in the library")
          .at(node.name, node.op)
          .found("'" + ref.name + "'");
    if (++adopted_ > kMostAdopted)
      return Error(ErrorCode::kTooLarge, "control flow nests too deeply or too often")
          .at(node.name, node.op);
    Graph* graph = model_.add_graph(model_.unique_name(ref.name));
    const EntryPoint entry = entry_of(*body);
    Instantiation nested(source_, *body, entry, model_, *graph, dropped_);
    nested.adopted_ = adopted_;
    PUMICE_CHECK(nested.run());
    adopted_ = nested.adopted_;
    return FunctionRef{graph->name, nullptr};
  }

  /// A variable's handle refers to its Variable by number; signatures share it by the source's
  /// node.
  void bind_handle(const Node& node, Node& copy) {
    auto it = source_.variables.find(node.name);
    if (it == source_.variables.end()) return;
    auto [slot, added] = variable_nodes_.emplace(node.name, model_.variables.size());
    if (added) {
      // Another signature may have brought it already.
      for (size_t i = 0; i < model_.variables.size(); ++i)
        if (model_.variables[i].name == node.name) slot->second = i;
      if (slot->second == model_.variables.size()) {
        model_.variables.push_back(it->second);
        model_.variables.back().name = node.name;
      }
    }
    copy.attributes.set("variable", static_cast<int64_t>(slot->second));
  }

  /// The loops' back edges: their sources are copied after all else, until none is open.
  Status close_loops() {
    for (size_t i = 0; i < back_edges_.size(); ++i) {
      BackEdge edge = back_edges_[i];
      PUMICE_CHECK(demand({edge.frame, edge.source, nullptr}));
      edge.merge->set_operand(edge.operand, frames_.lookup(*edge.frame, edge.source));
    }
    return {};
  }

  const Source& source_;
  const Graph& from_;
  const EntryPoint& entry_;
  Model& model_;
  Graph& graph_;
  std::vector<DroppedNode>* dropped_;
  Frames frames_;
  ConditionalCopier conditionals_;
  std::vector<BackEdge> back_edges_;
  std::vector<const Value*> needed_;  // of the node that is looked at
  int adopted_ = 0;
  std::unordered_map<std::string, size_t> variable_nodes_;
};

}  // namespace

Status instantiate(const Source& source, const Graph& from, const EntryPoint& entry, Model& model,
                   Graph& graph, std::vector<DroppedNode>* dropped) {
  return Instantiation(source, from, entry, model, graph, dropped).run();
}

}  // namespace pumice
