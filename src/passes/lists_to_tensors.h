// Lists that no loop's unrolling resolved become tensors of their stacked elements.
#pragma once

#include "graph/model.h"
#include "pumice/error.h"

namespace pumice {

/// Carries what readers and later elements say of a list's sizes back to where the list comes from: its
/// making, or the graph's input. Linear.
void refine_lists(Model& model, Graph& graph);

/// BEFORE  l = TensorListReserve(n); l2 = TensorListSetItem(l, i, x); y = TensorListStack(l2)
/// AFTER   l = Fill([n, …], 0);      l2 = XlaDynamicUpdateSlice(l, x, [i, 0…]); y is l2
///
/// What cannot become tensors stays as it is, with the reason as its attribute `_refused`: the lowering lists
/// it. Returns how many operations went.
Result<size_t> lists_to_tensors(Model& model, Graph& graph);

}  // namespace pumice
