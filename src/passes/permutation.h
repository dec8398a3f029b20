// Permutations of axes, as TRANSPOSE has them: result axis i is axis perm[i] of the operand.
#pragma once

#include <optional>
#include <vector>

#include "graph/graph.h"
#include "passes/rewrite.h"

namespace pumice {

using Permutation = std::vector<int>;

/// The constant permutation of a TRANSPOSE node.
inline std::optional<Permutation> permutation_of(const Node& node) {
  if (!node.is("TRANSPOSE")) return std::nullopt;
  auto p = integers_of(node.operand(1));
  if (!p) return std::nullopt;
  std::vector<bool> seen(p->size(), false);
  for (int64_t i : *p) {
    if (i < 0 || i >= static_cast<int64_t>(p->size()) || seen[static_cast<size_t>(i)])
      return std::nullopt;
    seen[static_cast<size_t>(i)] = true;
  }
  return Permutation(p->begin(), p->end());
}

/// What transposing by `first` and then by `second` does.
inline Permutation compose(const Permutation& first, const Permutation& second) {
  Permutation both;
  for (int i : second) both.push_back(first[static_cast<size_t>(i)]);
  return both;
}

inline Permutation inverse(const Permutation& p) {
  Permutation q(p.size());
  for (size_t i = 0; i < p.size(); ++i) q[static_cast<size_t>(p[i])] = static_cast<int>(i);
  return q;
}

inline bool is_identity(const Permutation& p) {
  for (size_t i = 0; i < p.size(); ++i)
    if (p[i] != static_cast<int>(i)) return false;
  return true;
}

/// The elements of `x` in the order of `p`.
template <typename T>
T permuted(const T& x, const Permutation& p) {
  T y;
  for (int i : p) y.push_back(x[static_cast<size_t>(i)]);
  return y;
}

/// Whether the axes whose size is not surely 1 keep their order: then no element moves.
inline bool moves_no_element(const Permutation& p, const Shape& from) {
  int last = -1;
  for (int i : p) {
    if (from[static_cast<size_t>(i)] == Dim(1)) continue;
    if (i < last) return false;
    last = i;
  }
  return true;
}

}  // namespace pumice
