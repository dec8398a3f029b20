#include "ops/list_ops.h"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "ops/infer.h"

namespace pumice {
namespace {

constexpr char kMarked[] = "_lists";

struct Row {
  std::string_view op;
  ListOp list_op;
};

using enum ListKind;

// Operands by the ops' definitions, sorted by name.
constexpr Row kRows[] = {
    {"EmptyTensorList", {.kind = kMake, .element_shape = 0, .list_result = 0}},
    {"TensorArrayConcatV3", {.kind = kConcat, .list = 1}},
    {"TensorArrayGatherV3", {.kind = kGather, .list = 2, .places = 1}},
    {"TensorArrayReadV3", {.kind = kGet, .list = 2, .places = 1}},
    {"TensorArrayScatterV3",
     {.kind = kScatterInto, .list = 3, .places = 1, .value = 2, .list_result = 0}},
    {"TensorArraySizeV3", {.kind = kLength, .list = 1}},
    {"TensorArraySplitV3", {.kind = kSplit, .list = 3, .places = 2, .value = 1, .list_result = 0}},
    {"TensorArrayV3", {.kind = kMake, .size = 0, .list_result = 1}},
    {"TensorArrayWriteV3", {.kind = kSet, .list = 3, .places = 1, .value = 2, .list_result = 0}},
    {"TensorListConcat", {.kind = kConcat, .list = 0}},
    {"TensorListConcatLists", {.kind = kConcatLists, .list = 0, .value = 1, .list_result = 0}},
    {"TensorListConcatV2", {.kind = kConcat, .list = 0, .element_shape = 1}},
    {"TensorListElementShape", {.kind = kElementShape, .list = 0}},
    {"TensorListFromTensor",
     {.kind = kFromTensor, .value = 0, .element_shape = 1, .list_result = 0}},
    {"TensorListGather", {.kind = kGather, .list = 0, .places = 1, .element_shape = 2}},
    {"TensorListGetItem", {.kind = kGet, .list = 0, .places = 1, .element_shape = 2}},
    {"TensorListLength", {.kind = kLength, .list = 0}},
    {"TensorListPopBack", {.kind = kPopBack, .list = 0, .element_shape = 1, .list_result = 0}},
    {"TensorListPushBack", {.kind = kPushBack, .list = 0, .value = 1, .list_result = 0}},
    {"TensorListReserve", {.kind = kMake, .size = 1, .element_shape = 0, .list_result = 0}},
    {"TensorListResize", {.kind = kResize, .list = 0, .size = 1, .list_result = 0}},
    {"TensorListScatter",
     {.kind = kScatter, .places = 1, .value = 0, .element_shape = 2, .list_result = 0}},
    {"TensorListScatterIntoExistingList",
     {.kind = kScatterInto, .list = 0, .places = 2, .value = 1, .list_result = 0}},
    {"TensorListScatterV2",
     {.kind = kScatter, .places = 1, .value = 0, .size = 3, .element_shape = 2, .list_result = 0}},
    {"TensorListSetItem", {.kind = kSet, .list = 0, .places = 1, .value = 2, .list_result = 0}},
    {"TensorListSplit",
     {.kind = kSplit, .places = 2, .value = 0, .element_shape = 1, .list_result = 0}},
    {"TensorListStack", {.kind = kStack, .list = 0, .element_shape = 1}},
};

}  // namespace

const ListOp* list_op(const Node& node) {
  const std::string_view op = node.op;
  if (op.substr(0, 6) != "Tensor" && op != "EmptyTensorList") return nullptr;
  auto it = std::lower_bound(std::begin(kRows), std::end(kRows), op,
                             [](const Row& row, std::string_view name) { return row.op < name; });
  if (it == std::end(kRows) || it->op != op) return nullptr;
  const ListOp& found = it->list_op;
  const auto operands = static_cast<int>(node.operand_count());
  for (int i : {found.list, found.places, found.value, found.size, found.element_shape})
    if (i >= operands) return nullptr;
  return found.list_result < static_cast<int>(node.result_count()) ? &found : nullptr;
}

bool is_list(const Value* value) {
  while (value->node()->is("Identity") && value->node()->operand_count() == 1)
    value = value->node()->operand(0);
  const Node& node = *value->node();
  if (const ListOp* op = list_op(node)) return op->list_result == static_cast<int>(value->index());
  const auto* marked = node.attributes.find<std::vector<int64_t>>(kMarked);
  return marked && std::find(marked->begin(), marked->end(), value->index()) != marked->end();
}

Shape stated_element(const Node& node, const ListOp& op) {
  if (op.element_shape < 0) return node.attributes.get<Shape>("element_shape");
  const Value* operand = node.operand(static_cast<size_t>(op.element_shape));
  if (auto known = elements_as_dims(operand); known && operand->shape.is_rank(1))
    return Shape(*known);
  return Shape::unknown();  // -1 alone
}

bool grows(const Node& node, const ListOp& op) {
  // The handle of a TensorArray is replaced by whether its size is dynamic (passes/resolve_lists).
  return op.kind == ListKind::kSet && (node.attributes.boolean("resize_if_index_out_of_bounds") ||
                                       (op.list == 3 && constant_integer(node.operand(0)) == 1));
}

Shape element_of(const Value* list) {
  if (!list->shape.known_rank() || list->shape.rank() == 0) return Shape::unknown();
  return Shape(std::vector<Dim>(list->shape.dims().begin() + 1, list->shape.dims().end()));
}

Dim list_count(const Value* list) {
  for (;;) {
    const Node& node = *list->node();
    if (list->shape.known_rank()) return list->shape.rank() > 0 ? list->shape[0] : Dim();
    if (node.is("Identity") && node.operand_count() == 1) {
      list = node.operand(0);
      continue;
    }
    const ListOp* op = list_op(node);
    if (!op) return Dim();
    if (op->kind == ListKind::kMake) {
      if (op->size < 0) return Dim(0);
      auto known = known_elements(node.operand(static_cast<size_t>(op->size)));
      return known && known->size() == 1 ? known->front() : Dim();
    }
    if (op->kind != ListKind::kSet || grows(node, *op)) return Dim();
    list = node.operand(static_cast<size_t>(op->list));
  }
}

void mark_list(Value& value) {
  auto marked = value.node()->attributes.get<std::vector<int64_t>>(kMarked);
  marked.push_back(value.index());
  value.node()->attributes.set(kMarked, std::move(marked));
}

}  // namespace pumice
