#include "import/copy_conditionals.h"

#include "import/import.h"

namespace pumice {
namespace {

void gather(const Choice& choice, const Node& merge, std::vector<const Value*>& inputs) {
  if (!choice.predicate) {
    inputs.push_back(merge.operand(choice.operand));
    return;
  }
  inputs.push_back(choice.predicate);
  gather(*choice.yes, merge, inputs);
  gather(*choice.no, merge, inputs);
}

/// The number of the operand (result 1) is only made where something reads it.
bool wanted(const Node& merge, size_t result) {
  return result == 0 || !merge.result(result)->unused();
}

}  // namespace

Status ConditionalCopier::inputs_of_merge(Frame& frame, const Node& merge,
                                          std::vector<const Value*>& inputs) {
  PUMICE_TRY(const Choice* choice, frame.guards->choice(merge));
  gather(*choice, merge, inputs);
  return {};
}

Status ConditionalCopier::copy_merge(Frame& frame, const Node& merge) {
  PUMICE_TRY(const Choice* choice, frame.guards->choice(merge));
  const size_t depth = frame.guard_depth(merge);
  for (size_t i = 0; i < merge.result_count(); ++i)
    if (wanted(merge, i)) frame.give(merge.result(i), choose(frame, merge, i, *choice, depth));
  if (!choice->predicate) return {};
  // Choices under the same conditions may share an If.
  const auto key = static_cast<int64_t>(frame.number) << 32 | frame.guards->number(merge);
  for (size_t i = 0; i < merge.result_count(); ++i)
    if (wanted(merge, i)) frame.made(merge.result(i))->node()->attributes.set(kGuard, key);
  return {};
}

Value* ConditionalCopier::choose(Frame& frame, const Node& merge, size_t result,
                                 const Choice& choice, size_t depth) {
  if (!choice.predicate) {
    if (result == 0) return frames_.lookup(frame, merge.operand(choice.operand));
    const auto number = static_cast<int32_t>(choice.operand);
    return graph_.constant(Tensor::scalar_i32(number), nullptr, merge.name);
  }
  Value* yes = choose(frame, merge, result, *choice.yes, depth + 1);
  Value* no = choose(frame, merge, result, *choice.no, depth + 1);
  Node* copy = graph_.create(kChoose, {frames_.lookup(frame, choice.predicate), yes, no});
  copy->name = frame.prefix + merge.name;
  copy->attributes.set(kGuardDepth, static_cast<int64_t>(depth));
  copy->result()->dtype = result == 0 ? dtype_by_attributes(*merge.result(0)) : DType::kInt32;
  return copy->result();
}

void ConditionalCopier::copy_switch(Frame& frame, const Node& node) {
  for (size_t i = 0; i < node.result_count(); ++i) {
    if (frame.is_dead(*node.result(i))) continue;
    Node* copy = graph_.create("Identity", {frames_.lookup(frame, node.operand(0))});
    copy->name = frame.prefix + node.name;
    const DType dtype = dtype_by_attributes(*node.result(i));
    copy->attributes = {{"T", dtype}};
    copy->result()->dtype = dtype;
    if (const size_t depth = frame.guard_depth(*node.result(i)))
      copy->attributes.set(kGuardDepth, static_cast<int64_t>(depth));
    frame.give(node.result(i), copy->result());
  }
}

Status always_computed(Frame& frame, const Value& output) {
  const bool dead = frame.is_dead(output);
  if (!dead && frame.guard_depth(output) == 0) return {};
  return Error(ErrorCode::kMalformed,
               dead ? "this output is never computed: it stands in a branch that is never taken"
                    : "this output is computed only in one branch of a conditional")
      .at(output.node()->name, output.node()->op)
      .expected("the Merge of both branches")
      .hint("Name the Merge after it with --output-arrays");
}

}  // namespace pumice
