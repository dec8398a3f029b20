#include "passes/call_bodies.h"

#include <algorithm>

#include "graph/inline.h"
#include "ops/infer.h"
#include "ops/list_ops.h"
#include "passes/lists_to_tensors.h"

namespace pumice {
namespace {

constexpr char kInferred[] = "_bodies_inferred";
constexpr int kMostRounds = 8;
/// After so many rounds the sizes that still change are given up at once.
constexpr int kPatientRounds = 3;

/// An argument of a body: a constant to put in its place, or a type for its input.
struct Argument {
  const Constant* constant = nullptr;
  DType dtype = DType::kInvalid;
  Shape shape;
  bool list = false;
  SmallVector<Dim, 1> partial;  // as Value::partial: only of what the body cannot change
};

/// The sizes of a list's elements that are not known where it enters a body may be known by what
/// the body does with it. True when the argument became better known.
bool learn_list(Argument& argument, const Value* initial, const Shape& found) {
  if (!argument.list || !found.known_rank() || found.rank() == 0) return false;
  if (!argument.shape.known_rank()) {
    argument.shape = found;
    argument.shape[0] = list_count(initial);
    return true;
  }
  if (found.rank() != argument.shape.rank()) return false;
  bool learned = false;
  for (size_t i = 1; i < found.rank(); ++i)
    if (Dim& d = argument.shape[i]; d == Dim() && !(found[i] == Dim())) {
      d = found[i];
      learned = true;
    }
  return learned;
}

/// A copy of `from` as a new graph of the model: arguments that are constants are none of its
/// inputs.
Graph* copy_body(Model& model, const Graph& from, const std::vector<Argument>& arguments) {
  Graph* copy = model.add_graph(model.unique_name(from.name));
  std::vector<Value*> values;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const Argument& a = arguments[i];
    values.push_back(a.constant
                         ? copy->constant(*a.constant, nullptr, from.inputs()[i]->node()->name)
                         : copy->add_input(from.inputs()[i]->node()->name, a.dtype, a.shape));
    if (a.list) mark_list(*values.back());
    if (!a.constant) values.back()->partial = a.partial;
  }
  for (Value* output : inline_graph(from, values, *copy, copy->return_node()))
    copy->add_output(output);
  return copy;
}

/// The value behind Identity nodes.
const Value* behind_identities(const Value* value) {
  while (value->node()->is("Identity") && value->node()->operand_count() == 1)
    value = value->node()->operand(0);
  return value;
}

/// Of a list, only the number of elements: their sizes stay open until an element tells them.
void give_fresh_symbols(Model& model, Value& value, bool list = false) {
  if (!value.shape.known_rank()) return;
  for (size_t i = 0; i < (list ? std::min<size_t>(1, value.shape.rank()) : value.shape.rank()); ++i)
    if (Dim& d = value.shape[i]; d == Dim()) d = Dim::symbol(model.next_symbol++);
}

const Graph* called(const Model& model, const Node& node, const char* attribute) {
  const auto* ref = node.attributes.find<FunctionRef>(attribute);
  return ref ? model.find(ref->name) : nullptr;
}

/// Conditions may be numbers in TensorFlow: true where they are not zero.
Value* as_bool(Graph& graph, Value* value, Node* before) {
  if (value->dtype == DType::kBool) return value;
  Node* cast = graph.create("Cast", {value}, 1, before);
  cast->attributes = {{"SrcT", value->dtype}, {"DstT", DType::kBool}};
  cast->name = value->node()->name;
  set_result(*cast, 0, DType::kBool, value->shape);
  return cast->result();
}

}  // namespace

bool bodies_inferred(const Node& node) { return node.attributes.boolean(kInferred); }

Status infer_while_bodies(Model& model, Node& node, const SimplifyLimits& limits) {
  if (limits.deepest_call <= 0) return unsupported(node, "control flow nests too deeply");
  SimplifyLimits inner = limits;
  --inner.deepest_call;
  const Graph *cond = called(model, node, "cond"), *body = called(model, node, "body");
  size_t n = node.operand_count();
  if (!cond || !body || node.result_count() != n)
    return malformed(node, "the loop's functions do not fit its inputs");
  std::vector<Argument> arguments(n);
  std::vector<size_t> kept;
  for (size_t i = 0; i < n; ++i) {
    Value* initial = node.operand(i);
    bool invariant = behind_identities(body->output(i)) == body->inputs()[i];
    arguments[i] = {invariant ? constant_of(initial) : nullptr, initial->dtype, initial->shape,
                    is_list(initial), invariant ? initial->partial : SmallVector<Dim, 1>()};
    if (!arguments[i].constant) kept.push_back(i);
    // An invariant is what it was, whatever the loop does.
    if (invariant) node.graph().replace_uses(node.result(i), initial);
  }
  Graph* simplified = nullptr;
  for (int round = 0;; ++round) {
    if (round == kMostRounds)
      return unsupported(node, "the shapes of the loop's variables do not settle");
    simplified = copy_body(model, *body, arguments);
    PUMICE_CHECK(simplify(model, *simplified, inner));
    refine_lists(model, *simplified);
    bool settled = true;
    for (size_t k = 0; k < kept.size(); ++k) {
      const size_t i = kept[k];
      const Value* next = simplified->output(i);
      if (round < kPatientRounds &&
          (learn_list(arguments[i], node.operand(i), simplified->inputs()[k]->shape) ||
           learn_list(arguments[i], node.operand(i), next->shape))) {
        settled = false;
        continue;
      }
      if (next->dtype != arguments[i].dtype && next->dtype != DType::kInvalid)
        return malformed(node, "a loop variable changes its dtype")
            .expected(std::string(dtype_name(arguments[i].dtype)))
            .found(std::string(dtype_name(next->dtype)));
      Shape both = generalize(arguments[i].shape, next->shape);
      if (both == arguments[i].shape) continue;
      settled = false;
      if (round >= kPatientRounds)
        both = both.known_rank() ? Shape::of_rank(both.rank()) : Shape::unknown();
      arguments[i].shape = both;
    }
    if (settled) break;
    model.graphs.erase(simplified->name);
  }
  // Outputs that only handed constants on go. From the last, so that numbers stay right.
  std::vector<Value*> outputs;
  for (size_t i : kept) outputs.push_back(simplified->output(i));
  while (simplified->output_count() > outputs.size())
    simplified->return_node()->remove_operand(simplified->output_count() - 1);
  for (size_t i = 0; i < outputs.size(); ++i) simplified->set_output(i, outputs[i]);
  simplified->erase_dead();

  Graph* condition = copy_body(model, *cond, arguments);
  PUMICE_CHECK(simplify(model, *condition, inner));
  condition->set_output(0, as_bool(*condition, condition->output(0), condition->return_node()));

  std::vector<Value*> operands;
  for (size_t i : kept) operands.push_back(node.operand(i));
  Graph& graph = node.graph();
  Node* loop = graph.create(node.op, operands, operands.size(), &node);
  loop->name = node.name;
  loop->attributes = {{"cond", FunctionRef{condition->name, nullptr}},
                      {"body", FunctionRef{simplified->name, nullptr}},
                      {kInferred, true}};
  for (size_t k = 0; k < kept.size(); ++k) {
    set_result(*loop, k, arguments[kept[k]].dtype, arguments[kept[k]].shape);
    if (arguments[kept[k]].list) mark_list(*loop->result(k));
    give_fresh_symbols(model, *loop->result(k), arguments[kept[k]].list);
    graph.replace_uses(node.result(kept[k]), loop->result(k));
  }
  return {};
}

Status infer_if_bodies(Model& model, Node& node, const SimplifyLimits& limits) {
  if (limits.deepest_call <= 0) return unsupported(node, "control flow nests too deeply");
  SimplifyLimits inner = limits;
  --inner.deepest_call;
  std::vector<Argument> arguments;
  std::vector<Value*> operands{as_bool(node.graph(), node.operand(0), &node)};
  for (size_t i = 1; i < node.operand_count(); ++i) {
    Value* operand = node.operand(i);
    arguments.push_back(
        {constant_of(operand), operand->dtype, operand->shape, is_list(operand), operand->partial});
    if (!arguments.back().constant) operands.push_back(operand);
  }
  Graph* branches[2];
  // Again where a branch tells what a list of both holds.
  bool learned = true;
  for (int round = 0; learned; ++round) {
    learned = false;
    for (int b = 0; b < 2; ++b) {
      const Graph* branch = called(model, node, b ? "else_branch" : "then_branch");
      if (!branch || branch->inputs().size() != arguments.size() ||
          branch->output_count() != node.result_count())
        return malformed(node, "the branch's function does not fit");
      branches[b] = copy_body(model, *branch, arguments);
      PUMICE_CHECK(simplify(model, *branches[b], inner));
      refine_lists(model, *branches[b]);
      size_t k = 0;
      for (size_t i = 0; i < arguments.size(); ++i)
        if (!arguments[i].constant) {
          const Shape& found = branches[b]->inputs()[k++]->shape;
          if (round < kPatientRounds)
            learned |= learn_list(arguments[i], node.operand(i + 1), found);
        }
    }
    if (learned)
      for (Graph* branch : branches) model.graphs.erase(branch->name);
  }
  Graph& graph = node.graph();
  Node* chosen = graph.create(node.op, operands, node.result_count(), &node);
  chosen->name = node.name;
  chosen->attributes = {{"then_branch", FunctionRef{branches[0]->name, nullptr}},
                        {"else_branch", FunctionRef{branches[1]->name, nullptr}},
                        {kInferred, true}};
  for (size_t i = 0; i < node.result_count(); ++i) {
    const Value *then = branches[0]->output(i), *other = branches[1]->output(i);
    if (then->dtype != other->dtype)
      return malformed(node, "the branches give different dtypes")
          .expected(std::string(dtype_name(then->dtype)))
          .found(std::string(dtype_name(other->dtype)));
    set_result(*chosen, i, then->dtype, generalize(then->shape, other->shape));
    if (is_list(then)) mark_list(*chosen->result(i));
    give_fresh_symbols(model, *chosen->result(i), is_list(then));
    graph.replace_uses(node.result(i), chosen->result(i));
  }
  return {};
}

Status split_case(Model& model, Node& node) {
  const auto* refs = node.attributes.find<std::vector<FunctionRef>>("branches");
  std::vector<FunctionRef> rest(refs->begin() + 1, refs->end());
  const Graph* first = model.find(refs->front().name);
  size_t n = node.operand_count();
  if (!first || first->inputs().size() + 1 != n || first->output_count() != node.result_count())
    return malformed(node, "the branch's function does not fit");
  Value* index = node.operand(0);
  auto wrapper = [&](const std::string& name) {
    Graph* graph = model.add_graph(model.unique_name(name));
    graph->add_input("index", index->dtype, Shape::scalar());
    for (size_t i = 1; i < n; ++i)
      graph->add_input(first->inputs()[i - 1]->node()->name, node.operand(i)->dtype, Shape());
    return graph;
  };
  Graph* then = wrapper(first->name);
  std::vector<Value*> passed(then->inputs().begin() + 1, then->inputs().end());
  for (Value* output : inline_graph(*first, passed, *then, then->return_node()))
    then->add_output(output);

  Graph* others = wrapper(node.name + "/others");
  Value* one = others->constant(Constant(Tensor::scalar_i32(1)));
  Node* minus = others->create("Sub", {others->inputs()[0], one});
  minus->attributes = {{"T", DType::kInt32}};
  minus->name = node.name;
  set_result(*minus, 0, DType::kInt32, Shape::scalar());
  std::vector<Value*> operands{minus->result()};
  operands.insert(operands.end(), others->inputs().begin() + 1, others->inputs().end());
  Node* again = others->create("Case", operands, node.result_count());
  again->name = node.name;
  again->attributes = {{"branches", rest}};
  for (size_t i = 0; i < node.result_count(); ++i) {
    again->result(i)->dtype = node.result(i)->dtype;
    others->add_output(again->result(i));
  }

  Graph& graph = node.graph();
  Value* zero = graph.constant(Constant(Tensor::scalar_i32(0)), &node, node.name);
  Node* equal = graph.create("Equal", {index, zero}, 1, &node);
  equal->attributes = {{"T", DType::kInt32}};
  equal->name = node.name;
  std::vector<Value*> arguments{equal->result()};
  for (size_t i = 0; i < n; ++i) arguments.push_back(node.operand(i));
  Node* chosen = graph.create("If", arguments, node.result_count(), &node);
  chosen->name = node.name;
  chosen->attributes = {{"then_branch", FunctionRef{then->name, nullptr}},
                        {"else_branch", FunctionRef{others->name, nullptr}}};
  for (size_t i = 0; i < node.result_count(); ++i) {
    chosen->result(i)->dtype = node.result(i)->dtype;
    graph.replace_uses(node.result(i), chosen->result(i));
  }
  return {};
}

}  // namespace pumice
