// Apply nodes in the functions of a SavedModel. A function that was traced while it trained
// captured the optimizer's variables as its last arguments; the object graph tells whose they are.
#include <map>
#include <set>
#include <vector>

#include "training/apply_ops.h"
#include "training/collect.h"
#include "training/reach.h"

namespace pumice {
namespace {

constexpr int64_t kNoObject = -1;

class AppliedInFunctions {
 public:
  explicit AppliedInFunctions(Collector& collector)
      : c_(collector), functions_(*c_.source.functions), facts_(c_.source.facts) {}

  void collect() {
    find_owners();
    for (const auto& [name, bound] : facts_.bound_inputs) {
      const Graph* graph = graph_of(name);
      if (!graph || bound.size() > graph->inputs().size()) continue;
      std::vector<int64_t> arguments(graph->inputs().size() - bound.size(), kNoObject);
      arguments.insert(arguments.end(), bound.begin(), bound.end());
      pending_.push_back({name, graph, std::move(arguments)});
    }
    while (!pending_.empty()) {
      const Call call = std::move(pending_.back());
      pending_.pop_back();
      if (seen_.insert(call.function).second) visit(call);
    }
    for (const auto& [where, found] : places_) {
      std::string path = std::string(kInFunction) + where.second + ": " + found.first;
      if (found.nodes > 1) path += " (and " + std::to_string(found.nodes - 1) + " more)";
      c_.registrations[where.first].found_in.push_back({"saved_model.pb", std::move(path)});
    }
  }

 private:
  /// A function and the objects that its arguments are.
  struct Call {
    std::string function;
    const Graph* graph;
    std::vector<int64_t> arguments;
  };
  struct Found {
    std::string first;  // node
    size_t nodes = 0;
  };

  /// Null where there is none, or where it cannot be read: its reader says so when it is needed.
  const Graph* graph_of(const std::string& name) {
    auto graph = functions_.find(name);
    return graph.ok() ? *graph : nullptr;
  }

  void find_owners() {
    owner_.assign(facts_.objects.size(), -1);
    for (size_t i = 0; i < c_.registrations.size(); ++i) {
      if (c_.registrations[i].outer < 0) continue;
      const std::vector<bool> state = brought_by(facts_.objects, {c_.registrations[i].outer}, true);
      for (size_t object = 0; object < state.size(); ++object)
        if (state[object]) owner_[object] = static_cast<int64_t>(i);
    }
  }

  static int64_t object_of(const Call& call, const Value* value,
                           const std::map<const Node*, size_t>& inputs) {
    if (!value) return kNoObject;
    const auto it = inputs.find(origin(value));
    return it == inputs.end() ? kNoObject : call.arguments[it->second];
  }

  void visit(const Call& call) {
    std::map<const Node*, size_t> inputs;
    for (size_t i = 0; i < call.graph->inputs().size(); ++i)
      inputs.emplace(call.graph->inputs()[i]->node(), i);
    for (const Node& node : *call.graph) {
      bool sparse = false;
      if (const ApplyOp* op = apply_op(node.op, &sparse)) {
        Found& found = places_[{owner_of(call, node, *op, inputs), call.function}];
        if (found.nodes++ == 0) found.first = node.name;
      }
      for (const auto& [name, value] : node.attributes) {
        const auto* callee = std::get_if<FunctionRef>(&value);
        const Graph* graph =
            callee && !seen_.count(callee->name) ? graph_of(callee->name) : nullptr;
        if (!graph) continue;
        // The first operand of If is its predicate, no argument.
        const size_t first = node.op == "If" || node.op == "StatelessIf" ? 1 : 0;
        std::vector<int64_t> arguments(graph->inputs().size(), kNoObject);
        for (size_t i = 0; i < arguments.size() && first + i < node.operand_count(); ++i)
          arguments[i] = object_of(call, node.operand(first + i), inputs);
        pending_.push_back({callee->name, graph, std::move(arguments)});
      }
    }
  }

  /// The registration whose state the node reads: slots, or the learning rate. Operand 0 is the
  /// trained variable, which tells nothing. One that nothing tells of goes to an optimizer of its
  /// algorithm.
  size_t owner_of(const Call& call, const Node& node, const ApplyOp& op,
                  const std::map<const Node*, size_t>& inputs) {
    for (size_t i = 1; i < node.operand_count(); ++i) {
      const int64_t object = object_of(call, node.operand(i), inputs);
      if (object < 0 || object >= static_cast<int64_t>(owner_.size()) || owner_[object] < 0)
        continue;
      Registration& r = c_.registrations[static_cast<size_t>(owner_[object])];
      if (r.kind.empty() || r.kind == "unknown") r.kind = op.kind;
      return static_cast<size_t>(owner_[object]);
    }
    const auto family = [](std::string_view kind) { return kind == "momentum" ? "sgd" : kind; };
    for (size_t i = 0; i < c_.registrations.size(); ++i)
      if (family(c_.registrations[i].kind) == family(op.kind)) return i;
    Registration fresh;
    fresh.kind = op.kind;
    fresh.class_name = op.class_name;
    fresh.generation = "tf1";
    fresh.state_read = false;
    c_.registrations.push_back(std::move(fresh));
    return c_.registrations.size() - 1;
  }

  Collector& c_;
  FunctionLibrary& functions_;
  const SourceFacts& facts_;
  std::vector<int64_t> owner_;  // by object: the registration whose state it is; -1: none
  std::vector<Call> pending_;
  std::set<std::string> seen_;
  std::map<std::pair<size_t, std::string>, Found> places_;  // by registration and function
};

}  // namespace

void collect_functions(Collector& collector) {
  if (!collector.source.functions || collector.source.facts.bound_inputs.empty()) return;
  // Most SavedModels do not train: that is told without building a graph.
  for (const std::string& name : collector.source.functions->names()) {
    if (collector.source.functions->bytes(name).find("Apply") == std::string_view::npos) continue;
    AppliedInFunctions(collector).collect();
    return;
  }
}

}  // namespace pumice
