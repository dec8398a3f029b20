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

TEST_F(OwnOutputTensorsTest, SizesOfWhatIsFoundWhileRunning) {
  Value* x = input({batch, 3});
  output(make.size_of(x, 0));
  Value* found = make.emit("WHERE", {x}, {}, DType::kInt64, {Dim(), 2});
  output(make.size_of(found, 0));
  EXPECT_EQ(run(own_output_tensors), 1u);
  EXPECT_EQ(ops(), "SHAPE STRIDED_SLICE WHERE SHAPE STRIDED_SLICE ADD");
}

}  // namespace
}  // namespace pumice
