// One graph to one SubGraph table.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include <flatbuffers/flatbuffers.h>

#include "graph/graph.h"
#include "pumice/error.h"
#include "tflite/buffers.h"

namespace pumice {

using TableOffset = flatbuffers::Offset<flatbuffers::Table>;

/// The distinct (operator, version) pairs of a file, in the order of their first use.
class OperatorCodes {
 public:
  struct Code {
    int code;
    std::string custom_name;  // empty for builtins
    int version;
  };
  uint32_t add(int code, const std::string& custom_name, int version);
  const std::vector<Code>& all() const { return codes_; }

 private:
  std::vector<Code> codes_;
  std::map<std::tuple<int, std::string, int>, uint32_t> index_;
};

/// What the subgraphs of a file share while they are written.
struct FileParts {
  flatbuffers::FlatBufferBuilder builder;
  BufferTable buffers;
  OperatorCodes codes;
  std::function<int(const std::string&)> subgraph_index;  // a graph's number by its name, or -1
};

struct WrittenSubgraph {
  TableOffset table;
  std::vector<int32_t> inputs, outputs;  // tensor numbers
  size_t tensors = 0;
};

Result<WrittenSubgraph> write_subgraph(const Graph& graph, FileParts& parts);

}  // namespace pumice
