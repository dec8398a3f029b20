// Composites: functions whose attribute `_implements` says what they stand for.
#pragma once

#include <optional>
#include <string>

#include "formats/source.h"
#include "graph/attributes.h"
#include "pumice/error.h"

namespace pumice {

/// What becomes of a call to a function.
struct Composite {
  std::string op;         // the op that takes the call's place; empty: the body is inlined
  Attributes attributes;  // that op's
};

/// The rule. TFLite_Detection_PostProcess becomes the op of that name: the object-detection API's
/// exporter gives it a body of zeros. Any other function's body is what TensorFlow itself runs,
/// whatever it implements, and is inlined; unless the body takes arguments and uses none: then it
/// is a stand-in too, and an error (kUnsupported). `_implements` is a NameAttrList, as a message or
/// as text, or a bare name.
Result<Composite> read_composite(const Source& source, const std::string& function,
                                 const Node& call);

}  // namespace pumice
