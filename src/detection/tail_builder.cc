#include "detection/tail_builder.h"

#include "passes/simplify.h"

namespace pumice {
namespace {

/// The name of what is neither the operator nor an output.
constexpr char kMadeHere[] = "detections";

}  // namespace

Result<Value*> TailBuilder::make(const char* op, std::initializer_list<Value*> operands,
                                 Attributes attributes) {
  Node* node = graph_.create(op, operands);
  node->attributes = std::move(attributes);
  node->name = kMadeHere;
  PUMICE_CHECK(infer_node(model_, *node));
  return node->result();
}

Value* TailBuilder::integers(const std::vector<int64_t>& values) {
  return graph_.constant(Constant(Tensor::vector_i32(values)), nullptr, kMadeHere);
}

Value* TailBuilder::integer(int32_t value) {
  return graph_.constant(Constant(Tensor::scalar_i32(value)), nullptr, kMadeHere);
}

Value* TailBuilder::number(float value) {
  return graph_.constant(Constant(Tensor::scalar_f32(value)), nullptr, kMadeHere);
}

Result<Value*> TailBuilder::shaped(Value* x, const Dims& to) {
  if (x->shape == Shape(to)) return x;
  return make("Reshape", {x, integers(to)}, {{"T", DType::kFloat32}, {"Tshape", DType::kInt32}});
}

Result<Value*> TailBuilder::columns(Value* x, const std::vector<int64_t>& columns) {
  bool all = static_cast<int64_t>(columns.size()) == x->shape[2].size();
  for (size_t i = 0; i < columns.size(); ++i) all &= columns[i] == static_cast<int64_t>(i);
  if (all) return x;
  return make(
      "GatherV2", {x, integers(columns), integer(2)},
      {{"Tparams", DType::kFloat32}, {"Tindices", DType::kInt32}, {"Taxis", DType::kInt32}});
}

Result<Value*> TailBuilder::slice(Value* x, const std::vector<int64_t>& begin,
                                  const std::vector<int64_t>& size) {
  return make("Slice", {x, integers(begin), integers(size)},
              {{"T", DType::kFloat32}, {"Index", DType::kInt32}});
}

void set_outputs(Graph& graph, Signature& signature, std::span<Value* const> values,
                 const char* const* names) {
  while (graph.output_count() > 0) graph.return_node()->remove_operand(graph.output_count() - 1);
  signature.outputs.clear();
  for (size_t i = 0; i < values.size(); ++i) {
    graph.add_output(values[i]);
    values[i]->name = names[i];
    signature.outputs.push_back({names[i], values[i]->dtype, values[i]->shape});
  }
  graph.erase_dead();
}

}  // namespace pumice
