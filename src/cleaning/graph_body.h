// The nodes of a GraphDef or of a FunctionDef's body, for taking some of them out.
#pragma once

#include <deque>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "pumice/error.h"

namespace pumice {

/// NodeDef as it stands, and what is to be left out of it.
struct BodyNode {
  std::string_view bytes, name, op, called;  // `called`: the function of a call
  std::vector<std::string_view> inputs;      // as the file has them; control inputs last
  bool removed = false;
  std::set<size_t> dropped_inputs;
  std::set<size_t> dropped_outputs;  // of RestoreV2
  std::set<size_t> dropped_strings;  // elements of a constant
};

/// Usage: add() each node, remove() values, finish(); then rewritten() gives the nodes.
class GraphBody {
 public:
  /// `function`: inputs name results as "node:output:index", and arguments by their names.
  explicit GraphBody(bool function) : function_(function) {}

  Status add(std::string_view node_def);
  void add_root(std::string_view name) { roots_.insert(name); }
  void add_saver_call(std::string_view name) { saver_calls_.insert(name); }
  void index();  // to be called once, after the last add()

  /// The node or argument goes, with everything that only serves it.
  Status remove(std::string_view name);
  /// What has become needless, and the saver's lists.
  Status finish();

  bool is_removed(std::string_view node) const;
  const std::vector<BodyNode>& nodes() const { return nodes_; }
  /// The node without what was dropped.
  Result<std::string> rewritten(const BodyNode& node) const;
  /// An input as text, renumbered where its producer lost outputs before it.
  std::string reference(std::string_view input) const;

 private:
  struct Use {
    size_t node, input;
  };
  struct Reference {
    std::string_view name;
    size_t output = 0;
    bool control = false;
  };
  Reference parse(std::string_view input) const;
  bool live(const Use& use) const;
  bool lives_on(std::string_view name) const;
  Status forward();
  void lose(const BodyNode& node, size_t input);
  void prune();
  Status shrink_restore(BodyNode* node);
  Status shrink_save(BodyNode* node);
  Status drop_strings(const BodyNode& node, size_t input, const std::set<size_t>& elements);

  bool function_;
  std::vector<BodyNode> nodes_;
  std::unordered_map<std::string_view, size_t> by_name_;
  std::unordered_map<std::string_view, std::vector<Use>> uses_, control_uses_;
  std::unordered_set<std::string_view> roots_, saver_calls_;
  std::deque<std::string_view> going_;    // whose readers go next
  std::vector<std::string_view> losers_;  // nodes that lost a reader
};

}  // namespace pumice
