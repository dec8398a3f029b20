// Demand-driven copy: walks from the wanted outputs to their inputs, through calls, and copies each
// node once per call frame. What no output needs is never looked at.
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "import/composites.h"
#include "import/guards.h"
#include "import/import.h"

namespace pumice {
namespace {

constexpr int kDeepestCall = 200;
constexpr size_t kMostNodes = 20'000'000;
constexpr int kMostAdopted = 2000;

/// What has become of a node of the source in a frame.
struct Visit {
  Node* copy = nullptr;  // makes its results, but for those that Frame::given has
  bool given = false;    // Frame::given has results of it
  bool copied = false;
  bool ordered = false;  // its control predecessors were visited
  bool visited = false;  // its own side effects were asked for
  bool waiting = false;  // it waits for its inputs
};

/// One activation of a function body (or of the main graph).
struct Frame {
  const Graph* graph = nullptr;
  const Node* call = nullptr;  // in parent->graph
  Frame* parent = nullptr;
  int depth = 0;
  std::string prefix;         // of node names
  std::vector<Visit> visits;  // by the node's number (Node::scratch)
  /// Values that no copy of their node makes: given from outside, chosen by a Merge.
  std::unordered_map<const Value*, Value*> given;
  std::unordered_map<const Node*, std::unique_ptr<Frame>> calls;
  std::unique_ptr<Guards> guards;  // null: the graph has no conditionals of TensorFlow 1
  size_t outer_guard = 0;          // how many predicates the call hangs on
  int number = 0;                  // one a frame

  Visit& visit(const Node& node) { return visits[static_cast<size_t>(node.scratch)]; }
  /// What has been made of a value; null: nothing yet.
  Value* made(const Value* value) {
    const Visit& visit = this->visit(*value->node());
    if (visit.given)
      if (auto it = given.find(value); it != given.end()) return it->second;
    return visit.copy ? visit.copy->result(value->index()) : nullptr;
  }
  void give(const Value* value, Value* made) {
    visit(*value->node()).given = true;
    given[value] = made;
  }
};

class Instantiation {
 public:
  Instantiation(const Source& source, Model& model, Graph& graph, std::vector<DroppedNode>* dropped)
      : source_(source), model_(model), graph_(graph), dropped_(dropped) {}

  Status run(const Graph& from, const EntryPoint& entry) {
    open(root_, from);
    for (size_t i = 0; i < entry.inputs.size(); ++i) {
      Value* input = graph_.add_input(entry.inputs[i]->node()->name, entry.input_dtypes[i],
                                      entry.input_shapes[i]);
      input->name = entry.inputs[i]->node()->name;
      if (!root_.made(entry.inputs[i])) root_.give(entry.inputs[i], input);
    }
    if (Guards::needed(from)) root_.guards = std::make_unique<Guards>(entry.inputs);
    for (const Value* output : entry.outputs) PUMICE_CHECK(always_computed(*output));
    for (const Value* output : entry.outputs) PUMICE_CHECK(demand(root_, output));
    // Writes that control outputs of the called functions ask for, although no data comes of them.
    for (const Value* output : entry.outputs) PUMICE_CHECK(demand_effects(root_, output->node()));
    // A function's control outputs; a whole graph has none.
    for (const Node* control : from.return_node()->control_inputs)
      PUMICE_CHECK(demand_effects(root_, control));
    PUMICE_CHECK(close_loops());
    for (const Value* output : entry.outputs) graph_.add_output(lookup(root_, output));
    return {};
  }

 private:
  /// Numbers the nodes of the graph that the frame runs. A function's frames give the same numbers.
  static void open(Frame& frame, const Graph& graph) {
    int64_t number = 0;
    for (Node& node : graph) node.scratch = number++;
    frame.graph = &graph;
    frame.visits.resize(static_cast<size_t>(number));
  }

  struct Task {
    Frame* frame;
    const Value* value;   // to be made (or null)
    const Node* effects;  // whose side effects are to be made (or null)
  };

  /// Where a value really comes from: through arguments to the caller, through calls to the callee.
  struct Place {
    Frame* frame;
    const Value* value;
  };

  Result<Place> resolve(Frame& frame, const Value* value) {
    Place place{&frame, value};
    while (!place.frame->made(place.value)) {
      const Node& node = *place.value->node();
      if (node.op == "Input" && place.frame->parent) {
        size_t argument = 0;
        const auto& inputs = place.frame->graph->inputs();
        while (argument < inputs.size() && inputs[argument] != place.value) ++argument;
        const Node& call = *place.frame->call;
        if (argument >= call.operand_count() || !call.operand(argument))
          return Error(ErrorCode::kMalformed,
                       "the call gives fewer arguments than its function takes")
              .at(call.name, call.op);
        place = {place.frame->parent, call.operand(argument)};
        continue;
      }
      PUMICE_TRY(Frame * callee, enter(*place.frame, node));
      if (!callee) break;
      if (place.value->index() >= callee->graph->output_count())
        return Error(ErrorCode::kMalformed, "the call reads more results than its function gives")
            .at(node.name, node.op);
      place = {callee, callee->graph->output(place.value->index())};
    }
    return place;
  }

  /// The frame of a call node; null when the node is no call that is to be inlined.
  Result<Frame*> enter(Frame& frame, const Node& node) {
    if (!source_.functions) return nullptr;
    std::string function;
    if (node.op == "PartitionedCall" || node.op == "StatefulPartitionedCall") {
      const auto* f = node.attributes.find<FunctionRef>("f");
      if (!f)
        return Error(ErrorCode::kMalformed, "a call without a function").at(node.name, node.op);
      function = f->name;
    } else {
      function = node.op;  // a function called by its own name
    }
    if (auto it = frame.calls.find(&node); it != frame.calls.end()) return it->second.get();
    const Attributes* attributes = source_.functions->attributes(function);
    if (!attributes) {
      if (function == node.op) return nullptr;
      return Error(ErrorCode::kMalformed, "the called function is not in the library")
          .at(node.name, node.op)
          .found("'" + function + "'");
    }
    if (attributes->has("_implements")) {
      PUMICE_TRY(Composite composite, read_composite(source_, function, node));
      if (!composite.op.empty()) {
        composites_.insert_or_assign(&node, std::move(composite));
        return nullptr;
      }
    }
    PUMICE_TRY(const Graph* body, source_.functions->find(function));
    if (!body) return nullptr;
    if (frame.depth >= kDeepestCall)
      return Error(ErrorCode::kUnsupported, "functions call each other too deeply (recursion?)")
          .at(node.name, node.op);
    numbered_ += body->node_count();
    if (numbered_ > kMostNodes)
      return Error(ErrorCode::kTooLarge, "the functions expand to too many nodes")
          .at(node.name, node.op);
    auto callee = std::make_unique<Frame>();
    open(*callee, *body);
    callee->call = &node;
    callee->parent = &frame;
    callee->depth = frame.depth + 1;
    callee->prefix = frame.prefix + node.name + "/";
    callee->number = ++frames_;
    callee->outer_guard = guard_depth(frame, node);
    if (Guards::needed(*body))
      callee->guards = std::make_unique<Guards>(std::vector<const Value*>());
    return (frame.calls[&node] = std::move(callee)).get();
  }

  Value* lookup(Frame& frame, const Value* value) {
    auto place = resolve(frame, value);
    return place.ok() ? place->frame->made(place->value) : nullptr;
  }

  /// A Switch without a Merge gives an output on one side only.
  Status always_computed(const Value& output) {
    if (!root_.guards) return {};
    const bool dead = root_.guards->is_dead(output);
    if (!dead && root_.guards->depth(output) == 0) return {};
    return Error(ErrorCode::kMalformed,
                 dead ? "this output is never computed: it stands in a branch that is never taken"
                      : "this output is computed only in one branch of a conditional")
        .at(output.node()->name, output.node()->op)
        .expected("the Merge of both branches")
        .hint("Name the Merge after it with --output-arrays");
  }

  static bool checks_or_prints(const Node& node) {
    static const std::unordered_set<std::string_view> kOps = {"Abort", "Assert", "PrintV2"};
    return kOps.count(node.op) || hands_on_first(node) ||
           node.op.find("Summary") != std::string::npos;
  }

  /// Checks and prints that stand in the data's way: they hand their first operand on.
  static bool hands_on_first(const Node& node) {
    static const std::unordered_set<std::string_view> kOps = {"CheckNumerics",   "CheckNumericsV2",
                                                              "DebugIdentity",   "DebugIdentityV2",
                                                              "DebugIdentityV3", "Print"};
    return kOps.count(node.op) && node.operand_count() > 0;
  }

  /// Notes a check or a print that the model goes without; in the branches of an If, too.
  Status note_dropped(const Frame& frame, const Node& node) {
    if (!dropped_) return {};
    if (checks_or_prints(node)) dropped_->push_back({node.op, frame.prefix + node.name});
    if (!node.is("If") && !node.is("StatelessIf")) return {};
    for (const char* name : {"then_branch", "else_branch"}) {
      const auto* ref = node.attributes.find<FunctionRef>(name);
      if (!ref || !source_.functions) continue;
      PUMICE_TRY(const Graph* branch, source_.functions->find(ref->name));
      if (!branch) continue;
      for (const Node& inside : *branch)
        if (checks_or_prints(inside)) dropped_->push_back({inside.op, frame.prefix + node.name});
    }
    return {};
  }

  static size_t guard_depth(Frame& frame, const Node& node) {
    return frame.outer_guard + (frame.guards ? frame.guards->depth(node) : 0);
  }

  /// What a node needs of a conditional's Merge: the predicates, and the operands that may live.
  static void gather(const Choice& choice, const Node& merge, std::vector<const Value*>& needed) {
    if (!choice.predicate) {
      needed.push_back(merge.operand(choice.operand));
      return;
    }
    needed.push_back(choice.predicate);
    gather(*choice.yes, merge, needed);
    gather(*choice.no, merge, needed);
  }

  /// The values that must be there before `node` is copied.
  static Status inputs_of(Frame& frame, const Node& node, std::vector<const Value*>& needed) {
    needed.clear();
    if (frame.guards && is_conditional_merge(node)) {
      PUMICE_TRY(const Choice* choice, frame.guards->choice(node));
      gather(*choice, node, needed);
      return {};
    }
    const bool first_only = hands_on_first(node) || (frame.guards && is_conditional_switch(node));
    for (size_t i = 0; i < (first_only ? 1 : node.operand_count()); ++i)
      if (node.operand(i) && !is_back_edge(node, node.operand(i)))
        needed.push_back(node.operand(i));
    return {};
  }

  static bool is_back_edge(const Node& reader, const Value* operand) {
    return reader.op == "Merge" && operand->node()->op == "NextIteration";
  }

  /// Nodes that must keep their order beside writes: the writes and the reads of state.
  static bool is_stateful(const Node& node) {
    return has_side_effect(node) || node.op == "ReadVariableOp" || node.op == "ResourceGather";
  }

  Status demand(Frame& frame, const Value* value) {
    std::vector<Task> stack{{&frame, value, nullptr}};
    return drain(stack);
  }

  Status demand_effects(Frame& frame, const Node* node) {
    std::vector<Task> stack{{&frame, nullptr, node}};
    return drain(stack);
  }

  Status drain(std::vector<Task>& stack) {
    while (!stack.empty()) {
      Task task = stack.back();
      size_t mark = stack.size();
      if (task.effects) {
        PUMICE_TRY(bool done, order(*task.frame, *task.effects, stack));
        if (done && stack.size() == mark) stack.pop_back();
        continue;
      }
      PUMICE_TRY(Place place, resolve(*task.frame, task.value));
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
      const Value* operand = needed_[i];
      PUMICE_TRY(Place place, resolve(frame, operand));
      if (!place.frame->made(place.value)) {
        if (place.frame->visit(*place.value->node()).waiting)
          return Error(ErrorCode::kMalformed, "the graph has a cycle through this node")
              .at(node.name, node.op);
        stack.push_back({place.frame, place.value, nullptr});
      }
    }
    visit.waiting = stack.size() != mark;
    return !visit.waiting;
  }

  /// Visits a control predecessor: copies it when it reads or writes state, and looks further up.
  /// Pushes what must come first; true when nothing more is to be pushed.
  Result<bool> order(Frame& frame, const Node& node, std::vector<Task>& stack) {
    size_t mark = stack.size();
    // What stands in a branch that is never taken has no effects.
    if (frame.guards && frame.guards->is_dead(node)) return true;
    const bool first = !std::exchange(frame.visit(node).visited, true);
    if (first) PUMICE_CHECK(note_dropped(frame, node));
    PUMICE_TRY(Frame * callee, enter(frame, node));
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
    if (graph_.node_count() > kMostNodes)
      return Error(ErrorCode::kTooLarge, "the functions expand to too many nodes")
          .at(node.name, node.op);
    if (frame.guards && is_conditional_merge(node)) return copy_merge(frame, node);
    if (frame.guards && is_conditional_switch(node)) return copy_switch(frame, node);
    const size_t depth = guard_depth(frame, node);
    if (depth && has_side_effect(node))
      return Error(ErrorCode::kUnsupported, "it writes state in one branch of a conditional")
          .at(node.name, node.op);
    const bool is_check = hands_on_first(node);
    if (is_check) PUMICE_CHECK(note_dropped(frame, node));
    std::vector<Value*> operands;
    std::vector<size_t> back_edges;
    for (size_t i = 0; i < (is_check ? 1 : node.operand_count()); ++i) {
      const Value* operand = node.operand(i);
      if (operand && is_back_edge(node, operand)) {
        back_edges.push_back(i);
        operands.push_back(nullptr);
      } else {
        operands.push_back(operand ? lookup(frame, operand) : nullptr);
      }
    }
    Node* copy = graph_.create(is_check ? "Identity" : node.op, operands, node.result_count());
    copy->attributes = node.attributes;
    if (depth) copy->attributes.set(kGuardDepth, static_cast<int64_t>(depth));
    copy->name = frame.prefix.empty() ? node.name : frame.prefix + node.name;
    if (auto composite = composites_.find(&node); composite != composites_.end()) {
      copy->op = composite->second.op;
      copy->attributes = composite->second.attributes;
    }
    for (size_t i = 0; i < node.result_count(); ++i) {
      copy->result(i)->dtype = dtype_by_attributes(*node.result(i));
      copy->result(i)->shape = node.result(i)->shape;
    }
    frame.visit(node).copy = copy;
    for (size_t i : back_edges) back_edges_.push_back({&frame, node.operand(i), copy, i});
    if (frame.graph == source_.graph.get()) bind_handle(node, *copy);
    if (node.is("While") || node.is("StatelessWhile") || node.is("If") || node.is("StatelessIf") ||
        node.is("Case") || node.is("StatelessCase"))
      PUMICE_CHECK(adopt_functions(*copy));
    return {};
  }

  /// A Switch hands its value on: that its branch alone uses it, the depth of its results says.
  Status copy_switch(Frame& frame, const Node& node) {
    for (size_t i = 0; i < node.result_count(); ++i) {
      if (frame.guards->is_dead(*node.result(i))) continue;
      Node* copy = graph_.create("Identity", {lookup(frame, node.operand(0))});
      copy->name = frame.prefix + node.name;
      DType dtype = dtype_by_attributes(*node.result(i));
      copy->attributes = {{"T", dtype}};
      copy->result()->dtype = dtype;
      if (size_t depth = frame.outer_guard + frame.guards->depth(*node.result(i)))
        copy->attributes.set(kGuardDepth, static_cast<int64_t>(depth));
      frame.give(node.result(i), copy->result());
    }
    return {};
  }

  /// A Merge becomes a `_Choose` of predicate, value and value; nothing where one operand alone can
  /// live.
  Status copy_merge(Frame& frame, const Node& node) {
    PUMICE_TRY(const Choice* choice, frame.guards->choice(node));
    for (size_t i = 0; i < node.result_count(); ++i)
      if (i == 0 || !node.result(i)->unused())
        frame.give(node.result(i), choose(frame, node, i, *choice, guard_depth(frame, node)));
    // Choices under the same conditions may share an If.
    const auto key = static_cast<int64_t>(frame.number) << 32 | frame.guards->number(node);
    for (size_t i = 0; i < node.result_count(); ++i)
      if (choice->predicate && (i == 0 || !node.result(i)->unused()))
        frame.made(node.result(i))->node()->attributes.set(kGuard, key);
    return {};
  }

  /// Result 0 of a Merge is the operand, result 1 its number.
  Value* choose(Frame& frame, const Node& node, size_t result, const Choice& choice, size_t depth) {
    if (!choice.predicate)
      return result == 0 ? lookup(frame, node.operand(choice.operand))
                         : graph_.constant(Tensor::scalar_i32(static_cast<int32_t>(choice.operand)),
                                           nullptr, node.name);
    Value* yes = choose(frame, node, result, *choice.yes, depth + 1);
    Value* no = choose(frame, node, result, *choice.no, depth + 1);
    Node* copy = graph_.create(kChoose, {lookup(frame, choice.predicate), yes, no});
    copy->name = frame.prefix + node.name;
    copy->attributes.set(kGuardDepth, static_cast<int64_t>(depth));
    copy->result()->dtype = result == 0 ? dtype_by_attributes(*node.result(0)) : DType::kInt32;
    return copy->result();
  }

  /// The functions that a control-flow node names become graphs of the model, one copy a node:
  /// their shapes depend on where they are called.
  Status adopt_functions(Node& node) {
    auto adopt = [&](FunctionRef& ref) -> Status {
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
      EntryPoint entry;
      for (Value* input : body->inputs()) {
        entry.inputs.push_back(input);
        entry.input_dtypes.push_back(dtype_by_attributes(*input));
        entry.input_shapes.push_back(Shape::unknown());
      }
      for (size_t i = 0; i < body->output_count(); ++i) entry.outputs.push_back(body->output(i));
      Instantiation nested(source_, model_, *graph, dropped_);
      nested.adopted_ = adopted_;
      PUMICE_CHECK(nested.run(*body, entry));
      adopted_ = nested.adopted_;
      ref = FunctionRef{graph->name, nullptr};
      return {};
    };
    for (const char* name : {"cond", "body", "then_branch", "else_branch"})
      if (const auto* ref = node.attributes.find<FunctionRef>(name)) {
        FunctionRef changed = *ref;
        PUMICE_CHECK(adopt(changed));
        node.attributes.set(name, std::move(changed));
      }
    if (const auto* refs = node.attributes.find<std::vector<FunctionRef>>("branches")) {
      std::vector<FunctionRef> changed = *refs;
      for (FunctionRef& ref : changed) PUMICE_CHECK(adopt(ref));
      node.attributes.set("branches", std::move(changed));
    }
    return {};
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
      PUMICE_CHECK(demand(*edge.frame, edge.source));
      edge.merge->set_operand(edge.operand, lookup(*edge.frame, edge.source));
    }
    return {};
  }

  struct BackEdge {
    Frame* frame;
    const Value* source;
    Node* merge;
    size_t operand;
  };
  const Source& source_;
  Model& model_;
  Graph& graph_;
  std::vector<DroppedNode>* dropped_;
  Frame root_;
  std::vector<BackEdge> back_edges_;
  std::vector<const Value*> needed_;                       // of the node that is looked at
  std::unordered_map<const Node*, Composite> composites_;  // calls that become an op
  size_t numbered_ = 0;  // nodes of the functions that frames were opened for
  int adopted_ = 0;
  int frames_ = 0;
  std::unordered_map<std::string, size_t> variable_nodes_;
};

}  // namespace

Status instantiate(const Source& source, const Graph& from, const EntryPoint& entry, Model& model,
                   Graph& graph, std::vector<DroppedNode>* dropped) {
  return Instantiation(source, model, graph, dropped).run(from, entry);
}

}  // namespace pumice
