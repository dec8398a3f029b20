// What the rewrites' tests share: a graph in the making, and what is left of it.
#pragma once

#include <map>
#include <string>

#include <gtest/gtest.h>

#include "ops/lowering.h"
#include "passes/pipeline.h"
#include "tflite/enums.h"

namespace pumice {

/// A graph with one input `x` and helpers that make nodes of TensorFlow Lite ops.
struct RewriteTest : testing::Test {
  Model model;
  Graph& graph = *model.add_graph("main");
  Lowering make{graph, nullptr};
  Dim batch = Dim::symbol(0);

  Value* input(Shape shape) { return graph.add_input("x", DType::kFloat32, std::move(shape)); }
  Value* floats(Dims dims, float first = 2) {
    std::vector<float> values;
    for (int64_t i = 0; i < *element_count(dims); ++i)
      values.push_back(first + static_cast<float>(i));
    return make.constant(Tensor::of<float>(DType::kFloat32, std::move(dims), values));
  }
  Value* number(float v) { return make.constant(Tensor::scalar_f32(v)); }
  Value* add(Value* a, Value* b) { return make.binary("ADD", a, b); }
  Value* mul(Value* a, Value* b) { return make.binary("MUL", a, b); }
  Value* relu(Value* x) { return make.unary("RELU", x); }
  /// A convolution of k x k with stride 1 to `channels`.
  Value* conv(Value* x, int64_t channels = 4, int64_t k = 1, int64_t padding = kPaddingSame) {
    int64_t in = x->shape[3].size();
    Shape to{x->shape[0], x->shape[1], x->shape[2], channels};
    if (padding == kPaddingValid)
      for (size_t i : {1, 2}) to[i] = to[i] - Dim(k - 1);
    return make.emit("CONV_2D", {x, floats({channels, k, k, in}), floats({channels}, 0)},
                     {{"padding", padding}, {"stride_h", int64_t{1}}, {"stride_w", int64_t{1}}},
                     DType::kFloat32, to);
  }
  void output(Value* v) { graph.add_output(v); }

  /// Runs the rewrite, checks the graph, returns how often it applied.
  size_t run(Result<size_t> (*rewrite)(Model&, Graph&)) {
    Result<size_t> applied = rewrite(model, graph);
    EXPECT_TRUE(applied.ok());
    graph.erase_dead();
    Status sound = verify_graph(graph);
    EXPECT_TRUE(sound.ok()) << to_text(graph);
    return applied.ok() ? *applied : 0;
  }
  /// Ops in order, without inputs and constants: "CONV_2D RELU".
  std::string ops() const {
    std::string text;
    for (Node& node : graph)
      if (!node.is("Input") && !node.is("Const") && !node.is("Return"))
        text += (text.empty() ? "" : " ") + node.op;
    return text;
  }
  std::vector<float> values(const Value* constant) const {
    const Constant* c = constant_of(constant);
    return c ? c->materialize().values<float>() : std::vector<float>{};
  }
  Node& maker(size_t output = 0) { return *graph.output(output)->node(); }
};

}  // namespace pumice
