// One SubGraph table to one graph.
#pragma once

#include <string>
#include <vector>

#include "tflite/flat_table.h"
#include "tflite/op_description.h"
#include "tflite/reader.h"

namespace pumice {

/// What the subgraphs of a file share while they are read.
struct FileTables {
  Bytes bytes;
  FlatBytes& flat;
  FlatVector buffers;
  struct Code {
    std::string op;
    const OpDescription* description;  // null: a custom operator
  };
  std::vector<Code> codes;
  bool writes_has_rank = false;  // some tensor says that its rank is known
};

/// The bytes of buffer `index`: a vector in the file or, by offset and size, behind it. Empty where
/// the buffer has none.
Result<Bytes> buffer_bytes(const FileTables& tables, uint32_t index);

/// Fills `graph`; `values` becomes the value of each tensor, null where nothing makes it. Adds to
/// `out.not_represented`.
Status read_subgraph(const FlatTable& subgraph, FileTables& tables, TfliteFile& out, Graph& graph,
                     std::vector<Value*>& values);

}  // namespace pumice
