#include "detection/subgraph.h"

#include <queue>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "evaluate/evaluate.h"

namespace pumice {
namespace {

/// Where the network itself begins, seen from its end.
bool is_heavy(const Node& node) {
  for (std::string_view op :
       {"Conv2D", "DepthwiseConv2dNative", "_FusedConv2D", "FusedDepthwiseConv2dNative", "MatMul",
        "_FusedMatMul", "BatchMatMulV2", "Conv2DBackpropInput"})
    if (node.is(op)) return true;
  return false;
}

}  // namespace

std::unique_ptr<Graph> cut_out(const Graph& graph, std::span<Value* const> inputs,
                               std::span<Value* const> outputs) {
  std::unordered_set<const Node*> wanted;
  std::unordered_map<const Value*, Value*> copies;
  auto part = std::make_unique<Graph>(graph.name);
  for (Value* input : inputs)
    copies[input] = part->add_input(input->node()->name, input->dtype, input->shape);
  std::vector<const Node*> open;
  auto want = [&](const Value* value) {
    if (value && !copies.count(value) && wanted.insert(value->node()).second)
      open.push_back(value->node());
  };
  for (Value* output : outputs) want(output);
  while (!open.empty()) {
    const Node* node = open.back();
    open.pop_back();
    if (node->is("Input")) return nullptr;
    for (size_t i = 0; i < node->operand_count(); ++i) want(node->operand(i));
  }
  std::vector<Value*> operands;
  for (Node& node : graph) {
    if (!wanted.count(&node)) continue;
    operands.clear();
    for (size_t i = 0; i < node.operand_count(); ++i)
      operands.push_back(node.operand(i) ? copies.at(node.operand(i)) : nullptr);
    Node* copy = part->create(node.op, operands, node.result_count());
    copy->attributes = node.attributes;
    copy->name = node.name;
    for (size_t i = 0; i < node.result_count(); ++i) {
      copy->result(i)->dtype = node.result(i)->dtype;
      copy->result(i)->shape = node.result(i)->shape;
      copies.emplace(node.result(i), copy->result(i));  // one of `inputs` stays
    }
  }
  for (Value* output : outputs) part->add_output(copies.at(output));
  return part;
}

std::vector<Value*> bottlenecks(const Graph& graph, std::span<Value* const> targets, size_t most) {
  int64_t number = 0;
  std::unordered_set<const Node*> varying;  // what depends on an input
  for (Node& node : graph) {
    node.scratch = number++;
    bool varies = node.is("Input");
    for (size_t i = 0; !varies && i < node.operand_count(); ++i)
      varies = node.operand(i) && varying.count(node.operand(i)->node());
    if (varies) varying.insert(&node);
  }
  auto later = [](const Value* a, const Value* b) {
    return a->node()->scratch != b->node()->scratch ? a->node()->scratch < b->node()->scratch
                                                    : a->index() < b->index();
  };
  std::priority_queue<Value*, std::vector<Value*>, decltype(later)> front(later);
  std::unordered_set<const Value*> seen;
  auto add = [&](Value* value) {
    if (value && varying.count(value->node()) && seen.insert(value).second) front.push(value);
  };
  for (Value* target : targets) add(target);
  std::vector<Value*> found;
  for (size_t visited = 0; !front.empty() && visited < most; ++visited) {
    Value* last = front.top();
    front.pop();
    if (front.empty()) found.push_back(last);
    const Node& node = *last->node();
    if (node.is("Input") || is_heavy(node)) break;
    for (size_t i = 0; i < node.operand_count(); ++i) add(node.operand(i));
  }
  return found;
}

std::unique_ptr<Probe> Probe::make(const Model& model, const Graph& graph,
                                   std::span<Value* const> inputs,
                                   std::span<Value* const> outputs) {
  auto probe = std::make_unique<Probe>();
  for (Value* input : inputs) {
    auto dims = sizes_of_one(input);
    if (!dims || input->dtype != DType::kFloat32) return nullptr;
    probe->dims_.push_back(*std::move(dims));
  }
  probe->model_ = &model;
  probe->graph_ = cut_out(graph, inputs, outputs);
  return probe->graph_ ? std::move(probe) : nullptr;
}

Result<std::vector<Tensor>> Probe::run(std::span<const std::vector<float>> inputs) const {
  std::vector<Tensor> tensors;
  for (size_t i = 0; i < inputs.size(); ++i)
    tensors.push_back(Tensor::of<float>(DType::kFloat32, dims_[i], inputs[i]));
  return evaluate(*model_, *graph_, tensors);
}

std::optional<Dims> sizes_of_one(const Value* value) {
  if (!value->shape.known_rank()) return std::nullopt;
  Dims dims;
  for (size_t i = 0; i < value->shape.rank(); ++i) {
    const Dim d = value->shape[i];
    if (!d.known() && i > 0) return std::nullopt;
    dims.push_back(d.known() ? d.size() : 1);
  }
  return dims;
}

}  // namespace pumice
