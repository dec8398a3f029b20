#include "ops/known_integers.h"

#include "ops/infer.h"

namespace pumice {

std::optional<std::vector<std::optional<int64_t>>> integers_if_known(const Value* v) {
  std::vector<std::optional<int64_t>> list;
  if (auto constant = constant_integers(v, 64)) {
    list.assign(constant->begin(), constant->end());
    return list;
  }
  if (v->node()->is("Pack") && v->shape.is_rank(1) && v->node()->operand_count() <= 64) {
    // Element by element: a Dim cannot hold the -1 of "to the end".
    for (size_t i = 0; i < v->node()->operand_count(); ++i) {
      list.push_back(constant_integer(v->node()->operand(i)));
      auto known = list.back() ? std::nullopt : elements_as_dims(v->node()->operand(i));
      if (known && known->size() == 1 && known->front().known())
        list.back() = known->front().size();
    }
    return list;
  }
  auto dims = elements_as_dims(v);
  if (!dims || dims->size() > 64) return std::nullopt;
  for (Dim d : *dims) list.push_back(d.known() ? std::optional(d.size()) : std::nullopt);
  return list;
}

}  // namespace pumice
