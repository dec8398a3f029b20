// FunctionDefLibrary: functions parsed when they are first asked for.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "formats/graph_def/proto_context.h"
#include "formats/protobuf/reader.h"
#include "formats/source.h"

namespace pumice {

/// Op descriptions (OpDef) by op, as the descriptions of find_op_outputs().
std::string describe_outputs(ProtoReader op_def);

class GraphDefFunctions : public FunctionLibrary {
 public:
  /// `context` is shared with whoever reads the same file.
  explicit GraphDefFunctions(std::shared_ptr<ProtoContext> context)
      : context_(std::move(context)) {}

  /// Notes the functions of a FunctionDefLibrary; reads no more than their names.
  Status add_library(ProtoReader library);
  /// Notes MetaInfoDef.stripped_op_list: the outputs of ops that TensorFlow does not define.
  void set_op_list(std::string_view op_list) { op_list_ = op_list; }
  /// The outputs of an op that is a function here or stands in the op list.
  std::optional<std::string> outputs_of(std::string_view op);

  Result<const Graph*> find(const std::string& name) override;
  const Attributes* attributes(const std::string& name) override;
  std::vector<std::string> names() const override { return names_; }
  std::string_view bytes(const std::string& name) const override {
    const auto it = functions_.find(name);
    return it == functions_.end() ? std::string_view() : it->second.definition;
  }
  bool empty() const { return functions_.empty(); }

 private:
  struct Function {
    std::string_view definition;  // FunctionDef
    std::unique_ptr<Graph> graph;
    std::unique_ptr<Attributes> attributes;
  };
  Result<std::unique_ptr<Graph>> build(const std::string& name, std::string_view definition);

  std::shared_ptr<ProtoContext> context_;
  std::unordered_map<std::string_view, Function> functions_;
  std::vector<std::string> names_;
  std::string_view op_list_;
  bool op_list_read_ = false;
  std::unordered_map<std::string_view, std::string> listed_ops_;
};

}  // namespace pumice
