// TensorFlow nodes at the end of a detector's graph.
#pragma once

#include <initializer_list>
#include <span>
#include <vector>

#include "graph/model.h"
#include "pumice/error.h"

namespace pumice {

class TailBuilder {
 public:
  TailBuilder(Model& model, Graph& graph) : model_(model), graph_(graph) {}

  Result<Value*> make(const char* op, std::initializer_list<Value*> operands,
                      Attributes attributes = {});
  Value* integers(const std::vector<int64_t>& values);
  Value* integer(int32_t value);
  Value* number(float value);
  /// x in the shape `to`, if it has another.
  Result<Value*> shaped(Value* x, const Dims& to);
  /// The columns `columns` of x [1,N,C], unless they are all of them in order.
  Result<Value*> columns(Value* x, const std::vector<int64_t>& columns);
  Result<Value*> slice(Value* x, const std::vector<int64_t>& begin,
                       const std::vector<int64_t>& size);

 private:
  Model& model_;
  Graph& graph_;
};

/// The names of the detection operator's outputs, and of raw heads.
inline constexpr const char* kOperatorOutputs[] = {
    "TFLite_Detection_PostProcess", "TFLite_Detection_PostProcess:1",
    "TFLite_Detection_PostProcess:2", "TFLite_Detection_PostProcess:3"};
inline constexpr const char* kHeadOutputs[] = {"raw_outputs/box_encodings",
                                               "raw_outputs/class_predictions"};

/// Makes `values` all of the graph's and the signature's outputs; what nothing needs then goes.
void set_outputs(Graph& graph, Signature& signature, std::span<Value* const> values,
                 const char* const* names);

}  // namespace pumice
