#include "passes/rewrite_test.h"

namespace pumice {
namespace {

struct RecognizeNormTest : RewriteTest {
  Value* x = input({batch, 6, 4});
  Value* normalized(int64_t axis, float bound) {
    Value* sum = make.emit("SUM", {make.unary("SQUARE", x), make.constant_i32({axis})},
                           {{"keep_dims", true}}, DType::kFloat32, {batch, 6, 1});
    return mul(x, make.unary("RSQRT", make.binary("MAXIMUM", sum, number(bound))));
  }
};

TEST_F(RecognizeNormTest, SquaredDifference) {
  Value* y = graph.add_input("y", DType::kFloat32, x->shape);
  output(make.unary("SQUARE", make.binary("SUB", x, y)));
  EXPECT_EQ(run(recognize_norm), 1u);
  EXPECT_EQ(ops(), "SQUARED_DIFFERENCE");
}

TEST_F(RecognizeNormTest, ADifferenceThatIsReadElsewhereStays) {
  Value* y = graph.add_input("y", DType::kFloat32, x->shape);
  Value* d = make.binary("SUB", x, y);
  output(mul(d, d));
  output(relu(d));
  EXPECT_EQ(run(recognize_norm), 0u);
}

TEST_F(RecognizeNormTest, L2NormalizationWhereTheKernelIsTheSame) {
  output(normalized(-1, 1e-12f));
  EXPECT_EQ(run(recognize_norm), 1u);
  EXPECT_EQ(ops(), "L2_NORMALIZATION");
}

TEST_F(RecognizeNormTest, NotWithAnotherBound) {
  output(normalized(2, 1e-6f));
  EXPECT_EQ(run(recognize_norm), 0u);
}

TEST_F(RecognizeNormTest, ReciprocalRoot) {
  output(make.binary("DIV", number(1), make.unary("SQRT", x)));
  EXPECT_EQ(run(recognize_norm), 1u);
  EXPECT_EQ(ops(), "RSQRT");
}

}  // namespace
}  // namespace pumice
