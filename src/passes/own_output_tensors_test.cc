#include "passes/rewrite_test.h"

namespace pumice {
namespace {

using OwnOutputTensorsTest = RewriteTest;

TEST_F(OwnOutputTensorsTest, InputsConstantsAndDoublesGetTheirOwn) {
  Value* x = input({batch, 3});
  Value* y = relu(x);
  output(x);
  output(y);
  output(y);
  output(floats({3}));
  EXPECT_EQ(run(own_output_tensors), 3u);
  EXPECT_EQ(ops(), "RELU RESHAPE RESHAPE RESHAPE");
  EXPECT_EQ(graph.output(1), y);
}

}  // namespace
}  // namespace pumice
