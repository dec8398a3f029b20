#include "passes/rewrite.h"

#include <cmath>

namespace pumice {

std::optional<float> float_of(const Value* value) {
  const Constant* c = constant_of(value);
  if (!c || c->dtype() != DType::kFloat32 || c->elements() != 1) return std::nullopt;
  return c->materialize().at<float>(0);
}

bool is_number(const Value* value, float number, float slack) {
  auto f = float_of(value);
  return f && std::fabs(*f - number) <= slack * std::fabs(number);
}

std::optional<std::vector<int64_t>> integers_of(const Value* value) {
  const Constant* c = constant_of(value);
  if (!c || !is_integer(c->dtype()) || c->elements() > 1024) return std::nullopt;
  return c->materialize().integers();
}

bool is_filled_with(const Value* value, double number, int64_t limit) {
  const Constant* c = constant_of(value);
  if (!c || !(is_float(c->dtype()) || is_integer(c->dtype()))) return false;
  // One element repeated is one element, however many there are.
  if (c->source().elements() == 1 && c->transforms().size() == 1 &&
      std::holds_alternative<Splat>(c->transforms()[0]))
    return c->elements() > 0 && c->source().number_at(0) == number;
  if (c->elements() > limit || c->elements() == 0) return false;
  Tensor t = c->materialize();
  for (int64_t i = 0; i < t.elements(); ++i)
    if (t.number_at(i) != number) return false;
  return true;
}

bool same_shape(const Shape& a, const Shape& b) {
  if (!a.known_rank() || !b.known_rank() || a.rank() != b.rank()) return false;
  for (size_t i = 0; i < a.rank(); ++i)
    if (!a[i].same_as(b[i])) return false;
  return true;
}

bool same_type(const Value* a, const Value* b) {
  return a->dtype == b->dtype && same_shape(a->shape, b->shape);
}

void replace_node(Node* node, Value* by) {
  Value* result = node->result();
  const Node& maker = *by->node();
  if (by->name.empty() && !maker.is("Input") && !maker.is("Const")) by->name = result->name;
  node->graph().replace_uses(result, by);
  erase_unused(node);
}

void erase_unused(Node* node) {
  std::vector<Node*> dead{node};
  while (!dead.empty()) {
    Node* gone = dead.back();
    dead.pop_back();
    std::vector<Node*> producers;
    for (size_t i = 0; i < gone->operand_count(); ++i)
      if (gone->operand(i)) producers.push_back(gone->operand(i)->node());
    gone->graph().erase(gone);
    for (size_t p = 0; p < producers.size(); ++p) {
      Node* producer = producers[p];
      bool known = false;
      for (size_t q = 0; q < p; ++q) known |= producers[q] == producer;
      if (known || producer->is("Input") || has_side_effect(*producer)) continue;
      bool used = false;
      for (size_t i = 0; i < producer->result_count(); ++i) used |= !producer->result(i)->unused();
      if (!used) dead.push_back(producer);
    }
  }
}

}  // namespace pumice
