// BEFORE  signature serve → graph A, signature serving_default → graph B, B equal to A
// AFTER   both → graph A
//
// Keras exports every function under both keys; written twice, the model would load twice.
#include "passes/share_signatures.h"

#include <unordered_map>

namespace pumice {
namespace {

/// Same sizes, and symbols that stand for each other throughout.
class SymbolMap {
 public:
  bool equal(const Shape& a, const Shape& b) {
    if (a.known_rank() != b.known_rank()) return false;
    if (!a.known_rank()) return true;
    if (a.rank() != b.rank()) return false;
    for (size_t i = 0; i < a.rank(); ++i) {
      if (a[i].is_symbol() && b[i].is_symbol()) {
        if (symbols_.emplace(a[i].symbol_id(), b[i].symbol_id()).first->second != b[i].symbol_id())
          return false;
      } else if (!(a[i] == b[i])) {
        return false;
      }
    }
    return true;
  }

 private:
  std::unordered_map<int64_t, int64_t> symbols_;
};

bool equal(const Constant& a, const Constant& b) {
  if (a.same_source_as(b)) return true;
  constexpr size_t kSmall = 64 * 1024;
  if (a.dtype() != b.dtype() || a.dims() != b.dims() || a.byte_size() > kSmall ||
      a.dtype() == DType::kString)
    return false;
  Tensor x = a.materialize(), y = b.materialize();
  return x.bytes().size() == y.bytes().size() &&
         std::memcmp(x.data(), y.data(), x.bytes().size()) == 0;
}

bool equal(const Attribute& a, const Attribute& b) {
  if (a.index() != b.index()) return false;
  return std::visit(
      [&](const auto& value) {
        using T = std::decay_t<decltype(value)>;
        const T& other = std::get<T>(b);
        if constexpr (std::is_same_v<T, SharedConstant>) {
          return equal(*value, *other);
        } else if constexpr (std::is_same_v<T, FunctionRef>) {
          return value.name == other.name;
        } else if constexpr (std::is_same_v<T, std::vector<FunctionRef>>) {
          return value.empty() && other.empty();
        } else {
          return value == other;
        }
      },
      a);
}

bool equal(const Attributes& a, const Attributes& b) {
  if (a.size() != b.size()) return false;
  for (auto x = a.begin(), y = b.begin(); x != a.end(); ++x, ++y)
    if (x->first != y->first || !equal(x->second, y->second)) return false;
  return true;
}

bool equal(const Graph& a, const Graph& b) {
  if (a.node_count() != b.node_count() || a.inputs().size() != b.inputs().size()) return false;
  std::unordered_map<const Value*, const Value*> twin;
  SymbolMap symbols;
  for (Node *x = a.first(), *y = b.first(); x; x = x->next(), y = y->next()) {
    if (!y || x->op != y->op || x->operand_count() != y->operand_count() ||
        x->result_count() != y->result_count() || !equal(x->attributes, y->attributes))
      return false;
    for (size_t i = 0; i < x->operand_count(); ++i) {
      const Value *u = x->operand(i), *v = y->operand(i);
      if (!u != !v || (u && twin[u] != v)) return false;
    }
    for (size_t i = 0; i < x->result_count(); ++i) {
      if (x->result(i)->dtype != y->result(i)->dtype ||
          !symbols.equal(x->result(i)->shape, y->result(i)->shape))
        return false;
      twin[x->result(i)] = y->result(i);
    }
  }
  return true;
}

}  // namespace

size_t share_signatures(Model& model) {
  size_t dropped = 0;
  for (size_t i = 1; i < model.signatures.size(); ++i) {
    Signature& signature = model.signatures[i];
    Graph* graph = model.find(signature.graph);
    for (size_t j = 0; graph && j < i; ++j) {
      const std::string& other = model.signatures[j].graph;
      if (other == signature.graph || !equal(*model.find(other), *graph)) continue;
      model.graphs.erase(signature.graph);
      signature.graph = other;
      ++dropped;
      break;
    }
  }
  return dropped;
}

}  // namespace pumice
