#include "formats/tfjs/constants.h"

#include <algorithm>
#include <unordered_set>

#include "graph/cast.h"

namespace pumice {
namespace {

/// The graph says dtype and shape of the constant but not its value, which then reads as zero
/// everywhere, or as empty strings.
bool lacks_value(const Constant& constant) {
  if (constant.elements() == 0) return false;
  const auto& transforms = constant.transforms();
  if (transforms.size() != 1 || !std::holds_alternative<Splat>(transforms[0])) return false;
  const Tensor& source = constant.source();
  if (source.dtype() == DType::kString) return source.strings()[0].empty();
  const auto bytes = source.bytes().view();
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{}; });
}

Result<Constant> value_for(const Node& node, const Constant* stated, const TfjsWeights& weights) {
  const auto it = weights.by_name.find(node.name);
  if (it == weights.by_name.end()) {
    if (stated && !lacks_value(*stated)) return *stated;
    return Error(ErrorCode::kMalformed, "the constant has no value")
        .expected("a weight of this name in the weights manifest")
        .hint("The manifest may belong to another model.");
  }
  const Constant& value = it->second;
  const DType dtype = stated ? stated->dtype() : node.attributes.dtype("dtype");
  if (dtype == DType::kInvalid || dtype == value.dtype()) return value;
  if (!castable(value.dtype(), dtype)) {
    return Error(ErrorCode::kMalformed, "the weight's dtype does not fit its constant")
        .expected(std::string(dtype_name(dtype)))
        .found(std::string(dtype_name(value.dtype())));
  }
  return value.then(CastTo{dtype});
}

class FilledFunctions : public FunctionLibrary {
 public:
  FilledFunctions(std::unique_ptr<FunctionLibrary> library,
                  std::shared_ptr<const TfjsWeights> weights, std::string file)
      : library_(std::move(library)), weights_(std::move(weights)), file_(std::move(file)) {}

  Result<const Graph*> find(const std::string& name) override {
    PUMICE_TRY(const Graph* graph, library_->find(name));
    if (graph && !filled_.count(name)) {
      // The graph belongs to the library, which this one owns: nobody has seen it yet.
      PUMICE_CHECK(fill_constants(const_cast<Graph*>(graph), *weights_, file_));
      filled_.insert(name);
    }
    return graph;
  }
  const Attributes* attributes(const std::string& name) override {
    return library_->attributes(name);
  }
  std::vector<std::string> names() const override { return library_->names(); }

 private:
  std::unique_ptr<FunctionLibrary> library_;
  std::shared_ptr<const TfjsWeights> weights_;
  std::string file_;
  std::unordered_set<std::string> filled_;
};

}  // namespace

Status fill_constants(Graph* graph, const TfjsWeights& weights, const std::string& file) {
  for (Node& node : *graph) {
    if (node.op != "Const") continue;
    auto value = value_for(node, node.attributes.find<Constant>("value"), weights);
    if (!value.ok()) return std::move(value).error().in(file).at(node.name, node.op);
    node.result()->dtype = value->dtype();
    node.result()->shape = Shape(value->dims());
    node.attributes.set("value", std::move(value).value());
  }
  return {};
}

std::unique_ptr<FunctionLibrary> with_weights(std::unique_ptr<FunctionLibrary> library,
                                              std::shared_ptr<const TfjsWeights> weights,
                                              std::string file) {
  return std::make_unique<FilledFunctions>(std::move(library), std::move(weights), std::move(file));
}

}  // namespace pumice
