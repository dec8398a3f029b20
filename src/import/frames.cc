#include "import/frames.h"

#include <utility>

namespace pumice {
namespace {

constexpr int kDeepestCall = 200;

/// The argument of its function that an Input node's value is; the number of inputs if none.
size_t argument_number(const Graph& function, const Value* value) {
  const auto& inputs = function.inputs();
  size_t argument = 0;
  while (argument < inputs.size() && inputs[argument] != value) ++argument;
  return argument;
}

/// The function that a node calls, or would call if there were one named like its op.
Result<std::string> called_function(const Node& node) {
  if (node.op != "PartitionedCall" && node.op != "StatefulPartitionedCall") return node.op;
  const auto* f = node.attributes.find<FunctionRef>("f");
  if (!f) return Error(ErrorCode::kMalformed, "a call without a function").at(node.name, node.op);
  return f->name;
}

}  // namespace

Error Frames::too_many_nodes(const Node& node) {
  return Error(ErrorCode::kTooLarge, "the functions expand to too many nodes")
      .at(node.name, node.op);
}

Frames::Frames(const Source& source, const Graph& main, const std::vector<const Value*>& cut)
    : source_(source) {
  open(root_, main, cut);
}

void Frames::open(Frame& frame, const Graph& graph, const std::vector<const Value*>& cut) {
  int64_t number = 0;
  for (Node& node : graph) node.scratch = number++;
  frame.graph = &graph;
  frame.visits.resize(static_cast<size_t>(number));
  if (Guards::needed(graph)) frame.guards = std::make_unique<Guards>(cut);
}

Result<Frame*> Frames::enter(Frame& frame, const Node& node) {
  if (!source_.functions) return nullptr;
  PUMICE_TRY(const std::string function, called_function(node));
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
  if (numbered_ > kMostNodes) return too_many_nodes(node);
  auto callee = std::make_unique<Frame>();
  open(*callee, *body, {});
  callee->call = &node;
  callee->parent = &frame;
  callee->depth = frame.depth + 1;
  callee->prefix = frame.prefix + node.name + "/";
  callee->number = ++opened_;
  callee->outer_guard = frame.guard_depth(node);
  return (frame.calls[&node] = std::move(callee)).get();
}

Result<Place> Frames::resolve(Frame& frame, const Value* value) {
  Place place{&frame, value};
  while (!place.frame->made(place.value)) {
    const Node& node = *place.value->node();
    if (node.op == "Input" && place.frame->parent) {
      const size_t argument = argument_number(*place.frame->graph, place.value);
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

Value* Frames::lookup(Frame& frame, const Value* value) {
  auto place = resolve(frame, value);
  return place.ok() ? place->frame->made(place->value) : nullptr;
}

const Composite* Frames::composite(const Node& call) const {
  auto it = composites_.find(&call);
  return it == composites_.end() ? nullptr : &it->second;
}

}  // namespace pumice
