#include "ops/nms_kernel.h"

#include <cmath>
#include <set>

#include <gtest/gtest.h>

#include "graph/model.h"
#include "ops/infer.h"

namespace pumice {
namespace {

struct NmsKernelTest : testing::Test {
  Model model;
  Graph& graph = *model.add_graph("main");
  Lowering make{graph, nullptr};

  Suppression with(Value* boxes, double threshold) {
    Suppression s;
    s.boxes = boxes;
    s.scores = graph.add_input("scores", DType::kFloat32, {boxes->shape[0]});
    s.most = make.scalar(DType::kInt32, 5);
    s.iou_threshold = kernel_threshold(make, make.scalar(DType::kFloat32, threshold));
    s.score_threshold = make.scalar(DType::kFloat32, 0);
    return s;
  }
  Value* boxes(const std::vector<float>& corners) {
    auto n = static_cast<int64_t>(corners.size() / 4);
    return make.constant(Tensor::of<float>(DType::kFloat32, {n, 4}, corners));
  }
  std::multiset<std::string> ops() const {
    std::multiset<std::string> found;
    for (Node& node : graph) found.insert(node.op);
    return found;
  }
};

TEST_F(NmsKernelTest, ThresholdsAreTheNextNumber) {
  auto of = [&](float t) {
    return static_cast<float>(
        *constant_number(kernel_threshold(make, make.scalar(DType::kFloat32, t))));
  };
  EXPECT_EQ(of(0.5f), std::nextafter(0.5f, 1.0f));
  EXPECT_GT(of(0.0f), 0.0f);
  EXPECT_TRUE(std::isnormal(of(0.0f)));
  EXPECT_EQ(of(std::nextafter(1.0f, 0.0f)), 1.0f);
  EXPECT_GT(of(1.0f), 1.0f);
}

TEST_F(NmsKernelTest, ProperConstantBoxesStay) {
  Suppression s = with(boxes({0, 0, 1, 1, 3, 4, 2, 2}), 0.5);
  Overlaps given = self_suppressing(make, s);
  EXPECT_EQ(given.boxes, s.boxes);
}

TEST_F(NmsKernelTest, BoxesWithoutAreaMove) {
  Suppression s = with(boxes({0, 0, 1, 1, 3, 4, 3, 2}), 0.5);
  EXPECT_NE(self_suppressing(make, s).boxes, s.boxes);
  EXPECT_EQ(ops().count("SELECT"), 1u);
}

TEST_F(NmsKernelTest, NothingIsSuppressedFromOneOn) {
  Suppression s = with(graph.add_input("boxes", DType::kFloat32, {9, 4}), 1);
  Overlaps given = self_suppressing(make, s);
  EXPECT_EQ(constant_number(given.threshold), 1.0);
  EXPECT_EQ(ops().count("SELECT"), 0u);  // no box is looked at
}

TEST_F(NmsKernelTest, ManyBoxesAreNotSorted) {
  suppress(make, with(graph.add_input("few", DType::kFloat32, {4096, 4}), 0.5), false);
  EXPECT_EQ(ops().count("TOPK_V2"), 1u);
  EXPECT_EQ(ops().count("NON_MAX_SUPPRESSION_V4"), 1u);
  suppress(make, with(graph.add_input("many", DType::kFloat32, {4097, 4}), 0.5), false);
  EXPECT_EQ(ops().count("TOPK_V2"), 1u);
}

TEST_F(NmsKernelTest, ManyBoxesGoInTwoSteps) {
  Suppression s = with(graph.add_input("boxes", DType::kFloat32, {4097, 4}), 0.5);
  Selection selected = select_by_kernel(make, s, false);
  EXPECT_EQ(ops().count("NON_MAX_SUPPRESSION_V4"), 2u);
  EXPECT_EQ(selected.indices->shape, Shape({5}));
  EXPECT_EQ(selected.count->dtype, DType::kInt32);
}

TEST_F(NmsKernelTest, OneStepWhereItCannotEndEarly) {
  const auto kernels = [&](auto change) {
    const size_t before = ops().count("NON_MAX_SUPPRESSION_V5");
    Suppression s = with(graph.add_input("boxes", DType::kFloat32, {4097, 4}), 0.5);
    change(s);
    select_by_kernel(make, s, true);
    return ops().count("NON_MAX_SUPPRESSION_V5") - before;
  };
  EXPECT_EQ(kernels([](Suppression&) {}), 2u);
  EXPECT_EQ(kernels([&](Suppression& s) { s.sigma = make.scalar(DType::kFloat32, 0.5); }), 1u);
  EXPECT_EQ(kernels([&](Suppression& s) { s.sigma = graph.add_input("s", DType::kFloat32, {}); }),
            1u);
  EXPECT_EQ(kernels([&](Suppression& s) { s.most = graph.add_input("m", DType::kInt32, {}); }), 1u);
  EXPECT_EQ(kernels([&](Suppression& s) { s.most = make.scalar(DType::kInt32, 513); }), 1u);
}

}  // namespace
}  // namespace pumice
