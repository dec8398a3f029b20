// BEFORE  CONV_2D → TRANSPOSE to NCHW → ADD → RELU → PAD → TRANSPOSE to NHWC → CONV_2D
// AFTER   CONV_2D → ADD → RELU → PAD → CONV_2D
//
// Nodes that do their work in any order of axes, connected with each other, form a region. The
// transposes at its border are counted as they are and as they would be if the region worked in
// the other order; where that is fewer, the whole region changes over: constants are reordered,
// axes and paddings renumbered. Where it is as many, transposes only move down (towards the
// outputs), behind what can then fuse into the op that comes before, or up to an input.
#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "ops/lowering.h"
#include "passes/layout_rules.h"
#include "passes/pipeline.h"

namespace pumice {
namespace {

/// How a change of one region's layout would turn out.
struct Outcome {
  int removed_above = 0, removed_below = 0, added = 0;
  bool from_inputs_alone = true;  // nothing but graph inputs comes into the region
  bool to_windows_alone = true;   // what is removed below feeds convolutions and pools

  bool worth() const {
    int gain = removed_above + removed_below - added;
    if (gain != 0) return gain > 0;
    return removed_above > 0 || (removed_below > 0 && from_inputs_alone && to_windows_alone);
  }
  int gain() const { return removed_above + removed_below - added; }
};

bool takes_windows(const Node& node) {
  return node.is("CONV_2D") || node.is("DEPTHWISE_CONV_2D") || node.is("MAX_POOL_2D") ||
         node.is("AVERAGE_POOL_2D") || node.is("TRANSPOSE_CONV") || node.is("CONV_3D");
}

class LayoutPass {
 public:
  explicit LayoutPass(Graph& graph) : graph_(graph) {}

  size_t run() {
    bool any = false;
    for (Node& node : graph_) any |= node.is("TRANSPOSE");
    if (!any) return 0;
    collect();
    std::map<size_t, std::vector<Node*>> regions;  // by the number of their first node
    for (size_t i = 1; i < nodes_.size(); ++i) regions[find(i)].push_back(nodes_[i]);
    size_t changed = 0;
    for (auto& [root, nodes] : regions) {
      root_ = root;
      const Permutation* best = nullptr;
      int most = 0;
      auto candidates = candidates_of(nodes);
      for (const Permutation& p : candidates) {
        Outcome outcome = weigh(nodes, p);
        if (outcome.worth() && (!best || outcome.gain() > most)) {
          best = &p;
          most = outcome.gain();
        }
      }
      if (!best) continue;
      change(nodes, *best);
      ++changed;
    }
    for (Node& node : graph_) changed += reduce_before(node);
    graph_.erase_dead();
    return changed;
  }

 private:
  /// A reduction that drops axes, directly below a transpose.
  bool reduce_before(Node& node) {
    auto role = layout_role(node);
    if (!role || role->results_move) return false;
    Node& transpose = *node.operand(0)->node();
    auto t = permutation_of(transpose);
    if (!t || !drops_in_order(node, inverse(*t))) return false;
    Lowering lowering(graph_, &node);
    change_layout(node, *role, inverse(*t), lowering);
    node.set_operand(0, transpose.operand(0));
    return true;
  }

  void collect() {
    nodes_.assign(1, nullptr);  // number 0: in no region
    for (Node& node : graph_) {
      node.scratch = 0;
      auto role = layout_role(node);
      if (!role || !role->results_move) continue;
      node.scratch = static_cast<int64_t>(nodes_.size());
      nodes_.push_back(&node);
      roles_.emplace(&node, *std::move(role));
    }
    parents_.resize(nodes_.size());
    for (size_t i = 0; i < parents_.size(); ++i) parents_[i] = i;
    for (size_t i = 1; i < nodes_.size(); ++i)
      for (size_t operand : roles_.at(nodes_[i]).moving)
        if (int64_t other = nodes_[i]->operand(operand)->node()->scratch; other > 0)
          join(i, static_cast<size_t>(other));
  }

  size_t find(size_t i) {
    while (parents_[i] != i) i = parents_[i] = parents_[parents_[i]];
    return i;
  }
  void join(size_t a, size_t b) {
    a = find(a);
    b = find(b);
    parents_[std::max(a, b)] = std::min(a, b);
  }

  bool inside(const Node& node) {
    return node.scratch > 0 && find(static_cast<size_t>(node.scratch)) == root_;
  }
  bool moves(const Use& use) {
    if (!inside(*use.node)) return false;
    const auto& moving = roles_.at(use.node).moving;
    return std::find(moving.begin(), moving.end(), use.operand) != moving.end();
  }

  /// Orders in which a transpose at the border would vanish.
  std::vector<Permutation> candidates_of(const std::vector<Node*>& nodes) {
    std::vector<Permutation> found;
    size_t rank = nodes[0]->result()->shape.rank();
    auto add = [&](Permutation p) {
      if (p.size() == rank && !is_identity(p) && found.size() < 4 &&
          std::find(found.begin(), found.end(), p) == found.end())
        found.push_back(std::move(p));
    };
    for (Node* node : nodes) {
      for (size_t i : roles_.at(node).moving)
        if (auto t = permutation_of(*node->operand(i)->node())) add(inverse(*t));
      for (size_t i = 0; i < node->result_count(); ++i)
        for (const Use& use : node->result(i)->uses())
          if (use.operand == 0)
            if (auto t = permutation_of(*use.node)) add(*t);
    }
    return found;
  }

  /// A transpose that moves no element is a RESHAPE, and none beside another one.
  int cost(const Value* v, const Permutation& p) {
    if (!v->shape.is_rank(p.size()) || !moves_no_element(p, v->shape)) return 1;
    return v->node()->is("RESHAPE") ? 0 : 1;
  }

  Outcome weigh(const std::vector<Node*>& nodes, const Permutation& p) {
    Outcome outcome;
    Permutation back = inverse(p);
    std::unordered_set<const Value*> seen;
    for (Node* node : nodes) {
      for (size_t i : roles_.at(node).moving) {
        const Value* v = node->operand(i);
        if (constant_of(v) || inside(*v->node()) || !seen.insert(v).second) continue;
        outcome.from_inputs_alone &= v->node()->is("Input");
        auto t = permutation_of(*v->node());
        if (!t || t->size() != p.size()) {
          outcome.added += cost(v, p);
          continue;
        }
        outcome.added += is_identity(compose(*t, p)) ? 0 : 1;
        bool all = true;
        for (const Use& use : v->uses()) all &= moves(use);
        outcome.removed_above += all ? 1 : 0;
      }
      for (size_t i = 0; i < node->result_count(); ++i) {
        const Value* v = node->result(i);
        bool needed = false;
        for (const Use& use : v->uses()) {
          if (moves(use)) continue;
          if (auto t = permutation_of(*use.node); t && use.operand == 0) {
            ++outcome.removed_below;
            outcome.added += is_identity(compose(back, *t)) ? 0 : 1;
            for (const Use& next : use.node->result()->uses())
              outcome.to_windows_alone &= takes_windows(*next.node);
          } else {
            needed |= !drops(use, p);
          }
        }
        if (needed) outcome.added += cost(v, back);
      }
    }
    return outcome;
  }

  /// Whether a use by a reduction that drops axes can take the new order.
  bool drops(const Use& use, const Permutation& p) {
    if (use.operand != 0) return false;
    auto role = layout_role(*use.node);
    return role && !role->results_move && drops_in_order(*use.node, p);
  }

  void change(const std::vector<Node*>& nodes, const Permutation& p) {
    Permutation back = inverse(p);
    std::vector<std::pair<Value*, std::vector<Use>>> outside;
    for (Node* node : nodes)
      for (size_t i = 0; i < node->result_count(); ++i) {
        std::vector<Use> uses;
        for (const Use& use : node->result(i)->uses())
          if (!moves(use)) uses.push_back(use);
        if (!uses.empty()) outside.emplace_back(node->result(i), std::move(uses));
      }
    std::unordered_map<Value*, Value*> reordered;
    for (Node* node : nodes) {
      Lowering lowering(graph_, node);
      const LayoutRole& role = roles_.at(node);
      for (size_t i : role.moving) {
        Value* v = node->operand(i);
        if (inside(*v->node())) continue;
        auto [it, added] = reordered.try_emplace(v, nullptr);
        if (added) {
          auto t = permutation_of(*v->node());
          it->second = t && t->size() == p.size()
                           ? lowering.transpose(v->node()->operand(0), compose(*t, p))
                           : lowering.transpose(v, p);
        }
        node->set_operand(i, it->second);
      }
      change_layout(*node, role, p, lowering);
    }
    for (auto& [value, uses] : outside) change_readers(value, uses, p, back);
  }

  void change_readers(Value* value, const std::vector<Use>& uses, const Permutation& p,
                      const Permutation& back) {
    Value* as_before = nullptr;
    for (const Use& use : uses) {
      Lowering lowering(graph_, use.node);
      if (auto t = permutation_of(*use.node); t && use.operand == 0) {
        Permutation rest = compose(back, *t);
        if (is_identity(rest)) {
          replace_node(use.node, value);
        } else {
          use.node->set_operand(1, lowering.constant_i32({rest.begin(), rest.end()}));
        }
      } else if (drops(use, p)) {
        change_layout(*use.node, *layout_role(*use.node), p, lowering);
      } else {
        if (!as_before) {
          Lowering after(graph_, value->node()->next());
          as_before = after.transpose(value, back);
          as_before->node()->name = value->node()->name;
          std::swap(as_before->name, value->name);
        }
        use.node->set_operand(use.operand, as_before);
      }
    }
  }

  Graph& graph_;
  std::vector<Node*> nodes_;  // numbered by scratch
  std::unordered_map<const Node*, LayoutRole> roles_;
  std::vector<size_t> parents_;
  size_t root_ = 0;
};

}  // namespace

Result<size_t> layout(Model&, Graph& graph) { return LayoutPass(graph).run(); }

}  // namespace pumice
