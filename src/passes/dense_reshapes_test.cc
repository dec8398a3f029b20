#include "passes/rewrite_test.h"

namespace pumice {
namespace {

struct DenseReshapesTest : RewriteTest {
  Value* dense(Shape flat, Shape to) {
    Value* x = make.reshape(input({batch, 7, 8}), flat);
    Value* y = make.emit("FULLY_CONNECTED", {x, floats({4, flat[1].size()}), nullptr}, {},
                         DType::kFloat32, {flat[0], 4});
    return make.reshape(y, to);
  }
};

TEST_F(DenseReshapesTest, LastDimensionKept) {
  output(dense({Dim::symbol(1), 8}, {batch, 7, 4}));
  EXPECT_EQ(run(dense_reshapes), 1u);
  EXPECT_EQ(ops(), "FULLY_CONNECTED");
  EXPECT_TRUE(maker().attributes.boolean("keep_num_dims"));
}

TEST_F(DenseReshapesTest, LastDimensionChanged) {
  output(dense({batch, 56}, {batch, 2, 2}));
  EXPECT_EQ(run(dense_reshapes), 0u);
}

}  // namespace
}  // namespace pumice
