// While, If and Case that neither unroll nor fold: their bodies are inferred and simplified where they
// are called.
#pragma once

#include "graph/model.h"
#include "passes/simplify.h"
#include "pumice/error.h"

namespace pumice {

/// Whether `node` is a loop, a branch or a case whose bodies this has inferred already.
bool bodies_inferred(const Node& node);

/// Replaces the loop by one whose condition and body are copies of their own, simplified for the types
/// of the loop's variables: what holds before the first iteration and after any. Constant invariants
/// become constants of the bodies. The new node stands before `node`, which nothing reads any more.
Status infer_while_bodies(Model& model, Node& node, const SimplifyLimits& limits);

/// The same for If and StatelessIf: results are what holds for either branch.
Status infer_if_bodies(Model& model, Node& node, const SimplifyLimits& limits);

/// BEFORE  Case(i, x) {a, b, c}      AFTER  If(i == 0, i, x) {a, {Case(i - 1, x) {b, c}}}
///
/// The last branch also takes what is out of range. `node` must have two branches or more.
Status split_case(Model& model, Node& node);

}  // namespace pumice
