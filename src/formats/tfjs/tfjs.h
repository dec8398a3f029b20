// TensorFlow.js graph models: model.json, or the older tensorflowjs_model.pb +
// weights_manifest.json.
#pragma once

#include <string>
#include <string_view>

#include "formats/source.h"
#include "formats/tfjs/weights.h"

namespace pumice {

/// The folder holds a TensorFlow.js model by its files' names.
bool is_tfjs_folder(const std::string& path);
/// The GraphDef file's weights stand beside it, as the older form has them.
bool has_tfjs_weights(const std::string& path);
/// The text could be a model.json: a JSON object.
bool is_tfjs_text(std::string_view text);

/// Reads a model from its folder, its model.json (whatever it is called) or its .pb file. Constants
/// have the values of the weights files; a signature's names lose their ":0". Errors: kUnsupported
/// for Keras models in TensorFlow.js form ("layers-model").
Result<Source> read_tfjs(const std::string& path, const ReadOptions& options);

/// Reads the content of a model.json at `path`, whose weights files `open` gives.
Result<Source> read_tfjs_json(const Bytes& json, const std::string& path, const OpenFile& open);

}  // namespace pumice
