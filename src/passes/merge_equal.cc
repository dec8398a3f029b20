// BEFORE  ADD(RELU(x), Const[1, 2])   MUL(RELU(x), Const[1, 2])      two RELUs, two Consts
// AFTER   ADD(RELU(x), Const[1, 2])   MUL(RELU(x), Const[1, 2])      one of each
//
// Common subexpressions: nodes of the same op, attributes and operands. Constants are equal when
// they show the same bytes of the source in the same way, or have equal contents of at most 64 KiB.
// Nothing that has a state or draws random numbers is merged.
#include <bit>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "passes/pipeline.h"
#include "passes/rewrite.h"

namespace pumice {
namespace {

constexpr size_t kLargestHashed = 64 << 10;

/// A hash, of one number after another.
class Mix {
 public:
  void add(uint64_t v) { hash_ = (hash_ ^ v) * 0x9e3779b97f4a7c15u ^ (hash_ >> 29); }
  void add(std::string_view s) { add(std::hash<std::string_view>{}(s)); }
  uint64_t value() const { return hash_ ^ (hash_ >> 32); }  // the low bits tell as much as any

 private:
  uint64_t hash_ = 0x243f6a8885a308d3u;
};

std::string_view view_of(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool comparable_bytes(const Constant& c) {
  return c.dtype() != DType::kString && element_size(c.dtype()) > 0 &&
         c.byte_size() <= kLargestHashed;
}

bool equal_contents(const Constant& a, const Constant& b) {
  if (a.same_source_as(b)) return true;
  return a.dtype() == b.dtype() && a.dims() == b.dims() && comparable_bytes(a) &&
         view_of(a.materialize().bytes()) == view_of(b.materialize().bytes());
}

bool same_attribute(const Attribute& a, const Attribute& b) {
  if (a.index() != b.index()) return false;
  if (const auto* c = std::get_if<SharedConstant>(&a))
    return (*c)->same_source_as(*std::get<SharedConstant>(b));
  bool same = false;
  std::visit(
      [&](const auto& v) {
        using T = std::decay_t<decltype(v)>;
        if constexpr (!std::is_same_v<T, SharedConstant> && !std::is_same_v<T, FunctionRef> &&
                      !std::is_same_v<T, std::vector<FunctionRef>>)
          same = v == std::get<T>(b);
      },
      a);
  return same;
}

bool same_attributes(const Attributes& a, const Attributes& b) {
  if (a.shares_with(b)) return true;
  if (a.size() != b.size()) return false;
  auto other = b.begin();
  for (const auto& [name, value] : a) {
    if (name != other->first || !same_attribute(value, other->second)) return false;
    ++other;
  }
  return true;
}

bool equal(const Node& x, const Node& y) {
  if (x.op != y.op || x.operand_count() != y.operand_count() ||
      x.result_count() != y.result_count())
    return false;
  for (size_t i = 0; i < x.operand_count(); ++i)
    if (x.operand(i) != y.operand(i)) return false;
  for (size_t i = 0; i < x.result_count(); ++i)
    if (x.result(i)->dtype != y.result(i)->dtype) return false;
  const Constant *c = constant_of(x.result()), *d = constant_of(y.result());
  return c && d ? equal_contents(*c, *d) : same_attributes(x.attributes, y.attributes);
}

bool stateless(std::string_view op) {
  auto has = [&](std::string_view part) { return op.find(part) != std::string_view::npos; };
  if (op == "WHILE" || op == "IF" || op == "CALL" || op == "CALL_ONCE") return false;
  // State, random numbers, nodes that call graphs, queues and lists, and what is not known.
  for (std::string_view part :
       {"VAR_HANDLE",  "READ_VARIABLE", "RANDOM",   "MULTINOMIAL", "HASHTABLE",   "custom:",
        "VarHandle",   "ReadVariable",  "Variable", "Random",      "Multinomial", "Table",
        "TensorArray", "TensorList",    "While",    "If",          "Call",        "Placeholder",
        "Queue",       "Iterator",      "Stack",    "Switch",      "Merge",       "Enter",
        "Exit",        "NextIteration", "LoopCond", "Stateful",    "PyFunc",      "Print",
        "Assert",      "Timestamp",     "Unique"})
    if (has(part)) return false;
  return true;
}

void add(Mix& mix, const Attribute& attribute) {
  std::visit(
      [&](const auto& v) {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, float>) {
          mix.add(std::bit_cast<uint32_t>(v));
        } else if constexpr (std::is_same_v<T, std::string>) {
          mix.add(std::string_view(v));
        } else if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
          mix.add(static_cast<uint64_t>(v));
        } else if constexpr (std::is_same_v<T, std::vector<int64_t>>) {
          for (const int64_t i : v) mix.add(static_cast<uint64_t>(i));
        }
      },
      attribute);
}

/// Equal nodes have equal hashes. Others hardly ever do: what makes many nodes differ is in it.
uint64_t hash_of(const Node& node) {
  Mix mix;
  mix.add(node.op);
  if (const Constant* c = constant_of(node.result())) {
    mix.add(static_cast<uint64_t>(c->dtype()));
    for (int64_t d : c->dims()) mix.add(static_cast<uint64_t>(d));
    if (c->dtype() == DType::kString) {
      mix.add(reinterpret_cast<uintptr_t>(&node));  // equal to none
    } else if (!comparable_bytes(*c)) {
      mix.add(reinterpret_cast<uintptr_t>(c->source().bytes().data()));
    } else if (c->transforms().empty()) {
      mix.add(view_of(c->source().bytes()));
    } else {
      mix.add(view_of(c->materialize().bytes()));
    }
  } else {
    for (size_t i = 0; i < node.operand_count(); ++i)
      mix.add(reinterpret_cast<uintptr_t>(node.operand(i)));
    for (const auto& [name, value] : node.attributes) add(mix, value);
  }
  return mix.value();
}

/// Nodes by their hash, in one array that is at most half full.
class Seen {
 public:
  explicit Seen(size_t nodes) : slots_(std::bit_ceil(2 * nodes)) {}

  /// The equal node that was added before, or null after adding this one.
  Node* find_or_add(Node& node) {
    const uint64_t hash = hash_of(node);
    for (size_t i = hash;; ++i) {
      Slot& slot = slots_[i & (slots_.size() - 1)];
      if (!slot.node) {
        slot = {hash, &node};
        return nullptr;
      }
      if (slot.hash == hash && equal(*slot.node, node)) return slot.node;
    }
  }

 private:
  struct Slot {
    uint64_t hash = 0;
    Node* node = nullptr;
  };
  std::vector<Slot> slots_;
};

}  // namespace

Result<size_t> merge_equal(Model&, Graph& graph) {
  Seen seen(graph.node_count());
  std::unordered_map<std::string, bool> known;  // of each op: is it stateless?
  auto mergeable = [&](const Node& node) {
    if (node.result_count() == 0 || node.is("Input") || has_side_effect(node)) return false;
    const auto [it, first] = known.try_emplace(node.op);
    if (first) it->second = stateless(node.op);
    return it->second;
  };
  return for_each_node(graph, [&](Node& node) {
    if (!mergeable(node)) return false;
    const Node* same = seen.find_or_add(node);
    if (!same) return false;
    for (size_t i = 0; i < node.result_count(); ++i) {
      Value *from = node.result(i), *to = same->result(i);
      // Two outputs with names of their own stay two values.
      if (!from->name.empty() && !to->name.empty() && from->name != to->name) return false;
    }
    for (size_t i = 0; i < node.result_count(); ++i) {
      Value *from = node.result(i), *to = same->result(i);
      if (to->name.empty()) to->name = from->name;
      graph.replace_uses(from, to);
    }
    graph.erase(&node);
    return true;
  });
}

}  // namespace pumice
