// TensorLists and TensorArrays that stay lists: their stacked elements' dtype and shape. The
// rewrite into plain tensors is passes/lists_to_tensors; what it leaves is refused here, with its
// reason.
#include <algorithm>

#include "ops/families.h"
#include "ops/infer.h"
#include "ops/list_ops.h"

namespace pumice {
namespace {

/// What is known of the sizes of an element from two places. Where they contradict each other (a
/// list of elements of different sizes, which cannot become a tensor), a size is unknown.
Shape both(const Shape& a, const Shape& b) {
  if (!a.known_rank()) return b;
  if (!b.known_rank()) return a;
  if (a.rank() != b.rank()) return Shape::unknown();
  Shape c = a;
  for (size_t i = 0; i < c.rank(); ++i) {
    if (a[i].known() && b[i].known() && !(a[i] == b[i]))
      c[i] = Dim();
    else if (!a[i].known() && (b[i].known() || !a[i].is_symbol()))
      c[i] = b[i];
  }
  return c;
}

Dim count_of(const Value* list) {
  return list->shape.known_rank() && list->shape.rank() > 0 ? list->shape[0] : Dim();
}

Shape stacked(Dim count, const Shape& element) {
  if (!element.known_rank()) return Shape::unknown();
  std::vector<Dim> dims{count};
  dims.insert(dims.end(), element.dims().begin(), element.dims().end());
  return Shape(std::move(dims));
}

/// What the list was made with; what its elements turn out to be does not count.
Shape stated_of(const Value* list) {
  for (;;) {
    const Node& node = *list->node();
    const ListOp* op = list_op(node);
    if (op && op->list < 0) return stated_element(node, *op);
    if (!op && !(node.is("Identity") && node.operand_count() == 1)) return Shape::unknown();
    list = node.operand(op ? static_cast<size_t>(op->list) : 0);
  }
}

Dim known_count(const Value* value) {
  auto known = known_elements(value);
  return known && known->size() == 1 ? known->front() : Dim();
}

Status infer_list(Node& node) {
  const ListOp* found = list_op(node);
  if (!found) return malformed(node, "too few operands or results");
  const ListOp& op = *found;
  // Only of the operands that the kind has. A list that is none of ours (a resource, an argument of
  // unknown origin) has no shape.
  const auto operand = [&](int i) -> const Value* { return node.operand(static_cast<size_t>(i)); };
  const auto list = [&] { return operand(op.list); };
  const auto value = [&] { return operand(op.value); };
  const DType dtype = op.list >= 0
                          ? list()->dtype
                          : node.attributes.dtype("element_dtype", node.attributes.dtype("dtype"));
  Shape element = stated_element(node, op);
  switch (op.kind) {
    case ListKind::kMake: {
      // The other result of a TensorArray is its handle.
      if (op.list_result == 1) set_result(node, 0, DType::kResource, Shape::scalar());
      Dim count = op.size >= 0 ? known_count(operand(op.size)) : Dim(0);
      set_result(node, static_cast<size_t>(op.list_result), dtype, stacked(count, element));
      return {};
    }
    case ListKind::kFromTensor: set_result(node, 0, value()->dtype, value()->shape); return {};
    case ListKind::kSet: {
      Dim count = list_count(list());
      if (grows(node, op)) {
        auto place = constant_integer(operand(op.places));
        count = place && count.known() ? Dim(std::max(count.size(), *place + 1)) : Dim();
      }
      set_result(node, 0, dtype, stacked(count, both(element_of(list()), value()->shape)));
      return {};
    }
    case ListKind::kGet: set_result(node, 0, dtype, both(element_of(list()), element)); return {};
    case ListKind::kPushBack:
      set_result(node, 0, dtype,
                 stacked(list_count(list()) + Dim(1), both(element_of(list()), value()->shape)));
      return {};
    case ListKind::kPopBack:
      if (node.result_count() != 2) return malformed(node, "other than two results");
      set_result(node, 0, dtype, stacked(list_count(list()) - Dim(1), element_of(list())));
      set_result(node, 1, dtype, both(element_of(list()), element));
      return {};
    case ListKind::kStack: {
      Dim count = list_count(list());
      if (int64_t n = node.attributes.integer("num_elements", -1); n >= 0 && !count.known())
        count = Dim(n);
      set_result(node, 0, dtype, stacked(count, both(element_of(list()), element)));
      return {};
    }
    case ListKind::kGather:
      set_result(node, 0, dtype,
                 stacked(count_of(operand(op.places)), both(element_of(list()), element)));
      return {};
    case ListKind::kScatter: {
      Dim count = op.size >= 0 ? known_count(operand(op.size)) : Dim();
      if (auto places = constant_integers(operand(op.places)); places && !count.known()) {
        int64_t most = -1;
        for (int64_t i : *places) most = std::max(most, i);
        count = Dim(most + 1);
      }
      set_result(node, 0, value()->dtype, stacked(count, both(element_of(value()), element)));
      return {};
    }
    case ListKind::kScatterInto: {
      Dim count = list_count(list());
      if (auto places = constant_integers(operand(op.places)); places && count.known())
        for (int64_t i : *places) count = Dim(std::max(count.size(), i + 1));
      // A TensorArray of yet unknown elements that is filled at once.
      if (!list()->shape.known_rank()) count = count_of(value());
      set_result(node, 0, dtype, stacked(count, both(element_of(list()), element_of(value()))));
      return {};
    }
    case ListKind::kSplit: {
      auto lengths = constant_integers(operand(op.places));
      Shape piece = element_of(value());
      const bool equal = lengths && !lengths->empty() &&
                         std::all_of(lengths->begin(), lengths->end(),
                                     [&](int64_t n) { return n == lengths->front(); });
      Dim count = count_of(operand(op.places));
      piece = stacked(equal ? Dim(lengths->front()) : Dim(), piece);
      set_result(node, 0, value()->dtype, stacked(count, both(piece, element)));
      return {};
    }
    case ListKind::kConcat: {
      Shape piece = both(element_of(list()), element);
      Dim count = list_count(list());
      if (piece.known_rank() && piece.rank() > 0) piece[0] = count * piece[0];
      set_result(node, 0, dtype, piece);
      if (node.result_count() > 1) set_result(node, 1, DType::kInt64, Shape{count});
      return {};
    }
    case ListKind::kConcatLists:
      set_result(node, 0, dtype,
                 stacked(list_count(list()) + count_of(value()),
                         both(element_of(list()), element_of(value()))));
      return {};
    case ListKind::kLength:
      set_result(node, 0, DType::kInt32, Shape::scalar());
      if (Dim n = list_count(list()); n.known() || n.is_symbol()) node.result()->partial = {n};
      return {};
    case ListKind::kResize:
      set_result(node, 0, dtype, stacked(known_count(operand(op.size)), element_of(list())));
      return {};
    case ListKind::kElementShape: {
      element = stated_of(list());
      set_result(node, 0, node.attributes.dtype("shape_type"),
                 element.known_rank() ? Shape{Dim(static_cast<int64_t>(element.rank()))}
                                      : Shape::unknown());
      if (element.known_rank() && element.fully_known()) node.result()->partial = element.dims();
      return {};
    }
  }
  return {};
}

Status refuse_list(Node& node, Lowering&) {
  const auto* reason = node.attributes.find<std::string>("_refused");
  return unsupported(node, reason ? *reason : "it is no operation on a list whose making is known");
}

Status infer_gradient(Node& node) {
  if (node.result_count() != 2) return malformed(node, "other than two results");
  set_result(node, 0, DType::kResource, Shape::scalar());
  set_result(node, 1, DType::kFloat32, Shape::scalar());
  return {};
}

Status refuse_gradient(Node& node, Lowering&) {
  return unsupported(node, "gradients of TensorArrays are for training");
}

constexpr char kSizes[] =
    "elements of different sizes, or of a size that is computed in the loop; lists of lists, "
    "strings";
constexpr char kPlain[] = "plain tensors";

constexpr OpDef kOps[] = {
    {"EmptyTensorList", infer_list, nullptr, refuse_list, kPlain, kSizes},
    {"TensorArrayConcatV3", infer_list, nullptr, refuse_list, kPlain, kSizes},
    {"TensorArrayGatherV3", infer_list, nullptr, refuse_list, kPlain, kSizes},
    {"TensorArrayGradV3", infer_gradient, nullptr, refuse_gradient, "", "refused: for training"},
    {"TensorArrayGradWithShape", infer_gradient, nullptr, refuse_gradient, "",
     "refused: for training"},
    {"TensorArrayReadV3", infer_list, nullptr, refuse_list, kPlain, kSizes},
    {"TensorArrayScatterV3", infer_list, nullptr, refuse_list, kPlain, kSizes},
    {"TensorArraySizeV3", infer_list, nullptr, refuse_list, kPlain, kSizes},
    {"TensorArraySplitV3", infer_list, nullptr, refuse_list, kPlain, kSizes},
    {"TensorArrayV3", infer_list, nullptr, refuse_list, kPlain, kSizes},
    {"TensorArrayWriteV3", infer_list, nullptr, refuse_list, "DYNAMIC_UPDATE_SLICE", kSizes},
    {"TensorListConcat", infer_list, nullptr, refuse_list, kPlain, kSizes},
    {"TensorListConcatLists", infer_list, nullptr, refuse_list, kPlain, kSizes},
    {"TensorListConcatV2", infer_list, nullptr, refuse_list, kPlain, kSizes},
    {"TensorListElementShape", infer_list, nullptr, refuse_list, kPlain,
     "element shapes that are not wholly known"},
    {"TensorListFromTensor", infer_list, nullptr, refuse_list, "(nothing)", kSizes},
    {"TensorListGather", infer_list, nullptr, refuse_list, "GATHER", kSizes},
    {"TensorListGetItem", infer_list, nullptr, refuse_list, "GATHER", kSizes},
    {"TensorListLength", infer_list, nullptr, refuse_list, kPlain, kSizes},
    {"TensorListPopBack", infer_list, nullptr, refuse_list, kPlain, kSizes},
    {"TensorListPushBack", infer_list, nullptr, refuse_list, "CONCATENATION", kSizes},
    {"TensorListReserve", infer_list, nullptr, refuse_list, "FILL", kSizes},
    {"TensorListResize", infer_list, nullptr, refuse_list, kPlain, kSizes},
    {"TensorListScatter", infer_list, nullptr, refuse_list, kPlain, kSizes},
    {"TensorListScatterIntoExistingList", infer_list, nullptr, refuse_list, kPlain, kSizes},
    {"TensorListScatterV2", infer_list, nullptr, refuse_list, kPlain, kSizes},
    {"TensorListSetItem", infer_list, nullptr, refuse_list, "DYNAMIC_UPDATE_SLICE", kSizes},
    {"TensorListSplit", infer_list, nullptr, refuse_list, kPlain, kSizes},
    {"TensorListStack", infer_list, nullptr, refuse_list, "(nothing)", kSizes},
};

}  // namespace

std::span<const OpDef> tensor_list_ops() { return kOps; }

}  // namespace pumice
