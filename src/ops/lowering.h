// The builder that ops lower themselves with: makes TensorFlow Lite nodes before a TensorFlow node.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "graph/graph.h"
#include "graph/model.h"
#include "pumice/error.h"

namespace pumice {

/// Made nodes carry the lowered node's name. Every helper infers dtype and shape of what it makes.
class Lowering {
 public:
  Lowering(Graph& graph, Node* before, Model* model = nullptr)
      : graph_(graph), before_(before), model_(model) {}

  Graph& graph() const { return graph_; }
  /// Where graphs for the bodies of loops go; null outside the lowering of a whole model.
  Model* model() const { return model_; }

  /// A TensorFlow Lite node with one result of the given type.
  Value* emit(std::string op, std::initializer_list<Value*> operands, Attributes attributes,
              DType dtype, Shape shape);
  Value* emit(std::string op, std::span<Value* const> operands, Attributes attributes, DType dtype,
              Shape shape);
  /// A node with several (still untyped) results.
  Node* emit_node(std::string op, std::span<Value* const> operands, Attributes attributes,
                  size_t results);

  Value* constant(Constant value);
  Value* constant_i32(const std::vector<int64_t>& vector) {
    return constant(Tensor::vector_i32(vector));
  }
  /// A scalar of a numeric dtype, converted from `value`.
  Value* scalar(DType dtype, double value);

  /// RESHAPE to sizes of which at most one is unknown (written as -1).
  Value* reshape(Value* x, const Shape& to);
  /// RESHAPE to a run-time int32 shape vector.
  Value* reshape(Value* x, Value* shape_vector, Shape result);
  Value* transpose(Value* x, const std::vector<int>& perm);  // nothing for the identity
  Value* cast(Value* x, DType to);                           // nothing when it is of that dtype
  Value* unary(std::string op, Value* x) {
    return emit(std::move(op), {x}, {}, x->dtype, x->shape);
  }
  /// ADD, SUB, MUL, DIV, MAXIMUM, MINIMUM…: broadcast shape, dtype of `a`. The attribute `_exact`
  /// keeps passes from merging it with others: the last bit of each step decides something.
  Value* binary(std::string op, Value* a, Value* b, Attributes attributes = {});
  /// LESS, EQUAL, LOGICAL_AND…: broadcast shape, bool.
  Value* compare(std::string op, Value* a, Value* b);
  /// PAD / PADV2 with constant paddings [before, after] per dimension.
  Value* pad(Value* x, const std::vector<std::pair<int64_t, int64_t>>& paddings,
             Value* value = nullptr);
  /// SLICE or STRIDED_SLICE with constant begin and size (-1: to the end).
  Value* slice(Value* x, const std::vector<int64_t>& begin, const std::vector<int64_t>& size);
  Value* concat(std::span<Value* const> values, int axis);

  /// The run-time shape of x as an int32 vector: a constant where it is fully known, else SHAPE.
  Value* shape_of(Value* x);
  /// An axis of x as an int32 vector of one element: a constant where it is known.
  Value* size_of(Value* x, size_t axis);
  /// An int32 vector with the sizes of `target`: known ones as constants, unknown ones taken from
  /// the run-time shape of the source that has the same symbol. kUnsupported when a dimension has
  /// no source.
  Result<Value*> shape_vector(const Shape& target, std::span<Value* const> sources);
  /// x as an int32 tensor (shape operands may be int64 in TensorFlow). Shape arithmetic is repeated
  /// in int32 rather than cast.
  Value* as_i32(Value* x);

  /// Replaces result i of the lowered node. What was known of its elements stays known.
  void replace(Node& node, size_t i, Value* by) {
    if (by->partial.empty()) by->partial = node.result(i)->partial;
    graph_.replace_uses(node.result(i), by);
  }

 private:
  Graph& graph_;
  Node* before_;
  Model* model_;
};

}  // namespace pumice
