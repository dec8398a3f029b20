#include "passes/rewrite_test.h"

namespace pumice {
namespace {

struct UpsampleTest : RewriteTest {
  Value* x = input({batch, 6, 5, 3});
  Value* packed(int64_t inner, int64_t outer) {
    Value* a = make.emit("PACK", {x, x}, {{"axis", inner}, {"values_count", int64_t{2}}},
                         DType::kFloat32, {batch, 6, 5, 2, 3});
    Value* b = make.emit("PACK", {a, a}, {{"axis", outer}, {"values_count", int64_t{2}}},
                         DType::kFloat32, {batch, 6, 2, 5, 2, 3});
    return make.reshape(b, Shape{batch, 12, 10, 3});
  }
};

TEST_F(UpsampleTest, Packs) {
  output(packed(3, 2));
  EXPECT_EQ(run(upsample), 1u);
  EXPECT_EQ(ops(), "RESIZE_NEAREST_NEIGHBOR");
  EXPECT_EQ(constant_of(maker().operand(1))->materialize().integers(),
            (std::vector<int64_t>{12, 10}));
}

TEST_F(UpsampleTest, PacksAlongOtherAxesStay) {
  output(packed(2, 3));
  EXPECT_EQ(run(upsample), 0u);
}

}  // namespace
}  // namespace pumice
