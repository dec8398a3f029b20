// Structural checks of a .tflite file.
#pragma once

#include <string>

#include "graph/tensor.h"
#include "pumice/error.h"

namespace pumice {

/// Checks that the file can be read whole and makes sense: every operator is known, every operand
/// is defined before it is used and every tensor at most once, constants have the bytes that their
/// shapes need, inputs, outputs and signatures name tensors of their subgraphs, signatures and
/// their names are distinct, called subgraphs take and give what their callers pass, and none calls
/// itself. The constants' bytes are not looked at. `file` is for messages.
Status validate_tflite(const Bytes& bytes, const std::string& file);

}  // namespace pumice
