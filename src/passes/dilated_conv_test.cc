#include "passes/rewrite_test.h"

namespace pumice {
namespace {

struct DilatedConvTest : RewriteTest {
  /// Blocks of 2 around a 3x3 convolution, in TensorFlow's ops.
  Value* around(std::vector<int64_t> paddings, std::vector<int64_t> crops, int64_t stride = 1) {
    auto pairs = [&](std::vector<int64_t> v) {
      return make.constant(Constant(Tensor::vector_i32(v)).then(Reshape{{2, 2}}));
    };
    Value* block = make.constant_i32({2, 2});
    Value* x = make.emit("SpaceToBatchND", {input({batch, 8, 8, 3}), block, pairs(paddings)}, {},
                         DType::kFloat32, Shape::of_rank(4));
    x = make.emit("Conv2D", {x, floats({3, 3, 3, 4})},
                  {{"strides", std::vector<int64_t>{1, stride, stride, 1}},
                   {"padding", std::string("VALID")}},
                  DType::kFloat32, Shape::of_rank(4));
    x = make.emit("BiasAdd", {x, floats({4})}, {}, DType::kFloat32, Shape::of_rank(4));
    return make.emit("BatchToSpaceND", {x, block, pairs(crops)}, {}, DType::kFloat32,
                     Shape::of_rank(4));
  }
  const Node& convolution() { return *maker().operand(0)->node(); }
};

TEST_F(DilatedConvTest, Same) {
  output(around({2, 2, 2, 2}, {0, 0, 0, 0}));
  EXPECT_EQ(run(dilated_conv), 1u);
  EXPECT_EQ(ops(), "Conv2D BiasAdd");
  EXPECT_EQ(convolution().attributes.string("padding"), "SAME");
  EXPECT_EQ(convolution().attributes.integers("dilations"), (std::vector<int64_t>{1, 2, 2, 1}));
  EXPECT_EQ(graph.output(0)->shape, (Shape{batch, 8, 8, 4}));
}

TEST_F(DilatedConvTest, ValidAndExplicit) {
  output(around({0, 0, 0, 0}, {0, 0, 0, 0}));
  EXPECT_EQ(run(dilated_conv), 1u);
  EXPECT_EQ(convolution().attributes.string("padding"), "VALID");
}

TEST_F(DilatedConvTest, CropsTakePaddingsBack) {
  output(around({0, 2, 4, 0}, {0, 0, 0, 0}));
  EXPECT_EQ(run(dilated_conv), 1u);
  EXPECT_EQ(convolution().attributes.integers("explicit_paddings"),
            (std::vector<int64_t>{0, 0, 0, 2, 4, 0, 0, 0}));
}

TEST_F(DilatedConvTest, CropsBeyondThePaddingsStay) {
  output(around({0, 0, 0, 0}, {1, 0, 0, 0}));
  EXPECT_EQ(run(dilated_conv), 0u);
}

TEST_F(DilatedConvTest, StridesStay) {
  output(around({0, 0, 0, 0}, {0, 0, 0, 0}, 2));
  EXPECT_EQ(run(dilated_conv), 0u);
}

}  // namespace
}  // namespace pumice
