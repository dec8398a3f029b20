#include "passes/rewrite_test.h"

namespace pumice {
namespace {

struct FusePadTest : RewriteTest {
  void padded(Shape shape, int64_t before, int64_t after, int64_t stride) {
    Value* x = make.pad(input(shape), {{0, 0}, {before, after}, {before, after}, {0, 0}});
    Value* y = conv(x, 4, 3, kPaddingValid);
    for (const char* name : {"stride_h", "stride_w"}) y->node()->attributes.set(name, stride);
    output(y);
  }
};

TEST_F(FusePadTest, AsSameWouldPad) {
  padded({batch, 6, 6, 3}, 0, 1, 2);
  EXPECT_EQ(run(fuse_pad), 1u);
  EXPECT_EQ(ops(), "CONV_2D");
  EXPECT_EQ(maker().attributes.integer("padding"), kPaddingSame);
}

TEST_F(FusePadTest, UnknownSizesWithStrideOne) {
  padded({batch, Dim::symbol(1), Dim::symbol(2), 3}, 1, 1, 1);
  EXPECT_EQ(run(fuse_pad), 1u);
}

TEST_F(FusePadTest, UnknownSizesWithStridesStay) {
  padded({batch, Dim::symbol(1), Dim::symbol(2), 3}, 1, 1, 2);
  EXPECT_EQ(run(fuse_pad), 0u);
}

TEST_F(FusePadTest, OnTheOtherSideStays) {
  padded({batch, 6, 6, 3}, 1, 0, 2);
  EXPECT_EQ(run(fuse_pad), 0u);
}

}  // namespace
}  // namespace pumice
