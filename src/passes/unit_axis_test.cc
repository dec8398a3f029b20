#include "passes/rewrite_test.h"

namespace pumice {
namespace {

struct UnitAxis : RewriteTest {
  Value* node(const char* op, std::initializer_list<Value*> operands, Shape shape,
              Attributes attributes = {}) {
    Node* made = graph.create(op, operands);
    made->attributes = std::move(attributes);
    made->result()->dtype = DType::kFloat32;
    made->result()->shape = std::move(shape);
    return made->result();
  }
  Value* axis(int32_t value) { return make.constant(Tensor::scalar_i32(value)); }
  Value* ints(const std::vector<int64_t>& values) { return make.constant_i32(values); }
  Value* unpack(Value* x) {
    return node("Unpack", {x}, {a, b, 3}, {{"axis", int64_t{0}}, {"num", int64_t{1}}});
  }
  Value* expand(Value* x, int32_t at = 0) {
    return node("ExpandDims", {x, axis(at)}, {1, a, b, 3});
  }
  Value* strided(Value* x, Shape shape, int64_t shrink, int64_t fresh,
                 const std::vector<int64_t>& strides) {
    return node("StridedSlice", {x, ints({0, 0, 0, 0}), ints({1, 0, 0, 0}), ints(strides)},
                std::move(shape),
                {{"begin_mask", int64_t{14}},
                 {"end_mask", int64_t{14}},
                 {"shrink_axis_mask", shrink},
                 {"new_axis_mask", fresh}});
  }
  Dim a = Dim::symbol(1), b = Dim::symbol(2);
};

TEST_F(UnitAxis, StaysOnThroughElementwiseOps) {
  Value* x = input({1, a, b, 3});
  Value* scaled = node("Mul", {unpack(x), number(2)}, {a, b, 3}, {{"T", DType::kFloat32}});
  output(expand(node("Sub", {scaled, number(1)}, {a, b, 3}, {{"T", DType::kFloat32}})));
  EXPECT_EQ(run(unit_axis), 1u);
  EXPECT_EQ(ops(), "Mul Sub");
  EXPECT_EQ(graph.output(0)->shape, (Shape{1, a, b, 3}));
}

TEST_F(UnitAxis, TakesSlicesAndPacks) {
  Value* x = input({1, a, b, 3});
  Value* inner =
      strided(strided(x, {a, b, 3}, 1, 0, {1, 1, 1, 1}), {1, a, b, 3}, 0, 1, {1, 1, 1, 1});
  Value* squeezed =
      node("Squeeze", {inner}, {a, b, 3}, {{"squeeze_dims", std::vector<int64_t>{0}}});
  output(node("Pack", {squeezed}, {1, a, b, 3}, {{"axis", int64_t{0}}}));
  EXPECT_EQ(run(unit_axis), 2u);
  EXPECT_EQ(ops(), "");
  EXPECT_EQ(graph.output(0), x);
}

TEST_F(UnitAxis, LeavesTheRestAlone) {
  Value* x = input({1, a, b, 3});
  Value* two = graph.add_input("two", DType::kFloat32, {2, a, b, 3});
  output(expand(unpack(x), 1));  // another axis
  output(strided(strided(two, {a, b, 3}, 1, 0, {1, 1, 1, 1}), {1, a, b, 3}, 0, 1,
                 {1, 1, 1, 1}));  // one of two
  output(strided(strided(x, {a, b, 3}, 1, 0, {1, 1, 2, 1}), {1, a, b, 3}, 0, 1,
                 {1, 1, 1, 1}));  // every other
  Value* shared = node("Mul", {unpack(x), number(2)}, {a, b, 3}, {{"T", DType::kFloat32}});
  output(expand(shared));
  output(shared);  // read without the axis, too
  Value* row = node("Mul", {unpack(x), floats({3})}, {a, b, 3}, {{"T", DType::kFloat32}});
  output(expand(row));  // no scalar
  EXPECT_EQ(run(unit_axis), 0u);
}

}  // namespace
}  // namespace pumice
