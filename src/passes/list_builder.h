// The nodes that stand in for operations on lists: lists as tensors [number of elements, sizes of
// an element…], made before the operation that they replace.
#pragma once

#include <unordered_map>
#include <utility>
#include <vector>

#include "graph/model.h"
#include "pumice/error.h"

namespace pumice {

class ListBuilder {
 public:
  ListBuilder(Model& model, Graph& graph) : model_(model), graph_(graph) {}

  /// All nodes from here on stand before `node` and have its name.
  void build_before(Node* node) { at_ = node; }

  /// Notes which symbols the node's results have as sizes, so that sizes() and zeros() find them.
  void remember_sizes(const Node& node);

  Result<Value*> make(const char* op, const std::vector<Value*>& operands,
                      Attributes attributes = {});
  Value* scalar(int64_t i);
  Value* vector(const std::vector<int64_t>& elements);

  /// Along axis 0.
  Result<Value*> concat(std::vector<Value*> values);
  Result<Value*> gather(Value* from, Value* places);
  /// Of the first axis, or of the axes that `begin` has.
  Result<Value*> slice(Value* x, Value* begin, Value* end, int64_t begin_mask = 0,
                       int64_t end_mask = 0, int64_t shrink_mask = 0);
  Result<Value*> reshape(Value* x, Value* sizes);
  /// A first axis of size 1 for axis 0, …
  Result<Value*> expand(Value* x, int64_t axis);
  Result<Value*> shape_of(Value* x);
  /// Of int32.
  Result<Value*> arithmetic(const char* op, Value* a, Value* b);
  /// One element as a vector.
  Result<Value*> as_vector(Value* one);

  /// A list's number of elements, as a scalar.
  Result<Value*> length(Value* list);
  /// 0, 1, … one less than its number of elements.
  Result<Value*> places_of(Value* list);
  /// Sizes as a run-time vector: what is known is constant, a symbol comes of a value that has it.
  /// Null: some size has no source.
  Result<Value*> sizes(const std::vector<Dim>& dims);
  /// `count` zero elements (a scalar, or null: as `dims` has it). Null: some size has no source.
  Result<Value*> zeros(DType dtype, Value* count, std::vector<Dim> dims);
  /// Zero elements for a list: their sizes are the list's, at run time too.
  Result<Value*> zeros_like(Value* list, Value* count);

 private:
  bool has_source(Dim d) const { return d.is_symbol() && sources_.count(d.symbol_id()) > 0; }
  /// Null: some size has no source.
  Result<Value*> sizes_with_count(const std::vector<Dim>& dims, Value* count);
  Result<Value*> fill(Value* sizes, DType dtype);

  Model& model_;
  Graph& graph_;
  Node* at_ = nullptr;
  std::unordered_map<int64_t, std::pair<Value*, size_t>> sources_;  // symbol → a value and its axis
};

}  // namespace pumice
