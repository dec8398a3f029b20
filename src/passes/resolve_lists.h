// TensorArrays and TensorLists whose accesses are all at known places: they become plain values.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "graph/graph.h"
#include "pumice/error.h"

namespace pumice {

/// BEFORE  handle, flow = TensorArrayV3(2); f1 = Write(handle, 0, x, flow); y = Read(handle, 0, f1)
/// AFTER   y is x
///
/// Follows the state of each list along the graph, in order: a list is a vector of values. Gathers
/// and stacks become Pack, scatters and conversions Unpack. An access at an unknown place stays as
/// it is.
class ListResolver {
 public:
  explicit ListResolver(Graph& graph) : graph_(graph) {}

  /// Resolves `node` if it is an operation on a list of known state. New nodes stand before it (the
  /// sweep visits them next). True when something was replaced or recorded.
  Result<bool> resolve(Node& node);

 private:
  using Elements = std::vector<Value*>;  // null: not written yet
  using State = std::shared_ptr<const Elements>;

  State state_of(const Value* value) const;
  void set_state(const Value* value, Elements elements);
  Value* create(const char* op, std::vector<Value*> operands, Attributes attributes,
                const Node& at);
  Elements unpack(Value* tensor, int64_t count, Node& at);
  Value* pack(const Elements& elements, Node& at);
  bool array(Node& node);
  bool list(Node& node);

  Graph& graph_;
  std::unordered_map<const Value*, State> states_;
};

}  // namespace pumice
