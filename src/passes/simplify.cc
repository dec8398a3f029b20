// BEFORE  Shape(x:[a,10,4]) → StridedSlice[0] → Pack(·, 40) → Reshape(x, ·)
// AFTER   Reshape(x, ·):[a,40], and every value that depends on constants alone is a Const.
//
// All knowledge flows forward, so one sweep in topological order reaches the fixpoint; a rewrite
// that puts new nodes before the current one (an unrolled loop) continues at the first of them.
#include "passes/simplify.h"

#include <algorithm>

#include "graph/cast.h"
#include "graph/inline.h"
#include "import/import.h"
#include "ops/infer.h"
#include "ops/list_ops.h"
#include "ops/op.h"
#include "passes/call_bodies.h"
#include "passes/resolve_lists.h"

namespace pumice {
namespace {

/// Sizes without a name get one, those that had one keep it. The sizes of a list's elements stay
/// open until an element tells them; of a list, only the number of elements gets a name.
void give_symbols(Model& model, Shape& shape, const Shape& earlier, bool list) {
  if (!shape.known_rank()) return;
  const size_t n = list ? std::min<size_t>(shape.rank(), 1) : shape.rank();
  for (size_t i = 0; i < n; ++i) {
    if (!(shape[i] == Dim())) continue;
    bool had = earlier.is_rank(shape.rank()) && earlier[i].is_symbol();
    shape[i] = had ? earlier[i] : Dim::symbol(model.next_symbol++);
  }
}

/// Ops whose result is another view of a constant's elements: they become pending transforms.
std::optional<Constant> fold_view(const Node& node) {
  if (node.operand_count() == 0) return std::nullopt;
  const Constant* input = constant_of(node.operand(0));
  if (!input || node.result_count() != 1 || input->dtype() == DType::kString) return std::nullopt;
  const Value& result = *node.result();
  if (node.is("Reshape") || node.is("Squeeze") || node.is("ExpandDims")) {
    if (!result.shape.fully_known()) return std::nullopt;
    return input->then(Reshape{result.shape.sizes()});
  }
  if (node.is("Identity") || node.is("StopGradient") || node.is("Snapshot")) return *input;
  if (node.is("Cast") && castable(input->dtype(), result.dtype) &&
      result.dtype != DType::kInvalid && !node.attributes.boolean("Truncate"))
    return input->dtype() == result.dtype ? *input : input->then(CastTo{result.dtype});
  if (node.is("Transpose") && result.shape.fully_known()) {
    auto perm = constant_integers(node.operand(1));
    if (!perm || perm->size() != input->dims().size()) return std::nullopt;
    std::vector<int> p;
    for (int64_t axis : *perm) {
      auto normal = normalize_axis(axis, perm->size());
      if (!normal) return std::nullopt;
      p.push_back(static_cast<int>(*normal));
    }
    return input->then(Permute{std::move(p)});
  }
  return std::nullopt;
}

/// A small integer result whose elements are all known, although its operands are no constants
/// (the shape of a value): a constant.
std::optional<Constant> fold_known_elements(const Value& value) {
  if (value.partial.empty() || !value.shape.fully_known() || !is_integer(value.dtype))
    return std::nullopt;
  std::vector<int64_t> elements;
  for (Dim d : value.partial) {
    if (!d.known()) return std::nullopt;
    elements.push_back(d.size());
  }
  if (value.shape.elements() != static_cast<int64_t>(elements.size())) return std::nullopt;
  Tensor wide = Tensor::of<int64_t>(DType::kInt64, value.shape.sizes(), elements);
  return Constant(cast_tensor(wide, value.dtype));
}

/// A result that surely has no elements: a constant, since XNNPACK's slices may give the whole
/// tensor instead.
std::optional<Constant> fold_empty(const Value& value) {
  const auto elements = value.shape.elements();
  if (!elements || *elements != 0 || is_list(&value) || byte_size(value.dtype, 1) == 0)
    return std::nullopt;
  return Constant(Tensor::zeros(value.dtype, value.shape.sizes()));
}

class Simplifier {
 public:
  Simplifier(Model& model, Graph& graph, const SimplifyLimits& limits)
      : model_(model), graph_(graph), limits_(limits), lists_(graph) {}

  Result<SimplifySummary> run() {
    for (Value* input : graph_.inputs())
      give_symbols(model_, input->shape, Shape(), is_list(input));
    PUMICE_CHECK(sweep(graph_.first(), nullptr));
    graph_.erase_dead();
    return summary_;
  }

 private:
  /// Visits the nodes from `node` up to `end`, those that rewrites insert on the way too.
  Status sweep(Node* node, Node* end) {
    while (node != end) {
      if (!node->is("Return") && !node->is("Input") && !node->is("Const")) {
        Node* previous = node->previous();
        PUMICE_TRY(bool rewritten, rewrite(*node));
        if (rewritten) {
          // New nodes stand between `previous` and the rewritten node.
          // Those that came of a loop or a branch were visited as they came.
          Node* first = previous ? previous->next() : graph_.first();
          if (first != node && !is_call(*node)) PUMICE_CHECK(sweep(first, node));
          // Resolved lists keep their types, for readers that cannot be resolved.
          if (!is_call(*node)) PUMICE_CHECK(infer_node(model_, *node));
          // The node stays until the end: list states are kept by value, and a new value must not
          // take an old one's address.
          node = node->next();
          continue;
        }
        PUMICE_CHECK(infer_node(model_, *node));
        PUMICE_CHECK(fold(*node));
      }
      node = node->next();
    }
    return {};
  }

  static bool is_call(const Node& node) {
    for (const char* op : {"While", "StatelessWhile", "If", "StatelessIf", "Case", "StatelessCase"})
      if (node.is(op)) return true;
    return false;
  }

  /// Structural rewrites that need what the sweep knows so far. True: the node needs no inference.
  Result<bool> rewrite(Node& node) {
    if (bodies_inferred(node)) return false;
    if (node.is("While") || node.is("StatelessWhile")) {
      PUMICE_TRY(bool unrolled, unroll(node));
      if (!unrolled) PUMICE_CHECK(infer_while_bodies(model_, node, limits_));
      return true;
    }
    if (node.is("If") || node.is("StatelessIf")) {
      PUMICE_TRY(bool chosen, choose_branch(node));
      if (!chosen) PUMICE_CHECK(infer_if_bodies(model_, node, limits_));
      return true;
    }
    if (node.is("Case") || node.is("StatelessCase")) return choose_case(node);
    return lists_.resolve(node);
  }

  /// Inlines `callee` before `at` and visits its nodes. The outputs are set as operands
  /// `first_operand`… of `at`, which keeps them current while they are replaced.
  Status expand(const Graph& callee, std::span<Value* const> arguments, Node& at,
                size_t first_operand) {
    Node* previous = at.previous();
    auto outputs = inline_graph(callee, arguments, graph_, &at, at.name + "/");
    for (size_t i = 0; i < outputs.size(); ++i) at.set_operand(first_operand + i, outputs[i]);
    return sweep(previous ? previous->next() : graph_.first(), &at);
  }

  /// BEFORE  While(i=0, x) {cond: i < 3}      AFTER  three copies of the body
  ///
  /// Where each evaluation of the condition folds to a constant, within the limits; else unchanged.
  Result<bool> unroll(Node& node) {
    const auto* cond_ref = node.attributes.find<FunctionRef>("cond");
    const auto* body_ref = node.attributes.find<FunctionRef>("body");
    const Graph* cond = cond_ref ? model_.find(cond_ref->name) : nullptr;
    const Graph* body = body_ref ? model_.find(body_ref->name) : nullptr;
    size_t n = node.operand_count();
    if (!cond || !body || cond->inputs().size() != n || body->inputs().size() != n ||
        body->output_count() != n || cond->output_count() != 1)
      return malformed(node, "the loop's functions do not fit its inputs");
    std::vector<Value*> original;
    for (size_t i = 0; i < n; ++i) original.push_back(node.operand(i));
    node.add_operand(nullptr);  // the condition
    auto give_up = [&] {
      for (size_t i = 0; i < n; ++i) node.set_operand(i, original[i]);
      node.remove_operand(n);
      return false;
    };
    for (int iteration = 0;; ++iteration) {
      std::vector<Value*> now;
      for (size_t i = 0; i < n; ++i) now.push_back(node.operand(i));
      PUMICE_CHECK(expand(*cond, now, node, n));
      auto again = constant_integer(node.operand(n));
      if (!again) return give_up();
      if (!*again) break;
      unrolled_nodes_ += body->node_count();
      if (iteration >= limits_.most_iterations || unrolled_nodes_ > limits_.most_unrolled_nodes)
        return give_up();
      PUMICE_CHECK(expand(*body, now, node, 0));
    }
    for (size_t i = 0; i < n; ++i) graph_.replace_uses(node.result(i), node.operand(i));
    ++summary_.unrolled;
    return true;
  }

  /// BEFORE  If(true, x)      AFTER  the then-branch on x
  Result<bool> choose_branch(Node& node) {
    if (node.operand_count() == 0) return malformed(node, "a branch without a condition");
    auto condition = constant_integer(node.operand(0));
    if (!condition) return false;
    const auto* ref = node.attributes.find<FunctionRef>(*condition ? "then_branch" : "else_branch");
    return take_branch(node, ref);
  }

  /// BEFORE  Case(1, x)      AFTER  branch 1 on x; where the number is not known: nested Ifs
  Result<bool> choose_case(Node& node) {
    const auto* refs = node.attributes.find<std::vector<FunctionRef>>("branches");
    if (node.operand_count() == 0 || !refs || refs->empty())
      return malformed(node, "a case without an index or without branches");
    auto index = constant_integer(node.operand(0));
    auto last = static_cast<int64_t>(refs->size()) - 1;
    if (last == 0) index = 0;
    if (index) return take_branch(node, &(*refs)[*index < 0 || *index > last ? last : *index]);
    Node* previous = node.previous();
    PUMICE_CHECK(split_case(model_, node));
    PUMICE_CHECK(sweep(previous ? previous->next() : graph_.first(), &node));
    return true;
  }

  Result<bool> take_branch(Node& node, const FunctionRef* ref) {
    const Graph* branch = ref ? model_.find(ref->name) : nullptr;
    std::vector<Value*> arguments;
    for (size_t i = 1; i < node.operand_count(); ++i) arguments.push_back(node.operand(i));
    if (!branch || branch->inputs().size() != arguments.size() ||
        branch->output_count() != node.result_count())
      return malformed(node, "the branch's function does not fit");
    while (node.operand_count() < branch->output_count()) node.add_operand(nullptr);
    PUMICE_CHECK(expand(*branch, arguments, node, 0));
    for (size_t i = 0; i < node.result_count(); ++i)
      graph_.replace_uses(node.result(i), node.operand(i));
    return true;
  }

  void replace(Node& node, size_t i, Constant value) {
    Value* constant = graph_.constant(std::move(value), &node, node.name);
    graph_.replace_uses(node.result(i), constant);
    ++summary_.folded;
  }

  Status fold(Node& node) {
    for (size_t i = 0; i < node.result_count(); ++i)
      if (auto known = fold_known_elements(*node.result(i)); known && !node.result(i)->unused())
        replace(node, i, *std::move(known));
    if (!is_call(node) && !has_side_effect(node)) {
      for (size_t i = 0; i < node.result_count(); ++i)
        if (auto empty = fold_empty(*node.result(i)); empty && !node.result(i)->unused())
          replace(node, i, *std::move(empty));
    }
    if (auto view = fold_view(node)) {
      replace(node, 0, *std::move(view));
      return {};
    }
    const OpDef* op = find_op(node.op);
    if (!op || !op->evaluate || has_side_effect(node) || node.result_count() == 0) return {};
    bool used = false;
    uint64_t in_bytes = 0, out_bytes = 0;
    for (size_t i = 0; i < node.operand_count(); ++i) {
      const Constant* constant = constant_of(node.operand(i));
      if (!constant) return {};
      in_bytes += constant->byte_size();
    }
    for (size_t i = 0; i < node.result_count(); ++i) {
      used |= !node.result(i)->unused();
      auto elements = node.result(i)->shape.elements();
      if (elements) out_bytes += byte_size(node.result(i)->dtype, *elements);
    }
    if (!used) return {};
    if (out_bytes > limits_.largest_growth && out_bytes > 2 * in_bytes) return {};
    if (spent_ + in_bytes + out_bytes > limits_.fold_budget) return {};
    EvalContext context{node, {}, {}, &model_};
    for (size_t i = 0; i < node.operand_count(); ++i)
      context.inputs.push_back(constant_of(node.operand(i))->materialize());
    PUMICE_CHECK(op->evaluate(context));
    if (context.outputs.size() != node.result_count())
      return Error(ErrorCode::kInternal, "the evaluation gave the wrong number of results")
          .at(node.name, node.op);
    for (size_t i = 0; i < context.outputs.size(); ++i) {
      spent_ += byte_size(context.outputs[i].dtype(), context.outputs[i].elements());
      if (context.outputs[i].dtype() != DType::kInvalid && !node.result(i)->unused())
        replace(node, i, Constant(std::move(context.outputs[i])));
    }
    return {};
  }

  Model& model_;
  Graph& graph_;
  const SimplifyLimits& limits_;
  ListResolver lists_;
  SimplifySummary summary_;
  uint64_t spent_ = 0;
  size_t unrolled_nodes_ = 0;
};

}  // namespace

Status infer_node(Model& model, Node& node) {
  const OpDef* op = find_op(node.op);
  if (!op || !op->infer) {
    for (size_t i = 0; i < node.result_count(); ++i)
      node.result(i)->dtype = dtype_by_attributes(*node.result(i));
    return {};
  }
  std::vector<Shape> earlier;
  for (size_t i = 0; i < node.result_count(); ++i) {
    earlier.push_back(node.result(i)->shape);
    node.result(i)->partial.clear();
  }
  PUMICE_CHECK(op->infer(node));
  for (size_t i = 0; i < node.result_count(); ++i)
    give_symbols(model, node.result(i)->shape, earlier[i], is_list(node.result(i)));
  return {};
}

Result<SimplifySummary> simplify(Model& model, Graph& graph, const SimplifyLimits& limits) {
  return Simplifier(model, graph, limits).run();
}

}  // namespace pumice
