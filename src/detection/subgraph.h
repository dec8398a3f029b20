// Parts of a graph by themselves: what recognition runs to see what they do.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "graph/model.h"
#include "graph/tensor.h"
#include "pumice/error.h"

namespace pumice {

/// A copy of what computes `outputs` from `inputs`; null where they need an input of the graph that
/// does not come through `inputs`. Constants are shared.
std::unique_ptr<Graph> cut_out(const Graph& graph, std::span<Value* const> inputs,
                               std::span<Value* const> outputs);

/// The values that everything which `targets` need of the graph's inputs comes through, nearest
/// first: each of them is computed from the next one and constants alone. Ends before the first
/// convolution or matrix product, and after `most` nodes. Uses the nodes' scratch numbers.
std::vector<Value*> bottlenecks(const Graph& graph, std::span<Value* const> targets,
                                size_t most = 4096);

/// A part with inputs of known sizes that can be run.
class Probe {
 public:
  /// Empty where the outputs need more than `inputs`.
  static std::unique_ptr<Probe> make(const Model& model, const Graph& graph,
                                     std::span<Value* const> inputs,
                                     std::span<Value* const> outputs);
  /// Each of `inputs` is given as float32 numbers, in the value's shape.
  Result<std::vector<Tensor>> run(std::span<const std::vector<float>> inputs) const;

 private:
  const Model* model_ = nullptr;
  std::unique_ptr<Graph> graph_;
  std::vector<Dims> dims_;
};

/// The value's sizes, with 1 for an unknown first one; empty where others are unknown.
std::optional<Dims> sizes_of_one(const Value* value);

}  // namespace pumice
