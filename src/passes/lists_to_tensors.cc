#include "passes/lists_to_tensors.h"

#include <algorithm>

#include "ops/infer.h"
#include "ops/list_ops.h"
#include "passes/list_builder.h"
#include "passes/simplify.h"

namespace pumice {
namespace {

constexpr int64_t kMostPlaces = 100'000;

/// A refusal's reason; empty: none.
using Reason = std::string;

constexpr char kUnequal[] = "an element may be of another size than the list's others";

bool is_zero_based(const std::vector<int64_t>& places) {
  for (size_t i = 0; i < places.size(); ++i)
    if (places[i] != static_cast<int64_t>(i)) return false;
  return true;
}

Reason untyped(const Value* list) {
  if (list->dtype == DType::kVariant || list->dtype == DType::kInvalid)
    return "the elements of the list are lists";
  if (list->dtype == DType::kString) return "the elements of the list are strings";
  if (!list->shape.known_rank() || list->shape.rank() == 0)
    return "the sizes of the list's elements are not known, or not equal";
  return {};
}

/// Why a value cannot be a list's tensor; empty: it can.
Reason unusable(const Value* list) {
  const Value* from = list;
  while (from->node()->is("Identity") && from->node()->operand_count() == 1)
    from = from->node()->operand(0);
  if (list_op(*from->node())) return "it works on a list that cannot be converted";
  return untyped(list);
}

bool same_sizes(const Value* list, const Shape& element) {
  if (!element.is_rank(list->shape.rank() - 1)) return false;
  for (size_t i = 0; i < element.rank(); ++i)
    if (!element[i].same_as(list->shape[i + 1])) return false;
  return true;
}

/// places is 0, 1, … n-1 for the n slices of value, at run time too.
bool takes_all_in_order(const Value* places, const Value* value) {
  if (!value->shape.known_rank() || value->shape.rank() == 0 || !places->shape.is_rank(1))
    return false;
  const Node& node = *places->node();
  if (auto known = constant_integers(places, kMostPlaces))
    return is_zero_based(*known) && value->shape[0] == Dim(static_cast<int64_t>(known->size()));
  // TensorFlow checks that there are as many places as slices.
  return node.is("Range") && constant_integer(node.operand(0)) == 0 &&
         constant_integer(node.operand(2)) == 1;
}

class Rewriter {
 public:
  Rewriter(Model& model, Graph& graph) : model_(model), graph_(graph), build_(model, graph) {}

  Result<size_t> run() {
    size_t applied = 0;
    for (Node* node = graph_.first(); node;) {
      Node* next = node->next();
      if (const ListOp* op = list_op(*node)) {
        at_ = node;
        op_ = op;
        build_.build_before(node);
        PUMICE_TRY(Reason reason, rewrite());
        if (reason.empty()) {
          graph_.erase(node);
          ++applied;
        } else {
          node->attributes.set("_refused", std::move(reason));
        }
      } else {
        if (node->is("Identity")) PUMICE_CHECK(infer_node(model_, *node));
        build_.remember_sizes(*node);
      }
      node = next;
    }
    return applied;
  }

 private:
  /// The op's operand of a number that ListOp gives; null where there is none.
  Value* operand(int i) const { return i >= 0 ? at_->operand(static_cast<size_t>(i)) : nullptr; }

  Reason done(Value* by, size_t result) {
    if (!by->shape.known_rank()) by->shape = at_->result(result)->shape;
    graph_.replace_uses(at_->result(result), by);
    return {};
  }
  Reason done(Value* by) {
    return done(by, op_->list_result >= 0 ? static_cast<size_t>(op_->list_result) : 0);
  }
  Result<Reason> done(Result<Value*> by) {
    if (!by.ok()) return std::move(by).error();
    return done(*by);
  }

  Result<Reason> rewrite() {
    if (op_->list >= 0)
      if (Reason reason = unusable(operand(op_->list)); !reason.empty()) return reason;
    Value* list = operand(op_->list);
    Value* value = operand(op_->value);
    Value* places = operand(op_->places);
    switch (op_->kind) {
      case ListKind::kMake: return make_list();
      case ListKind::kFromTensor: return done(value);
      case ListKind::kSet: return set(list, places, value);
      case ListKind::kGet:
      case ListKind::kGather: {
        if (Reason reason = outside(list, places); !reason.empty()) return reason;
        return done(build_.gather(list, places));
      }
      case ListKind::kPushBack: return push_back(list, value);
      case ListKind::kPopBack: return pop_back(list);
      case ListKind::kStack: return done(list);
      case ListKind::kScatter: return scatter(value, places);
      case ListKind::kScatterInto: return scatter_into(list, places, value);
      case ListKind::kSplit: return split(value, places);
      case ListKind::kConcat: return concat_elements(list);
      case ListKind::kConcatLists: return concat_lists(list, value);
      case ListKind::kLength: return done(build_.length(list));
      case ListKind::kResize: return resize(list, operand(op_->size));
      case ListKind::kElementShape:
        return Reason("the list's making does not state the sizes of its elements");
    }
    return Reason("not converted");
  }

  Result<Reason> make_list() {
    const Value* made = at_->result(static_cast<size_t>(op_->list_result));
    if (op_->list_result == 1 && !at_->result(0)->unused())
      return Reason("its handle is used by an op that pumice does not know");
    if (Reason reason = untyped(made); !reason.empty()) return reason;
    PUMICE_TRY(Value * tensor, build_.zeros(made->dtype, operand(op_->size), made->shape.dims()));
    if (!tensor) return Reason("the sizes of the list's elements are computed after it is made");
    return done(tensor);
  }

  Result<Reason> push_back(Value* list, Value* value) {
    if (!same_sizes(list, value->shape)) return Reason(kUnequal);
    PUMICE_TRY(Value * one, build_.expand(value, 0));
    return done(build_.concat({list, one}));
  }

  Result<Reason> pop_back(Value* list) {
    if (at_->result_count() != 2) return Reason("it has other than two results");
    if (list->shape[0] == Dim(0)) return Reason("its list is empty: TensorFlow fails there");
    PUMICE_TRY(Value * n, build_.length(list));
    PUMICE_TRY(Value * last, build_.arithmetic("Sub", n, build_.scalar(1)));
    PUMICE_TRY(Value * element, build_.gather(list, last));
    PUMICE_TRY(Value * rest, build_.slice(list, build_.vector({0}), build_.vector({-1}), 1));
    done(element, 1);
    return done(rest);
  }

  Result<Reason> concat_lists(Value* list, Value* other) {
    if (Reason reason = unusable(other); !reason.empty()) return reason;
    if (!same_sizes(list, element_of(other))) return Reason(kUnequal);
    return done(build_.concat({list, other}));
  }

  Result<Reason> resize(Value* list, Value* size) {
    PUMICE_TRY(Value * zero, build_.zeros_like(list, size));
    PUMICE_TRY(Value * more, build_.concat({list, zero}));
    PUMICE_TRY(Value * end, build_.as_vector(size));
    return done(build_.slice(more, build_.vector({0}), end, 1));
  }

  /// Why known places are none of the list's; empty: they may be.
  Reason outside(const Value* list, const Value* places) const {
    auto known = constant_integers(places, kMostPlaces);
    if (!known) return {};
    for (int64_t i : *known)
      if (i < 0 || (list->shape[0].known() && i >= list->shape[0].size()))
        return "place " + std::to_string(i) + " is outside its list" +
               (list->shape[0].known() ? " of " + std::to_string(list->shape[0].size()) : "") +
               ": TensorFlow fails there";
    return {};
  }

  /// Places that the model fails on, as TensorFlow does, where they are outside the list: GATHER
  /// checks its indices, and what writes would move them or leave them out.
  Result<Value*> checked(Value* list, Value* places) {
    if (constant_integers(places, kMostPlaces)) return places;
    PUMICE_TRY(Value * all, build_.places_of(list));
    return build_.gather(all, places);
  }

  Result<Reason> set(Value* list, Value* place, Value* value) {
    if (!same_sizes(list, value->shape)) return Reason(kUnequal);
    if (grows(*at_, *op_)) {
      PUMICE_TRY(list, grown(list, place));
    }
    if (Reason reason = outside(list, place); !reason.empty()) return reason;
    PUMICE_TRY(place, checked(list, place));
    PUMICE_TRY(Value * one, build_.expand(value, 0));
    PUMICE_TRY(Value * begin, build_.as_vector(place));
    if (list->shape.rank() > 1) {
      std::vector<int64_t> none(list->shape.rank() - 1, 0);
      PUMICE_TRY(begin, build_.concat({begin, build_.vector(none)}));
    }
    return done(build_.make("XlaDynamicUpdateSlice", {list, one, begin},
                            {{"T", list->dtype}, {"Tindices", DType::kInt32}}));
  }

  /// The list with so many zeros behind it that `place` is one of its own.
  Result<Value*> grown(Value* list, Value* place) {
    PUMICE_TRY(Value * n, build_.length(list));
    PUMICE_TRY(Value * least, build_.arithmetic("AddV2", place, build_.scalar(1)));
    PUMICE_TRY(Value * wanted, build_.arithmetic("Maximum", n, least));
    PUMICE_TRY(Value * lacking, build_.arithmetic("Sub", wanted, n));
    PUMICE_TRY(Value * zero, build_.zeros_like(list, lacking));
    return build_.concat({list, zero});
  }

  /// Rows of `from` by number, -1 for a row of zeros.
  Result<Value*> rows(Value* from, std::vector<int64_t> numbers, int64_t count) {
    if (is_zero_based(numbers) && static_cast<int64_t>(numbers.size()) == count) return from;
    bool any = false;
    for (int64_t& n : numbers)
      if (n < 0) {
        n = count;
        any = true;
      }
    if (any) {
      PUMICE_TRY(Value * zero, build_.zeros_like(from, build_.scalar(1)));
      PUMICE_TRY(from, build_.concat({from, zero}));
    }
    return build_.gather(from, build_.vector(numbers));
  }

  Result<Reason> scatter(Value* value, Value* places) {
    if (Reason reason = untyped(value); !reason.empty()) return reason;
    std::optional<int64_t> size =
        op_->size >= 0 ? constant_integer(operand(op_->size)) : std::optional<int64_t>(-1);
    if (!size) return Reason("its number of elements is computed");
    auto known = constant_integers(places, kMostPlaces);
    if (known && value->shape[0] == Dim(static_cast<int64_t>(known->size()))) {
      int64_t n = *size;
      for (int64_t i : *known) n = std::max(n, i + 1);
      if (n > kMostPlaces) return Reason("it is too long");
      std::vector<int64_t> numbers(static_cast<size_t>(std::max<int64_t>(n, 0)), -1);
      for (size_t i = 0; i < known->size(); ++i) {
        if ((*known)[i] < 0) return malformed(*at_, "a negative place in a list");
        numbers[static_cast<size_t>((*known)[i])] = static_cast<int64_t>(i);
      }
      return done(rows(value, std::move(numbers), value->shape[0].size()));
    }
    Value* n = nullptr;
    if (*size >= 0) {
      n = build_.scalar(*size);
    } else {
      PUMICE_TRY(
          Value * last,
          build_.make("Max", {places, build_.vector({0})},
                      {{"T", places->dtype}, {"Tidx", DType::kInt32}, {"keep_dims", false}}));
      PUMICE_TRY(n, build_.arithmetic("AddV2", last, build_.scalar(1)));
    }
    PUMICE_TRY(Value * zero, build_.zeros_like(value, n));
    return update(zero, places, value);
  }

  Result<Reason> update(Value* list, Value* places, Value* value) {
    PUMICE_TRY(places, checked(list, places));
    PUMICE_TRY(Value * column, build_.expand(places, 1));
    return done(build_.make("TensorScatterUpdate", {list, column, value},
                            {{"T", list->dtype}, {"Tindices", places->dtype}}));
  }

  Result<Reason> scatter_into(Value* list, Value* places, Value* value) {
    if (Reason reason = untyped(value); !reason.empty()) return reason;
    if (!same_sizes(list, element_of(value))) return Reason(kUnequal);
    if (takes_all_in_order(places, value) && list->shape[0].same_as(value->shape[0]))
      return done(value);
    auto known = constant_integers(places, kMostPlaces);
    if (!known || !list->shape[0].known() ||
        value->shape[0] != Dim(static_cast<int64_t>(known->size())))
      return update(list, places, value);
    const int64_t n = list->shape[0].size();
    int64_t size = n;
    for (int64_t i : *known) size = std::max(size, i + 1);
    if (size > kMostPlaces) return Reason("it is too long");
    std::vector<int64_t> numbers(static_cast<size_t>(size), -1);
    for (int64_t i = 0; i < n; ++i) numbers[static_cast<size_t>(i)] = i;
    for (size_t i = 0; i < known->size(); ++i) {
      if ((*known)[i] < 0) return malformed(*at_, "a negative place in a list");
      numbers[static_cast<size_t>((*known)[i])] = n + static_cast<int64_t>(i);
    }
    PUMICE_TRY(Value * both, build_.concat({list, value}));
    return done(rows(both, std::move(numbers), n + static_cast<int64_t>(known->size())));
  }

  Result<Reason> split(Value* value, Value* lengths) {
    if (Reason reason = untyped(value); !reason.empty()) return reason;
    auto known = constant_integers(lengths, kMostPlaces);
    if (!known || known->empty()) return Reason("the lengths of the pieces are computed");
    for (int64_t n : *known)
      if (n != known->front()) return Reason("pieces of different lengths");
    std::vector<Dim> dims{Dim(static_cast<int64_t>(known->size())), Dim(known->front())};
    for (size_t i = 1; i < value->shape.rank(); ++i) dims.push_back(value->shape[i]);
    PUMICE_TRY(Value * to, build_.sizes(dims));
    if (!to) return Reason("the sizes of the pieces are not known");
    return done(build_.reshape(value, to));
  }

  Result<Reason> concat_elements(Value* list) {
    if (list->shape.rank() < 2) return Reason("its elements are scalars");
    std::vector<Dim> rest{list->shape.dims().begin() + 2, list->shape.dims().end()};
    const bool lengths_read = at_->result_count() > 1 && !at_->result(1)->unused();
    Value* to;
    if (Shape(rest).fully_known()) {
      std::vector<int64_t> all{-1};
      for (Dim d : rest) all.push_back(d.size());
      to = build_.vector(all);
    } else {
      PUMICE_TRY(Value * shape, build_.shape_of(list));
      PUMICE_TRY(Value * tail, build_.slice(shape, build_.vector({2}), build_.vector({0}), 0, 1));
      PUMICE_TRY(to, build_.concat({build_.vector({-1}), tail}));
    }
    if (lengths_read) {
      PUMICE_TRY(Value * lengths, lengths_of_elements(list));
      done(lengths, 1);
    }
    PUMICE_TRY(Value * all, build_.reshape(list, to));
    return done(all, 0);
  }

  /// The first size of each element of a list, as int64.
  Result<Value*> lengths_of_elements(Value* list) {
    PUMICE_TRY(Value * shape, build_.shape_of(list));
    PUMICE_TRY(Value * n, build_.slice(shape, build_.vector({0}), build_.vector({1})));
    PUMICE_TRY(Value * each, build_.slice(shape, build_.vector({1}), build_.vector({2}), 0, 0, 1));
    PUMICE_TRY(Value * wide,
               build_.make("Cast", {each}, {{"SrcT", DType::kInt32}, {"DstT", DType::kInt64}}));
    return build_.make("Fill", {n, wide}, {{"T", DType::kInt64}});
  }

  Model& model_;
  Graph& graph_;
  ListBuilder build_;
  Node* at_ = nullptr;
  const ListOp* op_ = nullptr;
};

}  // namespace

Result<size_t> lists_to_tensors(Model& model, Graph& graph) {
  bool any = false;
  for (const Node& node : graph) any |= list_op(node) != nullptr;
  if (!any) return size_t{0};
  refine_lists(model, graph);
  PUMICE_TRY(size_t applied, Rewriter(model, graph).run());
  graph.erase_dead();
  return applied;
}

}  // namespace pumice
