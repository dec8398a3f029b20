// XlaDynamicUpdateSlice: a block of a tensor written over at a place known at run time.
#include <algorithm>
#include <cstring>

#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/lowering.h"

namespace pumice {
namespace {

Status infer_update_slice(Node& node) {
  PUMICE_CHECK(expect_operands(node, 3, 3));
  const Value *input = node.operand(0), *update = node.operand(1);
  if (input->shape.known_rank() && update->shape.known_rank()) {
    bool fits = input->shape.rank() == update->shape.rank();
    for (size_t i = 0; fits && i < input->shape.rank(); ++i)
      fits = !input->shape[i].known() || !update->shape[i].known() ||
             update->shape[i].size() <= input->shape[i].size();
    if (!fits)
      return malformed(node, "the update does not fit into the tensor")
          .expected("at most " + to_string(input->shape))
          .found(to_string(update->shape));
  }
  set_result(node, 0, input->dtype, input->shape);
  return {};
}

/// Starts are clamped so that the update fits, as XLA does.
Status evaluate_update_slice(EvalContext& context) {
  const Tensor &input = context.in(0), &update = context.in(1);
  Dims starts = context.in(2).integers();
  const size_t rank = input.dims().size(), width = element_size(input.dtype());
  if (update.dims().size() != rank || starts.size() != rank || input.dtype() != update.dtype() ||
      width == 0)
    return malformed(context.node, "the update does not fit into the tensor");
  for (size_t i = 0; i < rank; ++i) {
    const int64_t room = input.dims()[i] - update.dims()[i];
    if (room < 0) return malformed(context.node, "the update does not fit into the tensor");
    starts[i] = std::clamp<int64_t>(starts[i], 0, room);
  }
  std::vector<std::byte> bytes(input.data(), input.data() + input.bytes().size());
  const std::vector<int64_t> to = strides_of(input.dims());
  std::vector<int64_t> at(rank, 0);
  // Row by row: the last axis is contiguous on both sides.
  const int64_t row = rank ? update.dims()[rank - 1] : 1;
  const int64_t rows = row ? update.elements() / row : 0;
  for (int64_t r = 0; r < rows; ++r) {
    int64_t offset = 0;
    for (size_t i = 0; i < rank; ++i) offset += (starts[i] + at[i]) * to[i];
    std::memcpy(bytes.data() + static_cast<size_t>(offset) * width,
                update.data() + static_cast<size_t>(r * row) * width,
                static_cast<size_t>(row) * width);
    for (size_t i = rank > 0 ? rank - 1 : 0; i-- > 0;) {
      if (++at[i] < update.dims()[i]) break;
      at[i] = 0;
    }
  }
  context.outputs = {Tensor(input.dtype(), input.dims(), Bytes::own(std::move(bytes)))};
  return {};
}

Status lower_update_slice(Node& node, Lowering& lowering) {
  Value *input = node.operand(0), *update = node.operand(1), *starts = node.operand(2);
  if (input->dtype == DType::kString || dtype_to_tflite(input->dtype) < 0)
    return unsupported(node, "dtype " + std::string(dtype_name(input->dtype)));
  Value* y = lowering.emit("DYNAMIC_UPDATE_SLICE", {input, update, lowering.as_i32(starts)}, {},
                           input->dtype, node.result()->shape);
  lowering.replace(node, 0, y);
  return {};
}

constexpr OpDef kOps[] = {
    {"XlaDynamicUpdateSlice", infer_update_slice, evaluate_update_slice, lower_update_slice,
     "DYNAMIC_UPDATE_SLICE", "strings"},
};

}  // namespace

std::span<const OpDef> update_slice_ops() { return kOps; }

}  // namespace pumice
