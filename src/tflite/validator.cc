#include "tflite/validator.h"

#include <set>

#include "tflite/reader.h"

namespace pumice {
namespace {

Error malformed(std::string what) { return Error(ErrorCode::kMalformed, std::move(what)); }

class Checks {
 public:
  explicit Checks(const TfliteFile& file) : file_(file) {}

  Status run() {
    PUMICE_CHECK(signatures());
    for (const auto& [name, graph] : file_.model.graphs) {
      for (const Node& node : *graph) PUMICE_CHECK(calls(node));
    }
    return acyclic();
  }

 private:
  static Status distinct(const std::vector<SignatureTensor>& tensors, const std::string& key) {
    std::set<std::string> names;
    for (const SignatureTensor& tensor : tensors) {
      if (!names.insert(tensor.name).second) {
        return malformed("signature '" + key + "' has the name '" + tensor.name + "' twice");
      }
    }
    return {};
  }

  Status signatures() {
    std::set<std::string> keys;
    for (const Signature& signature : file_.model.signatures) {
      if (signature.key.empty()) continue;
      if (!keys.insert(signature.key).second) {
        return malformed("signature '" + signature.key + "' is there twice");
      }
      PUMICE_CHECK(distinct(signature.inputs, signature.key));
      PUMICE_CHECK(distinct(signature.outputs, signature.key));
    }
    return {};
  }

  /// The graph that an attribute names takes and gives as many tensors as the node passes on.
  Status fits(const Node& node, const char* attribute, size_t inputs, size_t outputs) {
    const FunctionRef* called = node.attributes.find<FunctionRef>(attribute);
    const Graph* graph = called ? file_.model.find(called->name) : nullptr;
    if (!graph) return malformed("calls no subgraph").at(node.name, node.op);
    if (graph->inputs().size() != inputs || graph->output_count() != outputs) {
      return malformed("the subgraph '" + called->name + "' does not fit the call")
          .at(node.name, node.op)
          .expected(std::to_string(inputs) + " inputs, " + std::to_string(outputs) + " outputs")
          .found(std::to_string(graph->inputs().size()) + " and " +
                 std::to_string(graph->output_count()));
    }
    return {};
  }

  Status calls(const Node& node) {
    const size_t operands = node.operand_count(), results = node.result_count();
    if (node.op == "WHILE") {
      PUMICE_CHECK(fits(node, "cond", operands, 1));
      PUMICE_CHECK(fits(node, "body", operands, results));
      if (operands != results) {
        return malformed("a loop must give what it takes").at(node.name, node.op);
      }
    } else if (node.op == "IF") {
      if (operands == 0) return malformed("the condition is missing").at(node.name, node.op);
      PUMICE_CHECK(fits(node, "then", operands - 1, results));
      PUMICE_CHECK(fits(node, "else", operands - 1, results));
    } else if (node.op == "CALL_ONCE") {
      PUMICE_CHECK(fits(node, "init", 0, 0));
    }
    return {};
  }

  /// No subgraph calls itself, straight or through others: a runtime would never end.
  Status acyclic() {
    std::map<std::string, int> callers;
    std::map<std::string, std::vector<std::string>> called;
    for (const auto& [name, graph] : file_.model.graphs) {
      callers.try_emplace(name, 0);
      for (const Node& node : *graph) {
        for (const auto& [attribute, value] : node.attributes) {
          if (const auto* f = std::get_if<FunctionRef>(&value)) {
            called[name].push_back(f->name);
            ++callers[f->name];
          }
        }
      }
    }
    std::vector<std::string> free;
    for (const auto& [name, count] : callers) {
      if (count == 0) free.push_back(name);
    }
    size_t ordered = 0;
    for (; ordered < free.size(); ++ordered) {
      const std::string name = free[ordered];
      for (const std::string& callee : called[name]) {
        if (--callers[callee] == 0) free.push_back(callee);
      }
    }
    if (ordered != callers.size()) return malformed("subgraphs call each other in a circle");
    return {};
  }

  const TfliteFile& file_;
};

}  // namespace

Status validate_tflite(const Bytes& bytes, const std::string& file) {
  PUMICE_TRY(const TfliteFile read, read_tflite(bytes, file));
  Status status = Checks(read).run();
  if (!status.ok()) return std::move(status).error().in(file);
  return {};
}

}  // namespace pumice
