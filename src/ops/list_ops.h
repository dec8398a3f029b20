// TensorLists and TensorArrays under one roof: which operand of an op is the list, the place, the value.
//
// A list that is not resolved into single values is a tensor: dtype and shape of a list's Value are those
// of its stacked elements, [number of elements, sizes of an element…]. A list whose elements are not known
// yet has unknown rank. Of a TensorArray, the flow is the list.
#pragma once

#include <optional>

#include "graph/graph.h"

namespace pumice {

enum class ListKind {
  kMake,         // size → list of zeros
  kFromTensor,   // value → list of its slices
  kSet,          // list, places (a scalar), value → list
  kGet,          // list, places (a scalar) → value
  kPushBack,     // list, value → list
  kPopBack,      // list → list, value
  kStack,        // list → value
  kGather,       // list, places → value
  kScatter,      // value, places, size → list
  kScatterInto,  // list, value, places → list
  kSplit,        // value, lengths in `places` → list
  kConcat,       // list → value, lengths
  kConcatLists,  // list, list in `value` → list
  kLength,       // list → int32
  kResize,       // list, size → list
  kElementShape  // list → integers
};

/// Numbers of operands (-1: there is none) and of the result that is a list.
struct ListOp {
  ListKind kind;
  int list = -1, places = -1, value = -1, size = -1, element_shape = -1;
  int list_result = -1;
};

/// Null for every op that is no operation on a list.
const ListOp* list_op(const Node& node);

/// Whether the value is a list: by the op that makes it, or because a graph's input or a loop's or a
/// branch's result was marked as one.
bool is_list(const Value* value);
/// The number of a list's elements, as far as its making tells.
Dim list_count(const Value* list);
/// The sizes of an element, as far as the list's shape tells: the shape without its first axis.
Shape element_of(const Value* list);
/// The sizes that the list's making states for each element; of unknown rank where it states none.
Shape stated_element(const Node& node, const ListOp& op);
/// Whether a kSet at a place behind the end makes the list longer.
bool grows(const Node& node, const ListOp& op);
/// Marks a graph's input, or result i of a loop or a branch.
void mark_list(Value& value);

}  // namespace pumice
