// Attributes of nodes and functions that number operands, results or elements.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "pumice/error.h"

namespace pumice {

/// The function that an attribute's map entry names under "f"; empty when it is another attribute.
std::string_view function_of_attr(std::string_view entry);

/// Writes the map entry (field 5 of NodeDef) with the elements `lost` taken out of its lists of types
/// and operand numbers, and `strings` out of a constant. False: it is to be copied.
Result<bool> edit_node_attr(std::string_view entry, const std::set<size_t>& lost,
                            const std::set<size_t>& strings, std::string* out);

/// The same for a function's attribute about its arguments ("_input_shapes").
Result<bool> edit_function_attr(std::string_view entry, const std::set<size_t>& arguments,
                                std::string* out);

/// The text of a map entry that is the "value" of a scalar string constant; empty when it is not.
std::string_view string_of_attr(std::string_view entry);
/// Writes that map entry with another text.
void put_string_attr(std::string* out, std::string_view text);

}  // namespace pumice
