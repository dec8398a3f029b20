// From the public Selection to the importer's options.
#pragma once

#include "import/import.h"
#include "pumice/convert.h"

namespace pumice {

inline ImportOptions import_options(const Selection& selection) {
  ImportOptions options{selection.signatures, selection.input_arrays, selection.output_arrays, {}};
  for (const InputShape& shape : selection.input_shapes)
    options.input_shapes.push_back(shape.known_rank ? Shape(Dims(shape.sizes)) : Shape::unknown());
  return options;
}

}  // namespace pumice
