// TensorProto and TensorShapeProto.
#pragma once

#include <optional>

#include "formats/graph_def/proto_context.h"
#include "formats/protobuf/reader.h"
#include "graph/constant.h"
#include "graph/shape.h"

namespace pumice {

/// A shape; sizes below 0 are unknown dimensions.
Result<Shape> read_shape(ProtoReader message);

/// A tensor: a view into the file where its elements lie there as they are in memory, a Splat where
/// one element stands for all, a copy otherwise. nullopt for dtypes that the IR does not hold
/// (resource and variant handles, float8).
Result<std::optional<Constant>> read_tensor(ProtoReader message, ProtoContext* context);

}  // namespace pumice
