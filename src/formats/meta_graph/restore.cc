#include "formats/meta_graph/restore.h"

#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace pumice {
namespace {

// Restore functions call at most a few others (one a device, one a saver).
constexpr int kMaxCallDepth = 16;
constexpr int kMaxCalls = 10000;
constexpr int kMaxForwards = 64;  // Identity chains

bool is_call(const Node& node) {
  return node.is("StatefulPartitionedCall") || node.is("PartitionedCall");
}

/// One function body under a call; the main graph has none above it.
struct Frame {
  const Frame* caller = nullptr;
  const Node* call = nullptr;  // in the caller's graph
  const Graph* graph = nullptr;
  std::unordered_map<const Value*, size_t> argument;  // input of the graph → number
};

/// A value and the frame it lives in.
struct Place {
  const Value* value = nullptr;
  const Frame* frame = nullptr;
};

class RestoreWalk {
 public:
  explicit RestoreWalk(FunctionLibrary* functions) : functions_(functions) {}

  Status from(const Node* restore) {
    Frame main;
    main.graph = &restore->graph();
    std::vector<const Node*> work{restore};
    std::unordered_set<const Node*> seen{restore};
    while (!work.empty()) {
      const Node* node = work.back();
      work.pop_back();
      PUMICE_CHECK(visit(*node, main, 0));
      const auto push = [&](const Node* next) {
        if (seen.insert(next).second) work.push_back(next);
      };
      for (const Node* before : node->control_inputs) push(before);
      // Only groups are passed through by data; an assignment's operands are looked at on their
      // own.
      if (node->is("Identity") || node->is("IdentityN")) {
        for (size_t i = 0; i < node->operand_count(); ++i) push(node->operand(i)->node());
      }
    }
    return {};
  }

  std::map<std::string, RestoredFrom> take() { return std::move(found_); }

 private:
  Status visit(const Node& node, const Frame& frame, int depth) {
    if (node.is("Assign") || node.is("AssignVariableOp")) {
      if (node.operand_count() >= 2) bind(node, frame);
    } else if (is_call(node)) {
      const auto* f = node.attributes.find<FunctionRef>("f");
      if (!f || !functions_ || depth >= kMaxCallDepth) return {};
      PUMICE_TRY(const Graph* body, functions_->find(f->name));
      // A call inside a body is walked once a call of that body; hostile nesting must not multiply.
      if (!body || ++calls_ > kMaxCalls) return {};
      Frame inner{&frame, &node, body, {}};
      for (size_t i = 0; i < body->inputs().size(); ++i) inner.argument[body->inputs()[i]] = i;
      for (const Node& n : *body) PUMICE_CHECK(visit(n, inner, depth + 1));
      std::erase_if(names_, [&](const auto& entry) { return entry.first.second == &inner; });
    }
    return {};
  }

  /// Walks back over what passes a value on unchanged, out of functions into their callers.
  Place origin(Place place, bool* reshaped = nullptr) const {
    for (int steps = 0; place.value && steps < kMaxForwards; ++steps) {
      const Node* node = place.value->node();
      if (node->is("Identity") && node->operand_count() >= 1) {
        place.value = node->operand(0);
      } else if (node->is("Reshape") && reshaped && node->operand_count() >= 1) {
        *reshaped = true;
        place.value = node->operand(0);
      } else if (node->is("Input") && place.frame->caller) {
        const auto it = place.frame->argument.find(place.value);
        if (it == place.frame->argument.end() || it->second >= place.frame->call->operand_count()) {
          return {};
        }
        place = {place.frame->call->operand(it->second), place.frame->caller};
      } else {
        return place;
      }
    }
    return {};
  }

  const std::vector<std::string>* strings(const Node& node, size_t operand, const Frame* frame,
                                          std::vector<std::string>* space) const {
    if (node.operand_count() <= operand) return nullptr;
    const Place place = origin({node.operand(operand), frame});
    const Constant* constant = place.value ? constant_of(place.value) : nullptr;
    if (!constant || constant->dtype() != DType::kString) return nullptr;
    if (constant->transforms().empty()) return &constant->source().strings();
    // A list of equal strings ("", "", …) is a Splat; no more of it is wanted than there are
    // results.
    if (constant->source().elements() != 1 ||
        constant->elements() > static_cast<int64_t>(node.result_count())) {
      return nullptr;
    }
    space->assign(static_cast<size_t>(constant->elements()), constant->source().strings()[0]);
    return space;
  }

  void bind(const Node& assign, const Frame& frame) {
    const Place target = origin({assign.operand(0), &frame});
    if (!target.value || !is_variable_op(target.value->node()->op) || target.frame->caller) return;
    bool reshaped = false;
    const Place value = origin({assign.operand(1), &frame}, &reshaped);
    if (!value.value || !value.value->node()->is("RestoreV2")) return;
    const Node& restore = *value.value->node();
    const size_t index = value.value->index();
    auto& tensors = names_[{&restore, value.frame}];
    if (!tensors.read) {
      tensors.read = true;
      std::vector<std::string> space;
      if (const auto* keys = strings(restore, 1, value.frame, &space)) tensors.keys = *keys;
      if (const auto* parts = strings(restore, 2, value.frame, &space)) tensors.parts = *parts;
    }
    if (index >= tensors.keys.size()) return;
    found_[target.value->node()->name] = {tensors.keys[index],
                                          index < tensors.parts.size() ? tensors.parts[index] : ""};
  }

  struct RestoredTensors {
    bool read = false;
    std::vector<std::string> keys, parts;
  };

  FunctionLibrary* functions_;
  int calls_ = 0;
  std::map<std::pair<const Node*, const Frame*>, RestoredTensors> names_;
  std::map<std::string, RestoredFrom> found_;
};

}  // namespace

bool is_variable_op(std::string_view op) {
  return op == "VarHandleOp" || op == "VariableV2" || op == "Variable";
}

Result<std::map<std::string, RestoredFrom>> follow_restore(const Node* restore,
                                                           FunctionLibrary* functions) {
  RestoreWalk walk(functions);
  PUMICE_CHECK(walk.from(restore));
  return walk.take();
}

}  // namespace pumice
