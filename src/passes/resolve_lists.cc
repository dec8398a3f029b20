#include "passes/resolve_lists.h"

#include <algorithm>

#include "ops/infer.h"

namespace pumice {
namespace {

constexpr int64_t kLongestList = 100'000;

bool in_range(int64_t i, size_t n) { return i >= 0 && i < static_cast<int64_t>(n); }

bool all_written(const std::vector<Value*>& elements) {
  return std::all_of(elements.begin(), elements.end(), [](Value* v) { return v != nullptr; });
}

/// The size of the first dimension, where it is known.
int64_t leading(const Value* value) {
  if (!value->shape.known_rank() || value->shape.rank() == 0 || !value->shape[0].known()) return -1;
  return value->shape[0].size();
}

}  // namespace

ListResolver::State ListResolver::state_of(const Value* value) const {
  auto it = states_.find(value);
  return it == states_.end() ? nullptr : it->second;
}

void ListResolver::set_state(const Value* value, Elements elements) {
  states_[value] = std::make_shared<const Elements>(std::move(elements));
}

Value* ListResolver::create(const char* op, std::vector<Value*> operands, Attributes attributes,
                            const Node& at) {
  Node* node = graph_.create(op, operands, 1, const_cast<Node*>(&at));
  node->attributes = std::move(attributes);
  node->name = at.name;
  return node->result();
}

ListResolver::Elements ListResolver::unpack(Value* tensor, int64_t count, Node& at) {
  Node* node = graph_.create("Unpack", {tensor}, static_cast<size_t>(count), &at);
  node->attributes = {{"num", count}, {"axis", int64_t{0}}, {"T", tensor->dtype}};
  node->name = at.name;
  Elements elements;
  for (size_t i = 0; i < node->result_count(); ++i) {
    node->result(i)->dtype = tensor->dtype;
    elements.push_back(node->result(i));
  }
  return elements;
}

Value* ListResolver::pack(const Elements& elements, Node& at) {
  return create("Pack", elements,
                {{"N", static_cast<int64_t>(elements.size())},
                 {"axis", int64_t{0}},
                 {"T", elements.front()->dtype}},
                at);
}

bool ListResolver::array(Node& node) {
  auto replace = [&](size_t i, Value* by) { graph_.replace_uses(node.result(i), by); };
  if (node.is("TensorArrayV3") && node.result_count() >= 2) {
    // All state is in the flow. Of the handle, writers that grow the array need one thing to be
    // known.
    if (!node.result(0)->unused()) {
      const bool grows = node.attributes.boolean("dynamic_size");
      replace(0, graph_.constant(Tensor::scalar_i32(grows ? 1 : 0), &node, node.name));
    }
    auto size = constant_integer(node.operand(0));
    if (!size || *size < 0 || *size > kLongestList) return false;
    set_state(node.result(1), Elements(static_cast<size_t>(*size), nullptr));
    return true;
  }
  // The flow is the last operand of every other op.
  if (node.operand_count() < 2) return false;
  const Value* flow = node.operand(node.operand_count() - 1);
  State state = state_of(flow);
  if (!state) return false;
  if (node.is("TensorArraySizeV3")) {
    replace(0, graph_.constant(Tensor::scalar_i32(static_cast<int32_t>(state->size())), &node,
                               node.name));
    return true;
  }
  if (node.is("TensorArrayConcatV3")) {
    if (!all_written(*state) || state->empty() || !node.result(1)->unused()) return false;
    Value* axis = graph_.constant(Tensor::scalar_i32(0), &node, node.name);
    Elements operands = *state;
    operands.push_back(axis);
    replace(0, create("ConcatV2", operands,
                      {{"N", static_cast<int64_t>(state->size())}, {"T", state->front()->dtype}},
                      node));
    return true;
  }
  if (node.operand_count() < 3) return false;
  auto places = constant_integers(node.operand(1), kLongestList);
  if (!places) return false;
  for (int64_t i : *places)
    if (!in_range(i, state->size())) return false;
  if (node.is("TensorArrayReadV3") && places->size() == 1) {
    Value* element = (*state)[static_cast<size_t>(places->front())];
    if (!element) return false;
    replace(0, element);
    return true;
  }
  if (node.is("TensorArrayWriteV3") && places->size() == 1) {
    Elements changed = *state;
    changed[static_cast<size_t>(places->front())] = node.operand(2);
    set_state(node.result(), std::move(changed));
    return true;
  }
  if (node.is("TensorArrayScatterV3")) {
    if (leading(node.operand(2)) != static_cast<int64_t>(places->size())) return false;
    Elements changed = *state, elements = unpack(node.operand(2), leading(node.operand(2)), node);
    for (size_t i = 0; i < places->size(); ++i)
      changed[static_cast<size_t>((*places)[i])] = elements[i];
    set_state(node.result(), std::move(changed));
    return true;
  }
  if (node.is("TensorArrayGatherV3")) {
    Elements elements;
    for (int64_t i : *places) elements.push_back((*state)[static_cast<size_t>(i)]);
    if (elements.empty() || !all_written(elements)) return false;
    replace(0, pack(elements, node));
    return true;
  }
  return false;
}

bool ListResolver::list(Node& node) {
  auto replace = [&](size_t i, Value* by) { graph_.replace_uses(node.result(i), by); };
  if (node.is("TensorListReserve") || node.is("EmptyTensorList")) {
    auto size =
        node.is("EmptyTensorList") ? std::optional<int64_t>(0) : constant_integer(node.operand(1));
    if (!size || *size < 0 || *size > kLongestList) return false;
    set_state(node.result(), Elements(static_cast<size_t>(*size), nullptr));
    return true;
  }
  if (node.is("TensorListFromTensor")) {
    int64_t count = leading(node.operand(0));
    if (count < 0 || count > kLongestList) return false;
    set_state(node.result(), unpack(node.operand(0), count, node));
    return true;
  }
  if (node.operand_count() == 0) return false;
  // The elements of a tensor, put at known places.
  bool into_existing = node.is("TensorListScatterIntoExistingList");
  if (into_existing || node.is("TensorListScatterV2") || node.is("TensorListScatter")) {
    size_t first = into_existing ? 1 : 0;
    if (node.operand_count() < first + 2) return false;
    Value* tensor = node.operand(first);
    auto places = constant_integers(node.operand(first + 1), kLongestList);
    State existing = into_existing ? state_of(node.operand(0)) : nullptr;
    if (!places || (into_existing && !existing) ||
        leading(tensor) != static_cast<int64_t>(places->size()))
      return false;
    int64_t size = into_existing ? static_cast<int64_t>(existing->size()) : 0;
    for (int64_t i : *places) {
      if (i < 0 || i >= kLongestList) return false;
      size = std::max(size, i + 1);
    }
    if (node.is("TensorListScatterV2") && node.operand_count() > 3) {
      auto wanted = constant_integer(node.operand(3));
      if (!wanted || *wanted > kLongestList) return false;
      size = std::max(size, *wanted);
    }
    Elements changed = existing ? *existing : Elements();
    changed.resize(static_cast<size_t>(size), nullptr);
    Elements elements = unpack(tensor, leading(tensor), node);
    for (size_t i = 0; i < places->size(); ++i)
      changed[static_cast<size_t>((*places)[i])] = elements[i];
    set_state(node.result(), std::move(changed));
    return true;
  }
  if (node.is("TensorListSplit")) {
    auto lengths =
        node.operand_count() == 3 ? constant_integers(node.operand(2), kLongestList) : std::nullopt;
    if (!lengths || lengths->empty()) return false;
    Value* sizes = graph_.constant(Tensor::vector_i32(*lengths), &node, node.name);
    Value* axis = graph_.constant(Tensor::scalar_i32(0), &node, node.name);
    Node* split = graph_.create("SplitV", {node.operand(0), sizes, axis}, lengths->size(), &node);
    split->attributes = {{"num_split", static_cast<int64_t>(lengths->size())},
                         {"T", node.operand(0)->dtype}};
    split->name = node.name;
    Elements elements;
    for (size_t i = 0; i < lengths->size(); ++i) {
      split->result(i)->dtype = node.operand(0)->dtype;
      elements.push_back(split->result(i));
    }
    set_state(node.result(), std::move(elements));
    return true;
  }
  State state = state_of(node.operand(0));
  if (!state) return false;
  if (node.is("TensorListLength")) {
    replace(0, graph_.constant(Tensor::scalar_i32(static_cast<int32_t>(state->size())), &node,
                               node.name));
    return true;
  }
  if (node.is("TensorListPushBack")) {
    Elements changed = *state;
    changed.push_back(node.operand(1));
    set_state(node.result(), std::move(changed));
    return true;
  }
  if (node.is("TensorListPopBack")) {
    if (state->empty() || !state->back()) return false;
    Elements changed = *state;
    replace(1, changed.back());
    changed.pop_back();
    set_state(node.result(0), std::move(changed));
    return true;
  }
  if (node.is("TensorListConcatLists")) {
    State second = node.operand_count() == 2 ? state_of(node.operand(1)) : nullptr;
    if (!second) return false;
    Elements both = *state;
    both.insert(both.end(), second->begin(), second->end());
    set_state(node.result(), std::move(both));
    return true;
  }
  if (node.is("TensorListConcatV2") || node.is("TensorListConcat")) {
    if (state->empty() || !all_written(*state) || !node.result(1)->unused()) return false;
    Elements operands = *state;
    operands.push_back(graph_.constant(Tensor::scalar_i32(0), &node, node.name));
    replace(0, create("ConcatV2", operands,
                      {{"N", static_cast<int64_t>(state->size())}, {"T", state->front()->dtype}},
                      node));
    return true;
  }
  if (node.is("TensorListStack")) {
    if (state->empty() || !all_written(*state)) return false;
    replace(0, pack(*state, node));
    return true;
  }
  if (node.operand_count() < 2) return false;
  if (node.is("TensorListGather")) {
    auto places = constant_integers(node.operand(1), kLongestList);
    if (!places || places->empty()) return false;
    Elements elements;
    for (int64_t i : *places) {
      if (!in_range(i, state->size())) return false;
      elements.push_back((*state)[static_cast<size_t>(i)]);
    }
    if (!all_written(elements)) return false;
    replace(0, pack(elements, node));
    return true;
  }
  auto place = constant_integer(node.operand(1));
  if (node.is("TensorListResize")) {
    if (!place || *place < 0 || *place > kLongestList) return false;
    Elements changed = *state;
    changed.resize(static_cast<size_t>(*place), nullptr);
    set_state(node.result(), std::move(changed));
    return true;
  }
  if (!place || !in_range(*place, state->size())) return false;
  if (node.is("TensorListGetItem")) {
    Value* element = (*state)[static_cast<size_t>(*place)];
    if (!element) return false;
    replace(0, element);
    return true;
  }
  if (node.is("TensorListSetItem")) {
    Elements changed = *state;
    changed[static_cast<size_t>(*place)] = node.operand(2);
    set_state(node.result(), std::move(changed));
    return true;
  }
  return false;
}

Result<bool> ListResolver::resolve(Node& node) {
  if (node.op.rfind("TensorArray", 0) == 0) return array(node);
  if (node.op.rfind("TensorList", 0) == 0 || node.is("EmptyTensorList")) return list(node);
  // Flows and lists pass through Identity.
  if (node.is("Identity") && node.operand_count() == 1) {
    if (State state = state_of(node.operand(0))) {
      states_[node.result()] = state;
      return true;
    }
  }
  return false;
}

}  // namespace pumice
