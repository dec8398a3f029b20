// Helpers for shape rules.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "pumice/error.h"

namespace pumice {

inline void set_result(Node& node, size_t i, DType dtype, Shape shape) {
  node.result(i)->dtype = dtype;
  node.result(i)->shape = std::move(shape);
}

/// The elements of a small integer (or bool) tensor as Dims, row-major: of a constant (negative
/// elements: nullopt) or as far as Value::partial knows them. Nullopt: nothing is known, or more
/// than 1,024 elements.
std::optional<std::vector<Dim>> known_elements(const Value* value);

/// As known_elements(), but with an unknown Dim for each element that is negative or not known, as
/// long as the number of elements is known: what concatenations and slices of shapes work on.
std::optional<std::vector<Dim>> elements_as_dims(const Value* value);

/// All elements of a constant integer tensor, negative ones too; nullopt when it is no constant
/// (or has more than `limit` elements).
std::optional<std::vector<int64_t>> constant_integers(const Value* value, int64_t limit = 1 << 20);
/// The one element of a constant integer scalar (or one-element tensor).
std::optional<int64_t> constant_integer(const Value* value);
/// The one element of a constant numeric scalar (or one-element tensor).
std::optional<double> constant_number(const Value* value);

/// kMalformed at this node.
Error malformed(const Node& node, std::string message);
/// kUnsupported at this node.
Error unsupported(const Node& node, std::string message);
/// Checks the operand count.
Status expect_operands(const Node& node, size_t least, size_t most);

/// Shape rules that many ops share.
Status infer_same_as_first(Node& node);      // dtype and shape of operand 0
Status infer_broadcast_binary(Node& node);   // dtype of operand 0, broadcast shape
Status infer_broadcast_compare(Node& node);  // bool, broadcast shape

}  // namespace pumice
