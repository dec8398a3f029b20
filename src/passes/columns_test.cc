#include "passes/rewrite_test.h"

namespace pumice {
namespace {

struct ColumnsTest : RewriteTest {
  Value* column(Value* x, int64_t at) {
    const Dims dims = x->shape.sizes();
    std::vector<int64_t> begin(dims.size(), 0), size(dims.begin(), dims.end());
    begin.back() = at;
    size.back() = 1;
    return make.slice(x, begin, size);
  }
  size_t run_on(Value* x, std::initializer_list<int64_t> wanted) {
    for (int64_t at : wanted) output(column(x, at));
    return run(columns);
  }
  Dims begin_of(size_t i) {  // of the SLICE behind output i
    return constant_of(graph.output(i)->node()->operand(0)->node()->operand(1))
        ->materialize()
        .integers();
  }
};

TEST_F(ColumnsTest, SlicesOfRows) {
  EXPECT_EQ(run_on(input({2048, 7}), {0, 3, 5, 6}), 4u);
  EXPECT_EQ(ops(), "TRANSPOSE SLICE RESHAPE SLICE RESHAPE SLICE RESHAPE SLICE RESHAPE");
  EXPECT_EQ(begin_of(1), (Dims{3, 0}));
  EXPECT_EQ(graph.output(1)->shape, Shape({2048, 1}));
}

TEST_F(ColumnsTest, OfTheWhole) {
  Value* x = input({1, 2048, 8});
  Value* part = make.slice(x, {0, 0, 1}, {1, 2048, 7});
  EXPECT_EQ(run_on(make.reshape(part, {2048, 7}), {0, 1, 2, 6}), 4u);
  EXPECT_EQ(ops(), "RESHAPE TRANSPOSE SLICE RESHAPE SLICE RESHAPE SLICE RESHAPE SLICE RESHAPE");
  EXPECT_EQ(begin_of(0), (Dims{1, 0}));
  EXPECT_EQ(begin_of(3), (Dims{7, 0}));
}

TEST_F(ColumnsTest, AReshapeThatMixesColumnsStays) {
  EXPECT_EQ(run_on(make.reshape(input({1024, 14}), {2048, 7}), {0, 1, 2, 6}), 4u);
  EXPECT_EQ(ops(), "RESHAPE TRANSPOSE SLICE RESHAPE SLICE RESHAPE SLICE RESHAPE SLICE RESHAPE");
  EXPECT_EQ(begin_of(1), (Dims{1, 0}));
}

TEST_F(ColumnsTest, AFewOfManyStay) { EXPECT_EQ(run_on(input({2048, 90}), {0, 1, 2, 3}), 0u); }

TEST_F(ColumnsTest, ThreeStay) { EXPECT_EQ(run_on(input({2048, 3}), {0, 1, 2}), 0u); }

TEST_F(ColumnsTest, ShortOnesStay) { EXPECT_EQ(run_on(input({512, 4}), {0, 1, 2, 3}), 0u); }

TEST_F(ColumnsTest, PartsOfColumnsStay) {
  Value* x = input({4096, 4});
  for (int64_t i = 0; i < 4; ++i) output(make.slice(x, {1, i}, {2048, 1}));
  EXPECT_EQ(run(columns), 0u);
}

TEST_F(ColumnsTest, UnknownRowsStay) {
  Value* x = input({batch, 4});
  for (int64_t i = 0; i < 4; ++i) output(make.slice(x, {0, i}, {-1, 1}));
  EXPECT_EQ(run(columns), 0u);
}

}  // namespace
}  // namespace pumice
