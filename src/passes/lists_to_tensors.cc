#include "passes/lists_to_tensors.h"

#include <algorithm>
#include <unordered_map>

#include "ops/infer.h"
#include "ops/list_ops.h"
#include "passes/simplify.h"

namespace pumice {
namespace {

constexpr int64_t kMostPlaces = 100'000;
/// Zeros up to so many bytes are a constant, beyond they are filled at run time.
constexpr uint64_t kLargestZeros = 1u << 14;

bool is_zero_based(const std::vector<int64_t>& places) {
  for (size_t i = 0; i < places.size(); ++i)
    if (places[i] != static_cast<int64_t>(i)) return false;
  return true;
}

/// Gives a list the sizes that are known of its elements.
void refine(Value* list, const Shape& element) {
  if (!element.known_rank()) return;
  if (!list->shape.known_rank()) {
    std::vector<Dim> dims{list_count(list)};
    dims.insert(dims.end(), element.dims().begin(), element.dims().end());
    list->shape = Shape(std::move(dims));
    return;
  }
  if (list->shape.rank() != element.rank() + 1) return;
  for (size_t i = 0; i < element.rank(); ++i)
    if (Dim& d = list->shape[i + 1]; d == Dim() || (!d.known() && element[i].known()))
      d = element[i];
}

Shape without_first(const Shape& shape) {
  if (!shape.known_rank() || shape.rank() == 0) return Shape::unknown();
  return Shape(std::vector<Dim>(shape.dims().begin() + 1, shape.dims().end()));
}

const Graph* called(const Model& model, const Node& node, const char* attribute) {
  const auto* ref = node.attributes.find<FunctionRef>(attribute);
  return ref ? model.find(ref->name) : nullptr;
}

/// A refusal's reason; empty: none.
using Reason = std::string;

class Rewriter {
 public:
  Rewriter(Model& model, Graph& graph) : model_(model), graph_(graph) {}

  Result<size_t> run() {
    size_t applied = 0;
    for (Node* node = graph_.first(); node;) {
      Node* next = node->next();
      if (const ListOp* op = list_op(*node)) {
        at_ = node;
        op_ = op;
        PUMICE_TRY(Reason reason, rewrite());
        if (reason.empty()) {
          graph_.erase(node);
          ++applied;
        } else {
          node->attributes.set("_refused", std::move(reason));
        }
      } else {
        if (node->is("Identity")) PUMICE_CHECK(infer_node(model_, *node));
        remember_sizes(*node);
      }
      node = next;
    }
    return applied;
  }

 private:
  void remember_sizes(const Node& node) {
    for (size_t r = 0; r < node.result_count(); ++r) {
      Value* value = node.result(r);
      if (!value->shape.known_rank() || value->dtype == DType::kVariant ||
          value->dtype == DType::kResource)
        continue;
      for (size_t i = 0; i < value->shape.rank(); ++i)
        if (Dim d = value->shape[i]; d.is_symbol())
          sizes_.emplace(d.symbol_id(), std::pair{value, i});
    }
  }

  // --- Building
  // -----------------------------------------------------------------------------------

  Result<Value*> make(const char* op, std::vector<Value*> operands, Attributes attributes = {}) {
    Node* node = graph_.create(op, operands, 1, at_);
    node->name = at_->name;
    node->attributes = std::move(attributes);
    PUMICE_CHECK(infer_node(model_, *node));
    remember_sizes(*node);
    return node->result();
  }
  Value* scalar(int64_t i) {
    return graph_.constant(Tensor::scalar_i32(static_cast<int32_t>(i)), at_, at_->name);
  }
  Value* vector(const std::vector<int64_t>& v) {
    return graph_.constant(Tensor::vector_i32(v), at_, at_->name);
  }
  Result<Value*> concat(std::vector<Value*> values) {
    if (values.size() == 1) return values.front();
    auto n = static_cast<int64_t>(values.size());
    DType dtype = values.front()->dtype;
    values.push_back(scalar(0));
    return make("ConcatV2", std::move(values), {{"N", n}, {"T", dtype}});
  }
  Result<Value*> gather(Value* from, Value* places) {
    return make(
        "GatherV2", {from, places, scalar(0)},
        {{"Tparams", from->dtype}, {"Tindices", places->dtype}, {"batch_dims", int64_t{0}}});
  }
  Result<Value*> slice(Value* x, Value* begin, Value* end, int64_t begin_mask = 0,
                       int64_t end_mask = 0, int64_t shrink = 0) {
    return make("StridedSlice", {x, begin, end, vector({1})},
                {{"begin_mask", begin_mask},
                 {"end_mask", end_mask},
                 {"shrink_axis_mask", shrink},
                 {"ellipsis_mask", int64_t{0}},
                 {"new_axis_mask", int64_t{0}},
                 {"T", x->dtype}});
  }
  Result<Value*> shape_of(Value* x) {
    return make("Shape", {x}, {{"out_type", DType::kInt32}, {"T", x->dtype}});
  }
  Result<Value*> arithmetic(const char* op, Value* a, Value* b) {
    return make(op, {a, b}, {{"T", DType::kInt32}});
  }
  Result<Value*> as_vector(Value* one) {
    return make("Reshape", {one, vector({1})}, {{"T", one->dtype}});
  }

  /// The number of elements, as a scalar.
  Result<Value*> length(Value* list) {
    if (list->shape[0].known()) return scalar(list->shape[0].size());
    PUMICE_TRY(Value * shape, shape_of(list));
    return slice(shape, vector({0}), vector({1}), 0, 0, 1);
  }

  /// Sizes as a run-time vector: what is known is constant, a symbol comes of a value that has it.
  /// Null: some size has no source.
  Result<Value*> sizes(const std::vector<Dim>& dims) {
    std::vector<Value*> parts;
    std::vector<int64_t> known;
    auto flush = [&] {
      if (!known.empty()) parts.push_back(vector(known));
      known.clear();
    };
    for (Dim d : dims) {
      if (d.known()) {
        known.push_back(d.size());
        continue;
      }
      auto it = d.is_symbol() ? sizes_.find(d.symbol_id()) : sizes_.end();
      if (it == sizes_.end()) return nullptr;
      flush();
      auto axis = static_cast<int64_t>(it->second.second);
      PUMICE_TRY(Value * shape, shape_of(it->second.first));
      PUMICE_TRY(Value * part, slice(shape, vector({axis}), vector({axis + 1})));
      parts.push_back(part);
    }
    flush();
    if (parts.empty()) return vector({});
    return concat(std::move(parts));
  }

  /// `count` zero elements (a scalar, or null: as `dims` has it). Null: some size has no source.
  Result<Value*> zeros(DType dtype, Value* count, std::vector<Dim> dims) {
    Shape shape(dims);
    const bool constant_count = !count || constant_of(count);
    if (count && constant_count) shape[0] = dims[0] = Dim(constant_integer(count).value_or(-1));
    if (shape.fully_known() && constant_count) {
      auto bytes = byte_size(dtype, shape.elements().value_or(int64_t{1} << 40));
      if (bytes <= kLargestZeros && bytes > 0)
        return graph_.constant(Tensor::zeros(dtype, shape.sizes()), at_, at_->name);
    }
    Value* vector_of_sizes;
    if (count && !dims[0].known() && !(dims[0].is_symbol() && sizes_.count(dims[0].symbol_id()))) {
      PUMICE_TRY(Value * first, as_vector(count));
      PUMICE_TRY(Value * rest, sizes({dims.begin() + 1, dims.end()}));
      if (!rest) return nullptr;
      if (dims.size() == 1) {
        vector_of_sizes = first;
      } else {
        PUMICE_TRY(vector_of_sizes, concat({first, rest}));
      }
    } else {
      PUMICE_TRY(vector_of_sizes, sizes(dims));
      if (!vector_of_sizes) return nullptr;
    }
    Value* zero = graph_.constant(Tensor::zeros(dtype, {}), at_, at_->name);
    PUMICE_TRY(Value * filled, make("Fill", {vector_of_sizes, zero}, {{"T", dtype}}));
    // The number of elements has a name that the computed vector may have lost.
    if (filled->shape.is_rank(dims.size()))
      for (size_t i = 0; i < dims.size(); ++i)
        if (!filled->shape[i].known() && (dims[i].known() || dims[i].is_symbol()))
          filled->shape[i] = dims[i];
    return filled;
  }

  /// Zero elements for a list: their sizes are the list's, at run time too.
  Result<Value*> zeros_like(Value* list, Value* count) {
    std::vector<Dim> dims = list->shape.dims();
    dims[0] = Dim();
    for (size_t i = 1; i < dims.size(); ++i)
      if (!dims[i].known()) {
        PUMICE_TRY(Value * shape, shape_of(list));
        PUMICE_TRY(Value * element, slice(shape, vector({1}), vector({0}), 0, 1));
        PUMICE_TRY(Value * first, as_vector(count));
        PUMICE_TRY(Value * all, concat({first, element}));
        Value* zero = graph_.constant(Tensor::zeros(list->dtype, {}), at_, at_->name);
        PUMICE_TRY(Value * filled, make("Fill", {all, zero}, {{"T", list->dtype}}));
        for (size_t k = 1; k < dims.size() && filled->shape.is_rank(dims.size()); ++k)
          filled->shape[k] = list->shape[k];
        return filled;
      }
    return zeros(list->dtype, count, dims);
  }

  // --- Rewriting
  // ----------------------------------------------------------------------------------

  Value* operand(int i) const { return at_->operand(static_cast<size_t>(i)); }

  Reason done(Value* by, size_t result) {
    if (!by->shape.known_rank()) by->shape = at_->result(result)->shape;
    graph_.replace_uses(at_->result(result), by);
    return {};
  }
  Reason done(Value* by) {
    return done(by, op_->list_result >= 0 ? static_cast<size_t>(op_->list_result) : 0);
  }

  /// Why a value cannot be a list's tensor; empty: it can.
  static Reason unusable(const Value* list) {
    const Value* from = list;
    while (from->node()->is("Identity") && from->node()->operand_count() == 1)
      from = from->node()->operand(0);
    if (list_op(*from->node())) return "it works on a list that cannot be converted";
    return untyped(list);
  }
  static Reason untyped(const Value* list) {
    if (list->dtype == DType::kVariant || list->dtype == DType::kInvalid)
      return "the elements of the list are lists";
    if (list->dtype == DType::kString) return "the elements of the list are strings";
    if (!list->shape.known_rank() || list->shape.rank() == 0)
      return "the sizes of the list's elements are not known, or not equal";
    return {};
  }

  static bool same_sizes(const Value* list, const Shape& element) {
    if (!element.is_rank(list->shape.rank() - 1)) return false;
    for (size_t i = 0; i < element.rank(); ++i)
      if (!element[i].same_as(list->shape[i + 1])) return false;
    return true;
  }
  static constexpr char kUnequal[] = "an element may be of another size than the list's others";

  Result<Reason> rewrite() {
    if (op_->list >= 0)
      if (Reason reason = unusable(operand(op_->list)); !reason.empty()) return reason;
    Value* list = op_->list >= 0 ? operand(op_->list) : nullptr;
    Value* value = op_->value >= 0 ? operand(op_->value) : nullptr;
    Value* places = op_->places >= 0 ? operand(op_->places) : nullptr;
    switch (op_->kind) {
      case ListKind::kMake: {
        const Value* made = at_->result(static_cast<size_t>(op_->list_result));
        if (op_->list_result == 1 && !at_->result(0)->unused())
          return Reason("its handle is used by an op that pumice does not know");
        if (Reason reason = untyped(made); !reason.empty()) return reason;
        PUMICE_TRY(Value * tensor, zeros(made->dtype, op_->size >= 0 ? operand(op_->size) : nullptr,
                                         made->shape.dims()));
        if (!tensor)
          return Reason("the sizes of the list's elements are computed after it is made");
        return done(tensor);
      }
      case ListKind::kFromTensor:
      case ListKind::kSplit:
        return op_->kind == ListKind::kSplit ? split(value, places) : Result<Reason>(done(value));
      case ListKind::kSet: return set(list, places, value, grows(*at_, *op_));
      case ListKind::kGet: {
        PUMICE_TRY(Value * element, gather(list, places));
        return done(element);
      }
      case ListKind::kPushBack: {
        // In a loop the length must be computed: LiteRT's WHILE fails on a variable that starts
        // empty and grows by one in a way that it can foresee.
        if (!list->shape[0].known()) {
          PUMICE_TRY(Value * end, length(list));
          return set(list, end, value, true);
        }
        if (!same_sizes(list, value->shape)) return Reason(kUnequal);
        PUMICE_TRY(Value * one, make("ExpandDims", {value, scalar(0)}, {{"T", value->dtype}}));
        PUMICE_TRY(Value * longer, concat({list, one}));
        return done(longer);
      }
      case ListKind::kPopBack: {
        if (at_->result_count() != 2) return Reason("it has other than two results");
        PUMICE_TRY(Value * n, length(list));
        PUMICE_TRY(Value * last, arithmetic("Sub", n, scalar(1)));
        PUMICE_TRY(Value * element, gather(list, last));
        PUMICE_TRY(Value * rest, slice(list, vector({0}), vector({-1}), 1));
        done(element, 1);
        return done(rest);
      }
      case ListKind::kStack: return done(list);
      case ListKind::kGather: {
        PUMICE_TRY(Value * elements, gather(list, places));
        return done(elements);
      }
      case ListKind::kScatter: return scatter(value, places);
      case ListKind::kScatterInto: return scatter_into(list, places, value);
      case ListKind::kConcat: return concat_elements(list);
      case ListKind::kConcatLists: {
        if (Reason reason = unusable(value); !reason.empty()) return reason;
        if (!same_sizes(list, without_first(value->shape))) return Reason(kUnequal);
        PUMICE_TRY(Value * both, concat({list, value}));
        return done(both);
      }
      case ListKind::kLength: {
        PUMICE_TRY(Value * n, length(list));
        return done(n);
      }
      case ListKind::kResize: {
        PUMICE_TRY(Value * zero, zeros_like(list, operand(op_->size)));
        PUMICE_TRY(Value * more, concat({list, zero}));
        PUMICE_TRY(Value * end, as_vector(operand(op_->size)));
        PUMICE_TRY(Value * part, slice(more, vector({0}), end, 1));
        return done(part);
      }
      case ListKind::kElementShape:
        return Reason("the list's making does not state the sizes of its elements");
    }
    return Reason("not converted");
  }

  Result<Reason> set(Value* list, Value* place, Value* value, bool may_grow) {
    if (!same_sizes(list, value->shape)) return Reason(kUnequal);
    if (may_grow) {
      PUMICE_TRY(Value * n, length(list));
      PUMICE_TRY(Value * least, arithmetic("AddV2", place, scalar(1)));
      PUMICE_TRY(Value * wanted, arithmetic("Maximum", n, least));
      PUMICE_TRY(Value * lacking, arithmetic("Sub", wanted, n));
      PUMICE_TRY(Value * zero, zeros_like(list, lacking));
      PUMICE_TRY(list, concat({list, zero}));
    }
    PUMICE_TRY(Value * one, make("ExpandDims", {value, scalar(0)}, {{"T", value->dtype}}));
    PUMICE_TRY(Value * begin, as_vector(place));
    if (list->shape.rank() > 1) {
      std::vector<int64_t> none(list->shape.rank() - 1, 0);
      PUMICE_TRY(begin, concat({begin, vector(none)}));
    }
    PUMICE_TRY(Value * changed, make("XlaDynamicUpdateSlice", {list, one, begin},
                                     {{"T", list->dtype}, {"Tindices", DType::kInt32}}));
    return done(changed);
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
      PUMICE_TRY(Value * zero, zeros_like(from, scalar(1)));
      PUMICE_TRY(from, concat({from, zero}));
    }
    return gather(from, vector(numbers));
  }

  Result<Reason> scatter(Value* value, Value* places) {
    if (Reason reason = untyped(value); !reason.empty()) return reason;
    std::optional<int64_t> size =
        op_->size >= 0 ? constant_integer(operand(op_->size)) : std::optional<int64_t>(-1);
    if (!size) return Reason("its number of elements is computed");
    auto known = constant_integers(places, kMostPlaces);
    if (known && value->shape[0].known() &&
        value->shape[0].size() == static_cast<int64_t>(known->size())) {
      int64_t n = *size;
      for (int64_t i : *known) n = std::max(n, i + 1);
      if (n > kMostPlaces) return Reason("it is too long");
      std::vector<int64_t> numbers(static_cast<size_t>(std::max<int64_t>(n, 0)), -1);
      for (size_t i = 0; i < known->size(); ++i) {
        if ((*known)[i] < 0) return malformed(*at_, "a negative place in a list");
        numbers[static_cast<size_t>((*known)[i])] = static_cast<int64_t>(i);
      }
      PUMICE_TRY(Value * list, rows(value, std::move(numbers), value->shape[0].size()));
      return done(list);
    }
    Value* n = nullptr;
    if (*size >= 0) {
      n = scalar(*size);
    } else {
      PUMICE_TRY(Value * last,
                 make("Max", {places, vector({0})},
                      {{"T", places->dtype}, {"Tidx", DType::kInt32}, {"keep_dims", false}}));
      PUMICE_TRY(n, arithmetic("AddV2", last, scalar(1)));
    }
    PUMICE_TRY(Value * zero, zeros_like(value, n));
    return update(zero, places, value);
  }

  Result<Reason> update(Value* list, Value* places, Value* value) {
    PUMICE_TRY(Value * column, make("ExpandDims", {places, scalar(1)}, {{"T", places->dtype}}));
    PUMICE_TRY(Value * changed, make("TensorScatterUpdate", {list, column, value},
                                     {{"T", list->dtype}, {"Tindices", places->dtype}}));
    return done(changed);
  }

  /// places is 0, 1, … n-1 for the n slices of value, at run time too.
  static bool takes_all_in_order(const Value* places, const Value* value) {
    if (!value->shape.known_rank() || value->shape.rank() == 0 || !places->shape.is_rank(1))
      return false;
    const Node& node = *places->node();
    if (auto known = constant_integers(places, kMostPlaces))
      return is_zero_based(*known) && value->shape[0] == Dim(static_cast<int64_t>(known->size()));
    // TensorFlow checks that there are as many places as slices.
    return node.is("Range") && constant_integer(node.operand(0)) == 0 &&
           constant_integer(node.operand(2)) == 1;
  }

  Result<Reason> scatter_into(Value* list, Value* places, Value* value) {
    if (Reason reason = untyped(value); !reason.empty()) return reason;
    if (!same_sizes(list, without_first(value->shape))) return Reason(kUnequal);
    if (takes_all_in_order(places, value) && list->shape[0].same_as(value->shape[0]))
      return done(value);
    auto known = constant_integers(places, kMostPlaces);
    if (known && list->shape[0].known() &&
        value->shape[0] == Dim(static_cast<int64_t>(known->size()))) {
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
      PUMICE_TRY(Value * both, concat({list, value}));
      PUMICE_TRY(Value * changed,
                 rows(both, std::move(numbers), n + static_cast<int64_t>(known->size())));
      return done(changed);
    }
    return update(list, places, value);
  }

  Result<Reason> split(Value* value, Value* lengths) {
    if (Reason reason = untyped(value); !reason.empty()) return reason;
    auto known = constant_integers(lengths, kMostPlaces);
    if (!known || known->empty()) return Reason("the lengths of the pieces are computed");
    for (int64_t n : *known)
      if (n != known->front()) return Reason("pieces of different lengths");
    std::vector<Dim> dims{Dim(static_cast<int64_t>(known->size())), Dim(known->front())};
    for (size_t i = 1; i < value->shape.rank(); ++i) dims.push_back(value->shape[i]);
    PUMICE_TRY(Value * to, sizes(dims));
    if (!to) return Reason("the sizes of the pieces are not known");
    PUMICE_TRY(Value * list,
               make("Reshape", {value, to}, {{"T", value->dtype}, {"Tshape", DType::kInt32}}));
    return done(list);
  }

  Result<Reason> concat_elements(Value* list) {
    if (list->shape.rank() < 2) return Reason("its elements are scalars");
    std::vector<Dim> rest{list->shape.dims().begin() + 2, list->shape.dims().end()};
    const bool lengths_read = at_->result_count() > 1 && !at_->result(1)->unused();
    Value* to;
    if (Shape(rest).fully_known()) {
      std::vector<int64_t> all{-1};
      for (Dim d : rest) all.push_back(d.size());
      to = vector(all);
    } else {
      PUMICE_TRY(Value * shape, shape_of(list));
      PUMICE_TRY(Value * tail, slice(shape, vector({2}), vector({0}), 0, 1));
      PUMICE_TRY(to, concat({vector({-1}), tail}));
    }
    if (lengths_read) {
      PUMICE_TRY(Value * shape, shape_of(list));
      PUMICE_TRY(Value * n, slice(shape, vector({0}), vector({1})));
      PUMICE_TRY(Value * each, slice(shape, vector({1}), vector({2}), 0, 0, 1));
      PUMICE_TRY(Value * wide,
                 make("Cast", {each}, {{"SrcT", DType::kInt32}, {"DstT", DType::kInt64}}));
      PUMICE_TRY(Value * lengths, make("Fill", {n, wide}, {{"T", DType::kInt64}}));
      done(lengths, 1);
    }
    PUMICE_TRY(Value * all,
               make("Reshape", {list, to}, {{"T", list->dtype}, {"Tshape", DType::kInt32}}));
    return done(all, 0);
  }

  Model& model_;
  Graph& graph_;
  Node* at_ = nullptr;
  const ListOp* op_ = nullptr;
  std::unordered_map<int64_t, std::pair<Value*, size_t>> sizes_;  // symbol → a value and its axis
};

}  // namespace

void refine_lists(Model& model, Graph& graph) {
  for (Node* node = graph.return_node(); node; node = node->previous()) {
    if (const ListOp* op = list_op(*node); op && op->list >= 0) {
      Value* list = node->operand(static_cast<size_t>(op->list));
      switch (op->kind) {
        case ListKind::kGet: refine(list, node->result()->shape); break;
        case ListKind::kStack:
        case ListKind::kGather: refine(list, without_first(node->result()->shape)); break;
        default:
          if (op->list_result >= 0)
            refine(list, without_first(node->result(static_cast<size_t>(op->list_result))->shape));
          if (op->kind == ListKind::kConcatLists)
            refine(node->operand(static_cast<size_t>(op->value)),
                   without_first(node->result()->shape));
      }
    } else if (node->is("Identity") && node->operand_count() == 1 && is_list(node->operand(0))) {
      refine(node->operand(0), without_first(node->result()->shape));
    } else if (node->is("While") || node->is("StatelessWhile") || node->is("If") ||
               node->is("StatelessIf")) {
      const bool loop = node->op.find("While") != std::string::npos;
      for (const char* name : {"body", "then_branch", "else_branch"}) {
        const Graph* callee = called(model, *node, name);
        const size_t first = loop ? 0 : 1;
        if (!callee || callee->inputs().size() + first != node->operand_count()) continue;
        for (size_t i = 0; i < callee->inputs().size(); ++i)
          if (Value* list = node->operand(first + i); is_list(list))
            refine(list, without_first(callee->inputs()[i]->shape));
      }
    }
  }
}

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
