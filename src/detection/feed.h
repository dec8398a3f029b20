// A picture as a model's input wants it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "detection/normalization.h"
#include "detection/picture.h"
#include "formats/npz/npz.h"
#include "graph/model.h"

namespace pumice {

struct Feed {
  NamedTensor tensor;
  std::string how;  // "300 x 300, (pixel - 127.5) / 127.5"
  std::vector<std::string> warnings;
};

/// The picture scaled to the input's size (an open size takes the picture's own), and its values:
///   float32       normalized; by 127.5 and 127.5 with a warning where nothing tells how
///   uint8         as they are; normalized and quantized only where the caller asks for it
///   int8          normalized and quantized, or pixel - 128 where nothing tells how
/// One channel gets the luminance. `known` is what the model's metadata tell, `asked` what the
/// caller does. Errors: kUnsupported for an input that is no picture, kUsage for a normalization
/// that does not fit.
Result<Feed> make_feed(const SignatureTensor& input, const Quantization* quantization,
                       const Picture& picture, const std::optional<Normalization>& known,
                       const std::optional<Normalization>& asked);

}  // namespace pumice
