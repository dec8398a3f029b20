// Nodes that check, print or record, and that the model goes without.
#pragma once

#include <string>
#include <vector>

#include "import/import.h"

namespace pumice {

/// A check or a print that stands in the data's way: it hands its first operand on.
bool hands_on_first(const Node& node);

/// Adds the node to `dropped` (may be null) if it checks or prints, and what does so in the
/// branches of an If. `prefix` goes before its name.
Status note_dropped(const Source& source, const Node& node, const std::string& prefix,
                    std::vector<DroppedNode>* dropped);

}  // namespace pumice
