// Models for the tests of this room.
#pragma once

#include "graph/model.h"
#include "tflite/enums.h"

namespace pumice {

inline Value* typed(Node* node, DType dtype, Shape shape, size_t result = 0) {
  node->result(result)->dtype = dtype;
  node->result(result)->shape = std::move(shape);
  return node->result(result);
}

/// x[?,8,8,C] → CONV_2D with a filter of `filters` x 3 x 3 x C, and a bias.
inline Model conv_model(int64_t channels, int64_t filters) {
  Model model;
  Graph* graph = model.add_graph("main");
  Value* x = graph->add_input("x", DType::kFloat32, Shape{Dim(), 8, 8, channels});
  Value* filter = graph->constant(Tensor::zeros(DType::kFloat32, {filters, 3, 3, channels}),
                                  nullptr, "conv/kernel");
  Value* bias = graph->constant(Tensor::zeros(DType::kFloat32, {filters}), nullptr, "conv/bias");
  Node* conv = graph->create("CONV_2D", {x, filter, bias});
  conv->name = "conv";
  conv->attributes.set("stride_w", int64_t{1});
  conv->attributes.set("stride_h", int64_t{1});
  conv->attributes.set("fused_activation_function", kActivationRelu6);
  Value* y = typed(conv, DType::kFloat32, Shape{Dim(), 8, 8, filters});
  graph->add_output(y);
  model.signatures.push_back(
      {"serving_default", "main", {{"x", x->dtype, x->shape}}, {{"y", y->dtype, y->shape}}});
  return model;
}

/// A bit of everything: a loop over subgraphs, a custom op, text, an absent operand, quantization,
/// a state, an option of each kind, metadata.
inline Model mixed_model() {
  Model model = conv_model(3, 4);
  Graph* cond = model.add_graph("cond");
  Value* i = cond->add_input("i", DType::kInt32, Shape::scalar());
  cond->add_output(typed(cond->create("LESS", {i, cond->constant(Tensor::scalar_i32(3))}),
                         DType::kBool, Shape::scalar()));
  Graph* body = model.add_graph("body");
  i = body->add_input("i", DType::kInt32, Shape::scalar());
  body->add_output(typed(body->create("ADD", {i, body->constant(Tensor::scalar_i32(1))}),
                         DType::kInt32, Shape::scalar()));
  Graph* g = model.find("main");
  Node* loop = g->create("WHILE", {g->constant(Tensor::scalar_i32(0))});
  loop->attributes = {{"cond", FunctionRef{"cond", nullptr}},
                      {"body", FunctionRef{"body", nullptr}}};
  loop->name = "loop";
  typed(loop, DType::kInt32, Shape::scalar());
  Node* custom = g->create("custom:Special", {loop->result(), nullptr}, 2);
  custom->name = "special";
  custom->attributes.set("custom_options", std::string("\1\0\2", 3));
  typed(custom, DType::kFloat32, Shape::unknown(), 0);
  Value* quantized = typed(custom, DType::kInt8, Shape{2}, 1);
  quantized->quantization = std::make_unique<Quantization>();
  *quantized->quantization = {{0.5f, 0.25f}, {1, -2}, 0};
  Node* squeeze = g->create("SQUEEZE", {g->constant(Tensor::of_strings({1, 2}, {"one", ""}))});
  squeeze->attributes.set("squeeze_dims", std::vector<int64_t>{0});
  squeeze->name = "squeeze";
  typed(squeeze, DType::kString, Shape{2});
  Node* bucketize = g->create("BUCKETIZE", {g->inputs()[0]});
  bucketize->attributes.set("boundaries", std::vector<float>{0, 1.5f});
  bucketize->name = "bucketize";
  typed(bucketize, DType::kInt32, g->inputs()[0]->shape);
  Node* cast = g->create("CAST", {bucketize->result()});
  cast->attributes = {{"in_data_type", DType::kInt32}, {"out_data_type", DType::kInt64}};
  cast->name = "cast";
  typed(cast, DType::kInt64, bucketize->result()->shape);
  Node* handle = g->create("VAR_HANDLE", {});
  handle->attributes = {{"shared_name", std::string("v")}, {"container", std::string()}};
  handle->name = "handle";
  typed(handle, DType::kResource, Shape::scalar());
  g->create("ASSIGN_VARIABLE", {handle->result(), cast->result()}, 0);
  for (Value* v : {custom->result(0), quantized, squeeze->result()}) {
    g->add_output(v);
    model.signatures[0].outputs.push_back(
        {v->node()->name + std::to_string(v->index()), v->dtype, v->shape});
  }
  model.metadata["NOTES"] = "text";
  return model;
}

}  // namespace pumice
