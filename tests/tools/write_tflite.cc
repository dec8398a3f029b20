// Writes small models of TensorFlow Lite ops, for tests/tflite/ to run in the real runtimes:
//   pumice_write_tflite FOLDER
#include <cstdio>
#include <string>
#include <vector>

#include "tflite/enums.h"
#include "tflite/writer.h"

namespace pumice {
namespace {

Value* typed(Node* node, DType dtype, Shape shape) {
  node->result()->dtype = dtype;
  node->result()->shape = std::move(shape);
  return node->result();
}

/// Floats 0, 1, 2, … over `modulus`, centred.
Tensor ramp(Dims dims, int modulus) {
  Tensor t = Tensor::zeros(DType::kFloat32, std::move(dims));
  for (int64_t i = 0; i < t.elements(); ++i) {
    t.mutable_as<float>()[i] = static_cast<float>(i % modulus) / static_cast<float>(modulus) - 0.5f;
  }
  return t;
}

void sign(Model& model, const std::string& key, const std::string& graph,
          std::vector<std::string> inputs, std::vector<std::string> outputs) {
  Signature signature{key, graph, {}, {}};
  const Graph* g = model.find(graph);
  for (size_t i = 0; i < inputs.size(); ++i) {
    signature.inputs.push_back({inputs[i], g->inputs()[i]->dtype, g->inputs()[i]->shape});
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    signature.outputs.push_back({outputs[i], g->output(i)->dtype, g->output(i)->shape});
  }
  model.signatures.push_back(std::move(signature));
}

/// An unknown batch, constants small and large, one of them transposed while it is written.
Model convolution() {
  Model model;
  Graph* g = model.add_graph("main");
  Value* x = g->add_input("x", DType::kFloat32, Shape{Dim(), 8, 8, 16});
  const Constant kernel = Constant(ramp({3, 3, 16, 32}, 23)).then(Permute{{3, 0, 1, 2}});
  Node* conv = g->create("CONV_2D", {x, g->constant(kernel, nullptr, "kernel"),
                                     g->constant(ramp({32}, 7), nullptr, "bias")});
  conv->attributes = {{"padding", kPaddingSame},
                      {"stride_w", int64_t{2}},
                      {"stride_h", int64_t{2}},
                      {"fused_activation_function", kActivationRelu6}};
  conv->name = "conv";
  Value* y = typed(conv, DType::kFloat32, Shape{Dim(), 4, 4, 32});
  g->add_output(y);
  sign(model, "serving_default", "main", {"x"}, {"y"});
  model.metadata["NOTES"] = std::string(5000, 'n');
  return model;
}

/// Two signatures, a loop and a custom op: i, x → while i < 3: i + 1, x * 2.
Model control() {
  Model model;
  Graph* cond = model.add_graph("cond");
  Value* i = cond->add_input("i", DType::kInt32, Shape::scalar());
  cond->add_input("x", DType::kFloat32, Shape{2});
  cond->add_output(typed(cond->create("LESS", {i, cond->constant(Tensor::scalar_i32(3))}),
                         DType::kBool, Shape::scalar()));
  Graph* body = model.add_graph("body");
  i = body->add_input("i", DType::kInt32, Shape::scalar());
  Value* x = body->add_input("x", DType::kFloat32, Shape{2});
  body->add_output(typed(body->create("ADD", {i, body->constant(Tensor::scalar_i32(1))}),
                         DType::kInt32, Shape::scalar()));
  body->add_output(typed(body->create("MUL", {x, body->constant(Tensor::scalar_f32(2))}),
                         DType::kFloat32, Shape{2}));
  Graph* g = model.add_graph("double");
  x = g->add_input("x", DType::kFloat32, Shape{2});
  Node* loop = g->create("WHILE", {g->constant(Tensor::scalar_i32(0)), x}, 2);
  loop->attributes = {{"cond", FunctionRef{"cond", nullptr}},
                      {"body", FunctionRef{"body", nullptr}}};
  loop->result(0)->dtype = DType::kInt32;
  loop->result(0)->shape = Shape::scalar();
  loop->result(1)->dtype = DType::kFloat32;
  loop->result(1)->shape = Shape{2};
  g->add_output(loop->result(1));
  Graph* h = model.add_graph("negate");
  x = h->add_input("x", DType::kFloat32, Shape{2});
  h->add_output(typed(h->create("NEG", {x}), DType::kFloat32, Shape{2}));
  sign(model, "twice", "double", {"x"}, {"y"});
  sign(model, "minus", "negate", {"x"}, {"y"});
  return model;
}

/// A state that one signature sets and another reads, and text.
Model state() {
  Model model;
  for (const char* key : {"set", "get"}) {
    Graph* g = model.add_graph(key);
    Value* v = nullptr;
    if (std::string(key) == "set") v = g->add_input("v", DType::kFloat32, Shape{2});
    Node* handle = g->create("VAR_HANDLE", {});
    handle->attributes = {{"shared_name", std::string("state")}, {"container", std::string()}};
    typed(handle, DType::kResource, Shape::scalar());
    if (v) {
      g->create("ASSIGN_VARIABLE", {handle->result(), v}, 0);
      g->add_output(typed(g->create("ABS", {v}), DType::kFloat32, Shape{2}));
      sign(model, key, key, {"v"}, {"y"});
    } else {
      g->add_output(
          typed(g->create("READ_VARIABLE", {handle->result()}), DType::kFloat32, Shape{2}));
      g->add_output(g->constant(Tensor::of_strings({2}, {"one", "three"})));
      sign(model, key, key, {}, {"y", "text"});
    }
  }
  return model;
}

int write_all(const std::string& folder) {
  struct Case {
    const char* name;
    Model (*make)();
    WriteOptions options;
  };
  WriteOptions external;
  external.external_from = 1;
  const Case cases[] = {{"convolution", convolution, {}},
                        {"external", convolution, external},
                        {"control", control, {}},
                        {"state", state, {}}};
  for (const Case& c : cases) {
    const auto written = write_model(c.make(), folder + "/" + c.name + ".tflite", c.options);
    if (!written.ok()) {
      std::fprintf(stderr, "%s: %s\n", c.name, written.error().text().c_str());
      return 1;
    }
  }
  return 0;
}

}  // namespace
}  // namespace pumice

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: pumice_write_tflite FOLDER\n");
    return 2;
  }
  return pumice::write_all(argv[1]);
}
