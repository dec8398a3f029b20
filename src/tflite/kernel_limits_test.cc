#include "tflite/kernel_limits.h"

#include <gtest/gtest.h>

#include "tflite/op_description.h"

namespace pumice {
namespace {

TEST(KernelLimits, KnowWhatWasMeasured) {
  EXPECT_TRUE(kernel_takes("ADD", DType::kInt64));
  EXPECT_FALSE(kernel_takes("ADD", DType::kInt8));  // aborts the process
  EXPECT_FALSE(kernel_takes("RELU", DType::kInt32));
  EXPECT_FALSE(kernel_takes("SUB", DType::kFloat16));
  EXPECT_TRUE(kernel_takes("RESHAPE", DType::kString));
  EXPECT_EQ(kernel_limits("PAD")->largest_rank, 5);
  EXPECT_EQ(kernel_limits("SPLIT")->operand, 1);
  EXPECT_EQ(kernel_limits("WHILE"), nullptr);
  EXPECT_TRUE(kernel_takes("WHILE", DType::kVariant));
}

TEST(KernelLimits, NameOperators) {
  int known = 0;
  for (const OpDescription& op : op_descriptions()) known += kernel_limits(op.name) != nullptr;
  EXPECT_GT(known, 100);
}

}  // namespace
}  // namespace pumice
