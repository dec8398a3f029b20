// BEFORE  SLICE(x:[n,7], [0,i], [n,1]) for several i
// AFTER   RESHAPE(SLICE(TRANSPOSE(x):[7,n], [i,0], [1,n]))
//
// The elements of a column lie apart, and the runtimes' SLICE takes them one by one; TRANSPOSE
// moves blocks. So detectors take the scores of each class. Columns of what was cut along the last
// axis alone, or reshaped before it, are columns of the whole.
#include <map>
#include <vector>

#include "ops/lowering.h"
#include "passes/pipeline.h"
#include "passes/rewrite.h"

namespace pumice {
namespace {

constexpr int64_t kFewestRows = 1024, kFewestColumns = 4;
/// A transposition moves an element in about a quarter of the time.
constexpr int64_t kQuicker = 4;

int64_t last_size(const Value* x) { return x->shape.sizes().back(); }

/// Where a SLICE along the last axis alone begins.
std::optional<int64_t> first_column(const Node& node) {
  const Value* x = node.operand(0);
  if (!node.is("SLICE") || !x->shape.fully_known() || !node.result()->shape.fully_known())
    return std::nullopt;
  const Dims from = x->shape.sizes(), to = node.result()->shape.sizes();
  const auto begin = integers_of(node.operand(1));
  if (from.empty() || !begin || begin->size() != from.size()) return std::nullopt;
  for (size_t i = 0; i + 1 < from.size(); ++i)
    if (from[i] != to[i]) return std::nullopt;
  return begin->back();
}

struct Columns {
  Value* of;  // [.., all]
  int64_t first;
};

/// What the columns of x are columns of: as far back as the elements before the last axis stay.
Columns traced(Value* x) {
  Columns found{x, 0};
  for (;;) {
    const Node& node = *found.of->node();
    if (auto first = first_column(node)) {
      found = {node.operand(0), found.first + *first};
      continue;
    }
    const bool reshaped = node.is("RESHAPE") && node.operand(0)->shape.fully_known() &&
                          node.operand(0)->shape.rank() > 0 &&
                          last_size(node.operand(0)) == last_size(found.of);
    if (!reshaped) return found;
    found.of = node.operand(0);
  }
}

struct Reader {
  Node* slice;
  int64_t column;
};

}  // namespace

Result<size_t> columns(Model&, Graph& graph) {
  std::vector<Value*> order;
  std::map<const Value*, std::vector<Reader>> readers;
  for (Node& node : graph) {
    const auto first = first_column(node);
    if (!first || last_size(node.result()) != 1 || constant_of(node.operand(0)) ||
        node.result()->dtype != DType::kFloat32 || *node.result()->shape.elements() < kFewestRows)
      continue;
    const Columns from = traced(node.operand(0));
    auto& of = readers[from.of];
    if (of.empty()) order.push_back(from.of);
    of.push_back({&node, from.first + *first});
  }
  size_t applied = 0;
  for (Value* x : order) {
    const std::vector<Reader>& of = readers[x];
    const auto count = static_cast<int64_t>(of.size());
    const int64_t width = last_size(x), rows = *x->shape.elements() / width;
    if (count < kFewestColumns || width > kQuicker * count) continue;
    Lowering first(graph, of[0].slice);
    Value* turned = first.transpose(first.reshape(x, {rows, width}), {1, 0});
    for (const Reader& reader : of) {
      Lowering lowering(graph, reader.slice);
      Value* column = lowering.slice(turned, {reader.column, 0}, {1, rows});
      replace_node(reader.slice, lowering.reshape(column, reader.slice->result()->shape));
      ++applied;
    }
  }
  return applied;
}

}  // namespace pumice
