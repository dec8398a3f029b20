// Detections drawn on a picture.
#pragma once

#include <vector>

#include "detection/picture.h"
#include "pumice/detect.h"

namespace pumice {

/// Boxes with labels ("NAME 93%"), the best on top; labels keep off one another where there is
/// room. Lines and letters grow with the picture.
void draw(Picture& picture, const std::vector<Detection>& detections);

}  // namespace pumice
